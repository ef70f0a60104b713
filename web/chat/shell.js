// What has to work before Python is up: sending. The composer puts what is sent into the log as a queued
// article, always; Python takes queued articles from there, those of the time before it came included.
"use strict";
{
  const find = (id) => document.getElementById(id);
  const composer = find("composer");
  const box = find("message");
  const log = find("log");

  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (text) {
      const article = find("own-message").content.firstElementChild.cloneNode(true);
      article.querySelector(".bubble").textContent = text;
      log.append(article);
      log.scrollTop = log.scrollHeight;
      composer.reset();
      article.dispatchEvent(new CustomEvent("queued", { bubbles: true }));
    }
    box.focus();
  });

  // Enter sends, Shift+Enter breaks the line, and an Enter that ends a composition (IME) does neither.
  // Safari sends that Enter after the composition's end; the old key code 229 gives it away.
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });

  // PyScript says "py:ready" once Python runs. A failure before that is one of loading.
  const failed = () => {
    find("connection").dataset.state = "offline";
    find("status").replaceChildren(
      Object.assign(document.createElement("strong"), { textContent: "Offline" }),
      " The chat could not be loaded. Reload the page to try again.",
    );
  };
  const loading = new AbortController();
  document.addEventListener("py:ready", () => loading.abort(), { once: true });
  window.addEventListener("error", failed, { capture: true, signal: loading.signal });
  window.addEventListener("unhandledrejection", failed, { signal: loading.signal });
}
