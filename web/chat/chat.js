// The element <webchat-py>: the chat's frame, and what has to work before Python is up: sending, and keeping the
// newest message in view. The composer puts what is sent into the log as a queued article, always; Python (webchat_ui)
// takes queued articles from there, those of the time before it came included.
"use strict";
import { Language } from "./texts.js";

const here = (name) => new URL(name, import.meta.url).href;

const SAID = new Map([
  ["say", "textContent"],
  ["sayLabel", "ariaLabel"],
  ["sayPlaceholder", "placeholder"],
]);

// An element. Of its attributes those that hold a text to be said begin with "say": `sayLabel` makes an aria-label.
function make(say, tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (SAID.has(name)) element[SAID.get(name)] = say(value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A drawing of 24 by 24, in the colour of the text.
function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  for (const [name, value] of Object.entries({ class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }))
    drawing.setAttribute(name, value);
  drawing.append(document.createElementNS(space, "path"));
  drawing.firstChild.setAttribute("d", path);
  return drawing;
}

const PAPERCLIP =
  "M20.5 11.5 12 20a5.4 5.4 0 0 1-7.6-7.6L13 3.8a3.6 3.6 0 0 1 5 5L9.6 17.4a1.8 1.8 0 0 1-2.5-2.5l7.7-7.8";
const THUMB = "M7 11v9H4v-9zM9.5 20h7.6a2 2 0 0 0 1.9-1.4l1.9-6A2 2 0 0 0 19 10h-5l.9-4.3A2 2 0 0 0 13 3.3L8.5 10.6";

// What is in the shadow root.
function frame({ say, code, dir }, botName) {
  const title = botName || say("title");
  const bot = botName || say("bot");
  const h = (tag, attributes, ...children) => make(say, tag, attributes, ...children);
  const button = (id, text, more) => h("button", { type: "button", id, say: text, ...more });
  const thumb = (value, text) =>
    h("button", { type: "button", class: "thumb", value, sayLabel: text, "aria-pressed": "false", tabindex: "-1", hidden: "" }, icon(THUMB));
  const template = (id, article) => {
    const element = h("template", { id });
    element.content.append(article);
    return element;
  };
  return [
    h(
      "section",
      { id: "chat", lang: code, dir, "aria-labelledby": "title", hidden: "" },
      h("p", { id: "title", class: "unseen", role: "heading", "aria-level": "2" }, title),
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
            h("p", { id: "name", "aria-hidden": "true", dir: "auto" }, title),
            h("p", { id: "description", dir: "auto", hidden: "" }),
          ),
          button("conversations", "conversations", {
            class: "quiet",
            "aria-expanded": "false",
            "aria-controls": "list",
            disabled: "",
          }),
          button("alerts", "alerts", { class: "quiet", "aria-pressed": "false", disabled: "" }),
          button("new-conversation", "newConversation", { class: "quiet", disabled: "" }),
          button("close", "closeChat", { class: "quiet", hidden: "" }),
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
        h("div", { id: "list", role: "group", sayLabel: "conversations", tabindex: "-1", hidden: "" }, h("ul")),
        h(
          "div",
          { class: "conversation" },
          // Before the log: from below it the newest message would be reached first, and with it there is nothing to jump to.
          h("button", { type: "button", id: "jump", hidden: "" }),
          // New messages are read aloud from the announcer below, so that history scrolled in is not.
          h("div", { role: "log", id: "log", sayLabel: "conversation", "aria-live": "off", tabindex: "0" }),
        ),
        h(
          "div",
          { class: "hint-line" },
          h(
            "p",
            { id: "typing", hidden: "" },
            h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
            h("span", { id: "typist" }, say("typing", { author: bot })),
          ),
          h("p", { id: "closed", say: "closed", hidden: "" }),
        ),
        h("div", { id: "tray", role: "group", sayLabel: "picked", hidden: "" }, h("ul"), h("p", { class: "limits" })),
        h(
          "form",
          { id: "composer" },
          h(
            "button",
            { type: "button", id: "attach", sayLabel: "attach", "aria-describedby": "limits", disabled: "" },
            icon(PAPERCLIP),
          ),
          h("span", { id: "limits", hidden: "" }),
          h("input", { type: "file", id: "files", multiple: "", tabindex: "-1", hidden: "", sayLabel: "attach" }),
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
      h("p", { id: "drop", "aria-hidden": "true", say: "drop", hidden: "" }),
      button("opener", "showChat", { hidden: "" }),
      h(
        "dialog",
        { id: "question", role: "alertdialog", "aria-labelledby": "question-text" },
        h("p", { id: "question-text", say: "deleteQuestion" }),
        h(
          "form",
          { method: "dialog" },
          h("button", { type: "submit", value: "", say: "keep" }),
          h("button", { type: "submit", value: "yes", class: "danger", say: "delete" }),
        ),
      ),
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
          h("progress", { max: "1", hidden: "" }),
          " ",
          h("span", { class: "delivery", say: "waiting" }),
          " ",
          h("button", { type: "button", class: "cancel", say: "cancel", hidden: "" }),
          " ",
          h("button", { type: "button", class: "retry", say: "retry", hidden: "" }),
        ),
      ),
    ),
    template(
      "bot-message",
      h(
        "article",
        { class: "bot", "aria-label": bot },
        h("p", { class: "unseen author" }, say("says", { author: bot })),
        h("div", { class: "bubble", dir: "auto" }),
        h(
          "p",
          { class: "meta" },
          h("time"),
          " ",
          thumb("positive", "helpful"),
          " ",
          thumb("negative", "notHelpful"),
        ),
      ),
    ),
  ];
}

