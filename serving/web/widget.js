/**
 * <regulars-shelf>: one shelf of recommendations in a shop page.
 *
 *   <script type="module" src="https://reco.example/widget.js"></script>
 *   <regulars-shelf placement="home" user="17"></regulars-shelf>
 *
 * The one idea: a shelf is a guest in somebody else's page. It never throws, waits a limited time, keeps its height
 * while it waits, writes text as text, and its styles live in a cascade layer, so that the shop's own rules always win.
 * The API says why an item is offered in data (a reason code); the words are the widget's (`MESSAGES`).
 *
 * Written as five modules, served as one (see `serving.web.bundle`).
 */

import { MESSAGES } from "./widget.messages.js";
import { CSS } from "./widget.styles.js";
import { REQUESTS } from "./widget.requests.js";
import { outbox } from "./widget.outbox.js";

const ORIGIN = new URL(".", import.meta.url).href;
const TIMEOUT_MILLISECONDS = 1500;
const MOST_GREY_CARDS = 12;
const DUE_SOON_DAYS = 3;
const DAY_MILLISECONDS = 86_400_000;
/** Share of the shelf in view from which it counts as seen. */
const SEEN = 0.5;

const seen = globalThis.IntersectionObserver
  ? new IntersectionObserver(
      (entries) => entries.forEach((entry) => entry.isIntersecting && entry.target.parentElement?.markSeen?.()),
      { threshold: SEEN },
    )
  : null;

let sheet;

/** Adopt the styles in the document or shadow root the shelf stands in; constructed sheets need no CSP exception. */
function adoptStyles(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

function element(tag, name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), { className: `regulars-${name}`, ...properties });
  node.append(...children);
  return node;
}

