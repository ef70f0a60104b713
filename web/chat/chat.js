// The element <webchat-py>: the chat's frame, and what has to work before Python is up: sending, and keeping the
// newest message in view. The composer puts what is sent into the log as a queued article, always; Python (webchat_ui)
// takes queued articles from there, those of the time before it came included.
"use strict";
import { Language } from "./texts.js";

const here = (name) => new URL(name, import.meta.url).href;

// An element. Of its attributes those that hold a text to be said begin with "say": `sayLabel` makes an aria-label.
function make(say, tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const said = { say: "textContent", sayLabel: "ariaLabel", sayPlaceholder: "placeholder" };
  for (const [name, value] of Object.entries(attributes)) {
    if (name in said) element[said[name]] = say(value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// What is in the shadow root.
function frame({ say, code, dir }) {
  const h = (tag, attributes, ...children) => make(say, tag, attributes, ...children);
  const button = (id, text, more) => h("button", { type: "button", id, say: text, ...more });
  const template = (id, article) => {
    const element = h("template", { id });
    element.content.append(article);
    return element;
  };
  return [
    h(
      "section",
      { id: "chat", lang: code, dir, "aria-labelledby": "title", hidden: "" },
      h("p", { id: "title", class: "unseen", role: "heading", "aria-level": "2", say: "title" }),
      h(
        "div",
        { id: "window" },
        h(
          "header",
          {},
          h("div", { id: "avatar" }),
          h(
            "div",
            { class: "names" },
            h("p", { id: "name", "aria-hidden": "true", dir: "auto", say: "title" }),
            h("p", { id: "description", dir: "auto", hidden: "" }),
          ),
          button("alerts", "alerts", { class: "quiet", "aria-pressed": "false", disabled: "" }),
          button("new-conversation", "newConversation", { class: "quiet", disabled: "" }),
          h(
            "div",
            { id: "connection", "data-state": "connecting" },
            h(
              "p",
              { role: "status", id: "status" },
              h("strong", { say: "connecting" }),
              " ",
              h("span", { say: "writeAlready" }),
            ),
            button("reconnect", "reconnect", { class: "quiet", hidden: "" }),
          ),
        ),
        h(
          "div",
          { class: "conversation" },
          // New messages are read aloud from the announcer below, so that history scrolled in is not.
          h("div", { role: "log", id: "log", sayLabel: "conversation", "aria-live": "off", tabindex: "0" }),
          h("button", { type: "button", id: "jump", hidden: "" }),
        ),
        h(
          "div",
          { class: "hint-line" },
          h(
            "p",
            { id: "typing", hidden: "" },
            h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
            h("span", { id: "typist" }, say("typing", { author: say("bot") })),
          ),
          h("p", { id: "closed", say: "closed", hidden: "" }),
        ),
        h(
          "form",
          { id: "composer" },
          h("label", { class: "unseen", for: "message", say: "message" }),
          h("textarea", {
            id: "message",
            dir: "auto",
            rows: "1",
            sayPlaceholder: "placeholder",
            enterkeyhint: "send",
            autocomplete: "off",
          }),
          h("button", { type: "submit", say: "send" }),
        ),
      ),
      button("opener", "showChat", { hidden: "" }),
      h(
        "dialog",
        { id: "viewer", sayLabel: "picture" },
        h("form", { method: "dialog" }, h("button", { type: "submit", class: "quiet", say: "close" })),
        h("div", { id: "viewed" }),
      ),
      h("div", { id: "announcer", class: "unseen", "aria-live": "polite" }),
      h("audio", { id: "alert-sound", src: here("./alert.wav"), preload: "none" }),
    ),
    template(
      "own-message",
      h(
        "article",
        { class: "own", sayLabel: "you", "data-delivery": "queued" },
        h("p", { class: "unseen author" }, say("says", { author: say("you") })),
        h("div", { class: "bubble", dir: "auto" }),
        h(
          "p",
          { class: "meta" },
          h("time"),
          " ",
          h("span", { class: "delivery", say: "waiting" }),
          " ",
          h("button", { type: "button", class: "retry", say: "retry", hidden: "" }),
        ),
      ),
    ),
    template(
      "bot-message",
      h(
        "article",
        { class: "bot", sayLabel: "bot" },
        h("p", { class: "unseen author" }, say("says", { author: say("bot") })),
        h("div", { class: "bubble", dir: "auto" }),
        h("p", { class: "meta" }, h("time")),
      ),
    ),
  ];
}

class WebchatPy extends HTMLElement {
  // Python makes HTML of Markdown with these.
  libraries = Promise.all([import("../vendor/marked/marked.esm.js"), import("../vendor/dompurify/purify.es.mjs")]);

  connectedCallback() {
    if (this.shadowRoot) return;
    this.language = new Language([this.lang, ...navigator.languages].filter(Boolean));
    const root = this.attachShadow({ mode: "open" });
    const style = make(null, "link", { rel: "stylesheet", href: here("./style.css") });
    root.append(style, ...frame(this.language));
    const find = (id) => root.getElementById(id);
    const isPage = this.getAttribute("layout") === "page";
    if (isPage) find("title").ariaLevel = "1";
    style.addEventListener("load", () => (find("chat").hidden = false), { once: true });
    keepInView(find, this.language.say);
    takeWhatIsSent(find);
    if (isPage) tellIfNotLoaded(this, find, this.language.say);
  }

  // Tells Python that its chat is over, unless the element was only moved.
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.dispatchEvent(new Event("removed")));
  }
}

// A reader who is at the end stays there when something is added or the log gets smaller, as it does when a
// phone's keyboard opens. One who reads above is left alone. A scroll event that comes with another size is
// not the reader's: the browser makes it, to keep in view what was there.
function keepInView(find, say) {
  const log = find("log");
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
    jump.textContent = say("newMessages", { count: number });
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
}

function takeWhatIsSent(find) {
  const composer = find("composer");
  const box = find("message");
  const log = find("log");
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (text && !box.readOnly) {
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
}

// On a page that is nothing but a chat, whatever goes wrong until Python has taken over is a failure of loading.
// PyScript tells of some by an error, and of others only by ending its script ("py:done").
function tellIfNotLoaded(element, find, say) {
  const failed = () => {
    find("connection").dataset.state = "offline";
    const word = Object.assign(document.createElement("strong"), { textContent: say("offline") });
    find("status").replaceChildren(word, ` ${say("notLoaded")}`);
  };
  const loading = new AbortController();
  element.addEventListener("started", () => loading.abort(), { once: true });
  document.addEventListener("py:done", failed, { signal: loading.signal });
  window.addEventListener("error", failed, { capture: true, signal: loading.signal });
  window.addEventListener("unhandledrejection", failed, { signal: loading.signal });
}

customElements.define("webchat-py", WebchatPy);