class WebchatPy extends HTMLElement {
  // Python makes HTML of Markdown with these.
  libraries = Promise.all([import("../vendor/marked/marked.esm.js"), import("../vendor/dompurify/purify.es.mjs")]);

  connectedCallback() {
    if (this.shadowRoot?.firstChild) return;
    this.language = new Language([this.lang, ...navigator.languages].filter(Boolean));
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    this.addEventListener("started", () => (this.started = true), { once: true });
    const style = make(null, "link", { rel: "stylesheet", href: here("./style.css") });
    root.append(style, ...frame(this.language, this.getAttribute("bot-name")));
    const find = (id) => root.getElementById(id);
    const isPage = this.getAttribute("layout") === "page";
    if (isPage) find("title").ariaLevel = "1";
    // A chat without its style is still one.
    for (const name of ["load", "error"]) style.addEventListener(name, () => (find("chat").hidden = false));
    keepInView(this, find);
    takeWhatIsSent(find);
    refuseToLeaveForAFile(find("chat"));
    this.#opening = new Opening(this, find);
    tellIfNotLoaded(this, find, isPage);
  }

  // Whether Python has taken it over.
  started = false;
  // Whether the reader is at the newest message, and stays there.
  atEnd = true;
  #opening;

  // The window. It is there from the beginning, unless the layout is "floating" and the reader has not opened it.
  show = () => this.#opening.set(true);
  hide = () => this.#opening.set(false);
  get shown() {
    return this.#opening.shown;
  }

  // Whether the reader has opened it, now or in an earlier page.
  get wanted() {
    return this.#opening.wanted;
  }

  // Tells Python that its chat is over, unless the element was only moved.
  disconnectedCallback() {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.dispatchEvent(new Event("removed"));
      this.shadowRoot.replaceChildren(); // should it come back, it begins anew
      this.started = false;
      this.atEnd = true;
    });
  }
}

// A reader who is at the end stays there when something is added or the log gets smaller, as it does when a
// phone's keyboard opens. One who reads above is left alone. A scroll event that comes with another size is
// not the reader's: the browser makes it, to keep in view what was there.
function keepInView(element, find) {
  const { say } = element.language;
  const log = find("log");
  let size = "";
  const measure = () => `${log.scrollHeight} ${log.clientHeight}`;
  const scrollToEnd = () => {
    log.scrollTop = log.scrollHeight;
  };
  const stay = () => {
    size = measure();
    if (element.atEnd) scrollToEnd();
  };
  log.addEventListener("scroll", () => {
    if (size === measure()) element.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    size = measure();
    if (element.atEnd) count(0);
  });
  new ResizeObserver(stay).observe(log);
  new MutationObserver(stay).observe(log, { childList: true, subtree: true });

  // What comes while the reader reads above is counted on a button that leads there. Python says what is new.
  const jump = find("jump");
  let unseen = 0;
  const count = (number) => {
    unseen = number;
    if (!number && jump.matches(":focus")) log.focus(); // or the focus would be gone with the button
    jump.hidden = !number;
    jump.textContent = say("newMessages", { count: number });
  };
  log.addEventListener("arrived", () => {
    if (!element.atEnd) count(unseen + 1);
  });
  jump.addEventListener("click", () => {
    element.atEnd = true;
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

  // The box grows with what is in it. WebKit has no field-sizing, which does it elsewhere.
  if (!CSS.supports("field-sizing", "content")) {
    const grow = () => {
      box.style.height = "";
      if (box.value) box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
    };
    box.addEventListener("input", grow);
    composer.addEventListener("reset", () => setTimeout(grow)); // when it has been reset
  }

  // What is written has its own direction; where nothing is, it is that of the chat.
  const { dir } = find("chat");
  const turn = () => (box.dir = box.value ? "auto" : dir);
  box.addEventListener("input", turn);
  composer.addEventListener("reset", () => setTimeout(turn));
  turn();

  // Enter sends, Shift+Enter breaks the line, and an Enter that ends a composition (IME) does neither.
  // Safari sends that Enter after the composition's end; the old key code 229 gives it away.
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });
}