function fill(message, values) {
  return message.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Return `address` as an absolute http(s) URL, or "" for anything else, such as `javascript:`. */
function webAddress(address, base) {
  if (!address) return "";
  try {
    const url = new URL(address, base);
    return /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

class RegularsShelf extends HTMLElement {
  static observedAttributes = [
    "placement", "user", "item", "items", "limit", "category", "key", "api", "heading", "heading-level", "lang", "timeout", "add",
  ];

  /** The slate on show, as the API gave it, or null. */
  slate = null;
  #view = null;
  #key = "";
  #request = null;
  #scheduled = false;
  #reported = false;

  get placement() { return this.getAttribute("placement") || "home"; }
  get user() { return this.getAttribute("user") || ""; }
  get item() { return this.getAttribute("item") || ""; }
  get category() { return this.getAttribute("category") || ""; }
  get key() { return this.getAttribute("key") || ""; }
  get api() { return new URL(`${this.getAttribute("api") || ORIGIN}/`.replace(/\/+$/, "/"), document.baseURI).href; }
  get limit() { return Math.min(Math.max(Math.trunc(Number(this.getAttribute("limit"))) || 8, 1), 100); }
  get timeout() { return Number(this.getAttribute("timeout")) || TIMEOUT_MILLISECONDS; }
  get language() { return this.closest("[lang]")?.lang || navigator.language || "en"; }
  get messages() { return MESSAGES[this.language.toLowerCase().split("-")[0]] ?? MESSAGES.en; }

  /** Ids as a JSON array, or separated by commas where no id holds one. */
  get items() {
    const text = this.getAttribute("items")?.trim() ?? "";
    try {
      if (text.startsWith("[")) return JSON.parse(text).map(String);
    } catch { /* not JSON after all */ }
    return text.split(",").map((id) => id.trim()).filter(Boolean);
  }

  connectedCallback() {
    this.#guard(() => {
      adoptStyles(this.getRootNode());
      this.refresh();
    });
  }

  disconnectedCallback() {
    this.#request?.abort();
    if (this.#view) seen?.unobserve(this.#view);
  }

  attributeChangedCallback(_name, before, after) {
    if (before !== after && this.isConnected) this.refresh();
  }

  /** Ask again. Several calls in one turn of the event loop make one request. */
  refresh() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.isConnected) this.#load();
    });
  }

  /** Called by the observer when the shelf has come into view; a slate is reported once. */
  markSeen() {
    if (this.#reported || !this.slate) return;
    this.#reported = true;
    seen?.unobserve(this.#view);
    this.#guard(() => outbox.put(this.#url("events").href, this.slate.items.map((item) => this.#event("impression", item))));
  }

  async #load() {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const started = performance.now();
    try {
      this.#wait();
      const slate = await this.#fetch(request);
      await this.#released();
      if (request !== this.#request) return;
      if (slate.items?.length) this.#show(slate, performance.now() - started);
      else this.#withdraw("empty", { slate });
    } catch (error) {
      if (request === this.#request) this.#guard(() => this.#fail(error));
    }
  }

  /** Cards are not swapped under a pressed finger: the click would be lost. */
  async #released() {
    if (!this.matches(":active")) return;
    await new Promise((resolve) => {
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(resolve), { once: true });
    });
  }

  async #fetch(request) {
    const call = REQUESTS[this.placement]?.(this);
    if (!call) return { items: [] };
    const timer = setTimeout(() => request.abort(new DOMException("the API took too long", "TimeoutError")), this.timeout);
    try {
      const response = await fetch(this.#address(call), {
        signal: request.signal,
        credentials: "omit",
        ...(call.body && {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ ...call.body, limit: this.limit }),
        }),
      });
      if (!response.ok) throw new Error(`${response.status} from ${response.url}`);
      return await response.json();
    } finally {
      clearTimeout(timer);
    }
  }

  /** The key stands in the address, because beacons can set no headers. */
  #url(path) {
    const url = new URL(`v1/${path}`, this.api);
    if (this.key) url.searchParams.set("key", this.key);
    return url;
  }

  #address({ path, parameters, body }) {
    const url = this.#url(path);
    if (!body) {
      for (const [name, value] of Object.entries({ ...parameters, limit: this.limit })) {
        if (value) url.searchParams.set(name, value);
      }
    }
    return url;
  }

  /** Keep what is on show while newer picks for the same shopper and place are fetched; else hold the place. */
  #wait() {
    this.setAttribute("aria-busy", "true");
    const key = JSON.stringify([this.placement, this.user, this.item, this.category, this.key, this.api]);
    if (key === this.#key) return;
    this.#key = key;
    this.slate = null;
    const cards = Array.from({ length: Math.min(this.limit, MOST_GREY_CARDS) }, () => this.#greyCard());
    const view = element("section", "shelf", { ariaHidden: "true" }, this.#head([]), element("div", "items", {}, ...cards));
    this.#replaceView(view, "loading");
  }

  #show(slate, milliseconds) {
    const focused = this.#focusedItem();
    this.slate = slate;
    this.#reported = false;
    const list = element("ul", "items", {}, ...slate.items.map((item) => this.#card(item)));
    list.setAttribute("role", "list"); // Safari forgets that an unstyled list is one
    const heading = this.#headingText();
    const view = element("section", "shelf", {}, this.#head(this.#arrows(list)), list);
    view.setAttribute("aria-label", heading);
    this.#replaceView(view, "ready");
    if (focused) this.#restoreFocus(focused);
    seen?.observe(view);
    this.#emit("loaded", { slate, milliseconds });
  }

  /** Older picks are better than none, as long as they are for the same shopper and place. */
  #fail(error) {
    if (!this.slate) return this.#withdraw("error", { error });
    this.removeAttribute("aria-busy");
    this.#emit("error", { error });
  }

  /** Leave the page as if the shelf had never been there: show the fallback, or nothing. */
  #withdraw(event, detail) {
    this.slate = null;
    const hasFallback = [...this.children].some((child) => child.slot === "fallback");
    this.#replaceView(null, hasFallback ? "fallback" : "hidden");
    this.#emit(event, detail);
  }

  #replaceView(view, state) {
    if (this.#view) seen?.unobserve(this.#view);
    this.#view?.remove();
    this.#view = view;
    if (view) this.append(view);
    this.dataset.state = state;
    if (state !== "loading") this.removeAttribute("aria-busy");
  }

  /** A shelf that had nothing personal or related to show does not claim to be either. */
  #headingText() {
    const { headings } = this.messages;
    const kept = this.slate?.source.startsWith("popular") && this.placement !== "bestsellers" ? "popular" : this.placement;
    return this.getAttribute("heading") ?? headings[kept] ?? "";
  }

  #head(arrows) {
    const level = Math.min(Math.max(Number(this.getAttribute("heading-level")) || 2, 1), 6);
    const heading = element(`h${level}`, "heading", { textContent: this.#headingText() });
    return element("div", "head", {}, heading, ...arrows);
  }

  /** Buttons for those who have neither a touch screen nor a sideways wheel; they appear when the list overflows. */
  #arrows(list) {
    const { back, forth } = this.messages;
    const scroll = (direction) => {
      const sign = getComputedStyle(list).direction === "rtl" ? -direction : direction;
      list.scrollBy({ left: sign * list.clientWidth * 0.85 });
    };
    const buttons = [[back, -1], [forth, 1]].map(([label, direction]) =>
      element("button", "arrow", { type: "button", hidden: true, ariaLabel: label, onclick: () => scroll(direction) }),
    );
    const update = () => {
      const [before, room] = [Math.abs(list.scrollLeft), list.scrollWidth - list.clientWidth];
      for (const button of buttons) button.hidden = room < 2;
      buttons[0].disabled = before < 2;
      buttons[1].disabled = before > room - 2;
    };
    list.addEventListener("scroll", update, { passive: true });
    new ResizeObserver(update).observe(list);
    return buttons;
  }

  #card(item) {
    const parts = [
      element("div", "picture", {}, ...this.#image(item)),
      this.#title(item),
      element("p", "price", { textContent: item.in_stock === false ? this.messages.soldOut : this.#price(item) }),
      element("p", "reason", { textContent: this.#reason(item) }),
    ];
    if (this.hasAttribute("add")) parts.push(this.#addButton(item));
    const card = element("li", "card", {}, ...parts);
    card.dataset.item = item.item_id;
    return card;
  }

  #image(item) {
    const src = webAddress(item.image_url, this.api);
    if (!src) return [];
    const image = Object.assign(new Image(320, 320), { alt: "", loading: "lazy", decoding: "async" });
    return [Object.assign(image, { onerror: () => image.remove(), src })];
  }

  #greyCard() {
    const parts = ["picture", "name", "price", "reason"].map((name) => element("div", name));
    if (this.hasAttribute("add")) parts.push(element("div", "add"));
    return element("div", "card regulars-skeleton", {}, ...parts);
  }

  #title(item) {
    const address = webAddress(item.url, document.baseURI);
    const title = element(address ? "a" : "button", "title", {
      onclick: (event) => this.#guard(() => this.#click(event, item)),
    });
    title.append(element("span", "name", { textContent: item.title || item.item_id }));
    return Object.assign(title, address ? { href: address } : { type: "button" });
  }

  #addButton(item) {
    const { add, addItem } = this.messages;
    const onclick = () =>
      this.#guard(() => {
        outbox.put(this.#url("events").href, [this.#event("add_to_cart", item, { quantity: 1 })], { now: true });
        this.#emit("add", { item, slate: this.slate });
      });
    const ariaLabel = fill(addItem, { title: item.title || item.item_id });
    return element("button", "add", { type: "button", textContent: add, ariaLabel, onclick, disabled: item.in_stock === false });
  }

  #click(event, item) {
    outbox.put(this.#url("events").href, [this.#event("click", item)], { now: true });
    if (!this.#emit("click", { item, slate: this.slate })) event.preventDefault();
  }

  #price({ price, currency }) {
    if (price == null) return "";
    try {
      return new Intl.NumberFormat(this.language, { style: "currency", currency }).format(price);
    } catch {
      return `${price} ${currency ?? ""}`.trim();
    }
  }

  #reason({ reason, category }) {
    const texts = this.messages.reasons;
    const values = { title: reason?.item_title || reason?.item_id, category, date: "" };
    let code = reason?.code;
    if (reason?.due_on) [code, values.date] = this.#due(reason.due_on);
    const text = Object.hasOwn(texts, code ?? "") ? texts[code] : "";
    const lacks = ["title", "category"].some((name) => text.includes(`{${name}}`) && !values[name]);
    return lacks ? texts.popular : fill(text, values);
  }

  /** Dates are compared with the slate's own, because a shop may replay an old log. */
  #due(dueOn) {
    const due = Date.parse(dueOn);
    const today = Date.parse(this.slate.created_at) || Date.now();
    if (!(due > today + DUE_SOON_DAYS * DAY_MILLISECONDS)) return ["due_now", ""];
    const day = new Intl.DateTimeFormat(this.language, { day: "numeric", month: "short", timeZone: "UTC" }).format(due);
    return ["due_later", day.replaceAll(" ", "\u00a0")];
  }

  #event(event, item, more = {}) {
    return {
      event_id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`,
      event,
      ...(this.user && { user_id: this.user }),
      item_id: item.item_id,
      slate_id: this.slate.slate_id,
      placement: this.slate.placement,
      rank: item.rank,
      time: new Date().toISOString(),
      ...more,
    };
  }

  #focusedItem() {
    const active = this.getRootNode().activeElement;
    const card = this.#view?.contains(active) && active.closest(".regulars-card");
    return card && { id: card.dataset.item, name: active.className, index: [...card.parentNode.children].indexOf(card) };
  }

  /** After new picks, focus stays on the same item, or on the one that took its place. */
  #restoreFocus({ id, name, index }) {
    const cards = [...this.#view.querySelectorAll(".regulars-card")];
    const card = cards.find((each) => each.dataset.item === id) ?? cards[Math.min(index, cards.length - 1)];
    card?.querySelector(`.${name}`)?.focus({ preventScroll: true });
  }

  /** Dispatch `regulars:<name>`; false if the page prevented the default. */
  #emit(name, detail) {
    return this.dispatchEvent(new CustomEvent(`regulars:${name}`, { bubbles: true, cancelable: true, composed: true, detail }));
  }

  #guard(action) {
    try {
      action();
    } catch (error) {
      console.warn("regulars-shelf:", error);
    }
  }
}

if (!customElements.get("regulars-shelf")) customElements.define("regulars-shelf", RegularsShelf);
