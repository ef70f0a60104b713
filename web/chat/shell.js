// What has to work before Python is up: sending, and keeping the newest message in view. The composer puts
// what is sent into the log as a queued article, always; Python takes queued articles from there, those of the
// time before it came included.
"use strict";
{
  const find = (id) => document.getElementById(id);
  const composer = find("composer");
  const box = find("message");
  const log = find("log");

  // A reader who is at the end stays there when something is added or the log gets smaller, as it does when a
  // phone's keyboard opens. One who reads above is left alone. A scroll event that comes with another size is
  // not the reader's: the browser makes it, to keep in view what was there.
  let atEnd = true;
  let size = "";
  const measure = () => `${log.scrollHeight} ${log.clientHeight}`;
  const scrollToEnd = () => {
    log.scrollTop = log.scrollHeight;
  };
  const stay = () => {
    size = measure();
    if (atEnd) scrollToEnd();
  };
  log.addEventListener("scroll", () => {
    if (size === measure()) atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    size = measure();
    if (atEnd) count(0);
  });
  new ResizeObserver(stay).observe(log);
  new MutationObserver(stay).observe(log, { childList: true, subtree: true });

  // What comes while the reader reads above is counted on a button that leads there. Python says what is new.
  const jump = find("jump");
  let unseen = 0;
  const count = (number) => {
    unseen = number;
    jump.hidden = !number;
    jump.textContent = number === 1 ? "1 new message" : `${number} new messages`;
  };
  log.addEventListener("arrived", () => {
    if (!atEnd) count(unseen + 1);
  });
  jump.addEventListener("click", () => {
    log.focus(); // or the focus would be gone with the button
    atEnd = true;
    scrollToEnd();
    count(0);
  });

  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (text && !box.readOnly) {
      const article = find("own-message").content.firstElementChild.cloneNode(true);
      article.querySelector(".bubble").textContent = text;
      log.append(article);
      scrollToEnd();
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

  // Until Python has taken over the page (main.py), whatever goes wrong is a failure of loading. PyScript
  // tells of some by an error, and of others only by ending its script ("py:done").
  const failed = () => {
    find("connection").dataset.state = "offline";
    find("status").replaceChildren(
      Object.assign(document.createElement("strong"), { textContent: "Offline" }),
      " The chat could not be loaded. Reload the page to try again.",
    );
  };
  const loading = new AbortController();
  document.addEventListener("chat-started", () => loading.abort(), { once: true });
  document.addEventListener("py:done", failed, { signal: loading.signal });
  window.addEventListener("error", failed, { capture: true, signal: loading.signal });
  window.addEventListener("unhandledrejection", failed, { signal: loading.signal });
}