// A file that is dropped beside what takes it, or before Python does, would replace the page.
function refuseToLeaveForAFile(chat) {
  const refuse = (event) => {
    if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
  };
  for (const name of ["dragover", "drop"]) chat.addEventListener(name, refuse);
}

// Whether the window is shown, and the button that opens it and counts what has come meanwhile. A floating one has
// the button always, and remembers. The focus never goes with what goes, and stays elsewhere if it is there.
class Opening {
  constructor(element, find) {
    this.find = find;
    this.root = element.shadowRoot;
    this.say = element.language.say;
    this.element = element;
    this.floats = element.getAttribute("layout") === "floating";
    this.key = `webchat ${element.getAttribute("client-id") ?? ""}#open`;
    this.missed = 0;
    const remembered = this.floats ? this.remembered() : "yes";
    this.wanted = remembered !== null;
    this.shown = remembered === "yes";
    find("close").hidden = !this.floats;
    find("opener").addEventListener("click", () => this.set(!this.shown));
    find("close").addEventListener("click", () => this.set(false));
    find("log").addEventListener("arrived", () => this.shown || this.count(this.missed + 1));
    find("window").addEventListener("keydown", (event) => {
      const composes = event.isComposing || event.keyCode === 229;
      if (this.floats && event.key === "Escape" && !composes && !event.defaultPrevented) this.set(false);
    });
    this.draw();
  }

  set(shown) {
    if (shown === this.shown) return;
    const [here, there] = shown ? ["opener", "message"] : ["window", "opener"];
    const viewer = this.find("viewer");
    if (viewer.open) viewer.close(); // gives the focus back to the picture
    const hadFocus = this.find(here).contains(this.root.activeElement);
    this.shown = shown;
    this.draw();
    if (hadFocus) this.find(there).focus();
    if (this.floats) this.remember(shown ? "yes" : "no");
    this.wanted ||= shown;
    this.element.dispatchEvent(new Event(shown ? "shown" : "hidden"));
  }

  draw() {
    this.find("window").hidden = !this.shown;
    const opener = this.find("opener");
    opener.hidden = this.shown && !this.floats;
    opener.ariaExpanded = this.floats ? String(this.shown) : null;
    this.count(0);
  }

  count(missed) {
    this.missed = missed;
    const text = this.shown ? this.say("closeChat") : this.say("showChat");
    this.find("opener").textContent = missed ? this.say("showChatNew", { count: missed }) : text;
  }

  remembered() {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null; // a browser that keeps nothing
    }
  }

  remember(value) {
    try {
      localStorage.setItem(this.key, value);
    } catch {
      // the next page begins anew
    }
  }
}

// What goes wrong until Python has taken over is a failure of loading: anything on a page that is nothing but a chat,
// and elsewhere what names a file of the chat or of its runtime. PyScript tells of some by an error, of others
// only by ending its scripts ("py:done"), and of its own absence not at all. What was sent until then nobody keeps.
function tellIfNotLoaded(element, find, isPage) {
  const { say } = element.language;
  const failed = () => {
    find("connection").dataset.state = "offline";
    find("status").replaceChildren(make(say, "strong", { say: "offline" }), ` ${say("notLoaded")}`);
  };
  // By the names of its files, whatever the page around it is called
  const names = /\/chat\/chat\.|\/pyscript|\/pyodide|\/webchat_/;
  const place = new URL(".", location.href).href.replace(/\/$/, "");
  const isOurs = (text) => names.test(String(text ?? "").replaceAll(place, ""));
  const failedIfOurs = ({ target, message, filename, reason }) => {
    if (isPage || [target.src, target.href, message, filename, reason?.message, reason?.stack].some(isOurs)) failed();
  };
  let ended = 0;
  const failedIfLast = () => {
    ended += 1;
    if (ended >= document.querySelectorAll("script[type=py], py-script").length) failed();
  };
  const failedIfNoPyScript = () => {
    const loaded = performance.getEntriesByType("resource").map(({ name }) => name.replaceAll(place, ""));
    if (document.querySelector("script[type=py]") && !loaded.some((name) => /(pyscript|core)[^/]*\.m?js/.test(name)))
      failed();
  };
  const askBeforeLeaving = (event) => {
    if (find("log").querySelector("[data-delivery=queued]")) event.preventDefault();
  };
  const loading = new AbortController();
  const { signal } = loading;
  for (const name of ["started", "removed"]) element.addEventListener(name, () => loading.abort(), { once: true });
  document.addEventListener("py:done", failedIfLast, { signal });
  window.addEventListener("error", failedIfOurs, { capture: true, signal });
  window.addEventListener("unhandledrejection", failedIfOurs, { signal });
  window.addEventListener("load", failedIfNoPyScript, { signal });
  window.addEventListener("beforeunload", askBeforeLeaving, { signal });
}

customElements.define("webchat-py", WebchatPy);
