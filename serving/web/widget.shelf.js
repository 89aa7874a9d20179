/** The element itself: its attributes, its states (loading, ready, fallback, hidden) and what it reports. */
import { ask, dismissed, shelves } from "./widget.asking.js";
import { card, greyCard } from "./widget.card.js";
import { button, element } from "./widget.elements.js";
import { MESSAGES } from "./widget.messages.js";
import { outbox } from "./widget.outbox.js";
import { markSeen, watch } from "./widget.seen.js";
import { adoptStyles } from "./widget.styles.js";
import { attempt, newId, visitor } from "./widget.visitor.js";
import { explain } from "./widget.why.js";

const ORIGIN = new URL(".", import.meta.url).href;
const TIMEOUT_MILLISECONDS = 1500;
const UNDO_MILLISECONDS = 10_000;
const MOST_GREY_CARDS = 12;
const MOST_ITEMS = 200;
const CONTROLS = "a, button";
/** user → the guest they were on this device: their shelves count both until the API has made one of them. */
const guests = new Map();

export class RegularsShelf extends HTMLElement {
  static observedAttributes = [
    "placement", "user", "user-token", "anonymous-id", "item", "items", "limit", "category",
    "key", "api", "heading", "heading-level", "lang", "timeout", "add",
  ];

  /** The slate on show, as the API gave it, or null. */
  slate = null;
  #view = null;
  #list = null;
  #status = null;
  #timer = 0;
  #place = "";
  #request = null;
  #scheduled = false;

  get placement() { return this.#text("placement") || "home"; }
  get user() { return this.#text("user"); }
  get token() { return visitor.consent ? this.#text("user-token") : ""; }
  get item() { return this.#text("item"); }
  get category() { return this.#text("category"); }
  get key() { return this.#text("key"); }
  get api() { return new URL(`${this.#text("api") || ORIGIN}/`.replace(/\/+$/, "/"), document.baseURI).href; }
  get limit() { return Math.min(Math.max(parseInt(this.#text("limit")) || 8, 1), 100); }
  get timeout() { return Number(this.#text("timeout")) || TIMEOUT_MILLISECONDS; }
  get template() { return this.querySelector(":scope > template"); }
  get shown() { return this.slate?.items.map((item) => item.item_id) ?? []; }
  get canForget() { return Object.keys(this.#who()).length > 0; }

  /** A tag that is none, such as `e`, would stop whoever formats by it. */
  get language() {
    const tags = [this.closest("[lang]")?.lang.replaceAll("_", "-"), navigator.language, "en"];
    return tags.find((tag) => attempt(() => Intl.getCanonicalLocales(tag)[0]));
  }

  #text(name) { return this.getAttribute(name) ?? ""; }

  /** Ids as a JSON array, or separated by commas where no id holds one; as many as the API takes. */
  get items() {
    const text = this.#text("items");
    const ids = attempt(() => JSON.parse(text).map(String)) ?? text.split(",").map((id) => id.trim()).filter(Boolean);
    return ids.slice(0, MOST_ITEMS);
  }

  /** Whom a question is about: nobody without consent. */
  get visitor() { return visitor.personal || !this.canForget ? this.#who() : { ...this.#who(), personal: false }; }

  /** The key stands in the address, because beacons can set no headers. */
  url(path) {
    const url = new URL(`v1/${path}`, this.api);
    if (this.key) url.searchParams.set("key", this.key);
    return url;
  }

  /** Return a text in the shelf's language, "" if there is none, and undefined if one of its values is missing. */
  say(key, values = {}) {
    const tag = this.language.toLowerCase();
    const text = [tag, tag.split("-")[0], "en"].map((each) => MESSAGES[each]?.[key]).find(Boolean) ?? "";
    const isWhole = (text.match(/\w+(?=\})/g) ?? []).every((name) => values[name]);
    return isWhole ? text.replace(/\{(\w+)\}/g, (_, name) => values[name]) : undefined;
  }

  connectedCallback() {
    this.#guard(() => {
      shelves.add(this);
      adoptStyles(this.getRootNode());
      this.refresh();
    });
  }

  disconnectedCallback() {
    shelves.delete(this);
    this.#request?.abort();
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

  clicked(event, item) {
    this.#guard(() => {
      markSeen(event.currentTarget.closest(".regulars-card"));
      this.#report("click", item);
    });
    if (!this.#emit("click", { item, slate: this.slate })) event.preventDefault();
  }

  added(item) {
    const { price, currency } = item;
    this.#guard(() => this.#report("add_to_cart", item, { quantity: 1, price: price ?? undefined, currency }));
    this.#emit("add", { item, slate: this.slate });
  }

  /** The card leaves at once, the API is told a little later: until then it can be undone. */
  dismissed(item, card) {
    const focused = this.#focused();
    const id = this.#report("not_interested", item, {}, UNDO_MILLISECONDS);
    const undo = () => {
      outbox.drop(id);
      dismissed.delete(item.item_id);
      this.#tell();
      this.refresh();
    };
    dismissed.add(item.item_id);
    card.remove();
    this.#restoreFocus(focused);
    this.#tell(this.say("dismissed"), " ", button("undo", this.say("undo"), undo));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), UNDO_MILLISECONDS);
    this.#emit("dismiss", { item, slate: this.slate });
    this.refresh();
  }

  #tell(...parts) {
    const focused = this.#focused();
    this.#status.replaceChildren(...parts);
    this.#restoreFocus(focused);
  }

  async #load() {
    this.#request?.abort();
    const request = (this.#request = new AbortController());
    const started = performance.now();
    const timer = setTimeout(() => request.abort(new Error("the API took too long")), this.timeout);
    let before = null;
    try {
      this.#wait();
      before = this.slate;
      this.#signIn();
      const slate = await ask(this, request.signal);
      await this.#released();
      if (request !== this.#request) return;
      if (slate.items?.length) this.#show(slate, performance.now() - started);
      else this.#withdraw("empty", { slate });
    } catch (error) {
      if (request !== this.#request) return;
      this.slate = before; // one that cannot be drawn is not on show
      this.#guard(() => this.#fail(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a guest did on this device becomes the user's, once. */
  #signIn() {
    if (!this.user) return;
    outbox.vouch(this.user, this.token);
    const guest = this.hasAttribute("anonymous-id") ? "" : visitor.anonymousId();
    if (!guest) return;
    guests.set(this.user, guest);
    outbox.put(this.url("users:merge").href, guest, { anonymous_id: guest, user_id: this.user });
    visitor.forgetAnonymous();
  }

  /** Cards are not swapped under a pressed finger: the click would be lost. */
  async #released() {
    if (!this.matches(":active")) return;
    await new Promise((resolve) => {
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(resolve), { once: true });
    });
  }

  /** Keep what is on show while newer picks for the same shopper and place are fetched; else hold the place. */
  #wait() {
    this.setAttribute("aria-busy", "true");
    const { placement, user, item, category, key, api } = this;
    const place = JSON.stringify([placement, user, item, category, key, api, visitor.consent, visitor.personal]);
    if (place === this.#place) return;
    this.#place = place;
    this.slate = null;
    this.#status = element("p", "status", { role: "status" });
    const cards = Array.from({ length: Math.min(this.limit, MOST_GREY_CARDS) }, () => greyCard(this));
    const list = element("div", "items", {}, ...cards);
    const view = element("section", "shelf", { ariaHidden: "true", inert: true }, this.#head([]), list);
    this.#replaceView(view, "loading");
  }

  #show(slate, milliseconds) {
    const focused = this.#focused();
    const left = this.slate ? this.#list.scrollLeft : 0;
    this.slate = slate;
    const list = element("ul", "items", { role: "list" }); // Safari forgets that an unstyled list is one
    for (const item of slate.items.filter(({ item_id }) => !dismissed.has(item_id))) {
      const made = card(this, item);
      list.append(made);
      watch(made, () => this.#report("impression", item));
    }
    const why = button("why", this.say("why"), () => this.#guard(() => explain(this)), { ariaHasPopup: "dialog" });
    const head = this.#head([this.#status, why, ...this.#arrows(list)]);
    const view = element("section", "shelf", { ariaLabel: this.#heading() }, head, list);
    this.#replaceView(view, "ready");
    this.#list = list;
    list.scrollTo({ left, behavior: "instant" });
    list.dispatchEvent(new Event("scroll")); // the arrows know their state before the first frame
    this.#restoreFocus(focused);
    this.#emit("loaded", { slate, milliseconds });
  }

  /** Older picks are better than none, as long as they are for the same shopper and place. */
  #fail(error) {
    if (!this.#list?.children.length || !this.slate) return this.#withdraw("error", { error });
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
    this.#view?.remove();
    this.#view = view;
    if (view) this.append(view);
    this.dataset.state = state;
    if (state !== "loading") this.removeAttribute("aria-busy");
  }

  /** A shelf that had nothing personal or related to show does not claim to be either. */
  #heading() {
    const isPopular = this.slate?.source.startsWith("popular") && this.placement !== "bestsellers";
    return this.getAttribute("heading") ?? this.say(`heading_${isPopular ? "popular" : this.placement}`);
  }

  #head(controls) {
    const level = Math.min(Math.max(Number(this.#text("heading-level")) || 2, 1), 6);
    return element("div", "head", {}, element(`h${level}`, "heading", { textContent: this.#heading() }), ...controls);
  }

  /** Buttons for those who have neither a touch screen nor a sideways wheel; they appear when the list overflows. */
  #arrows(list) {
    const scroll = (direction) => {
      const sign = getComputedStyle(list).direction === "rtl" ? -direction : direction;
      list.scrollBy({ left: sign * list.clientWidth * 0.85 });
    };
    const [back, forth] = [["back", "‹", -1], ["forth", "›", 1]].map(([name, sign, direction]) =>
      button("arrow", sign, () => scroll(direction), { hidden: true, ariaLabel: this.say(name) }),
    );
    const update = () => {
      const [before, room] = [Math.abs(list.scrollLeft), list.scrollWidth - list.clientWidth];
      back.hidden = forth.hidden = room < 2;
      back.disabled = before < 2;
      forth.disabled = before > room - 2;
    };
    list.addEventListener("scroll", update, { passive: true });
    new ResizeObserver(update).observe(list);
    return [back, forth];
  }

  /** Tell the API; impressions name a guest only if they have an id already, everything else gives them one. */
  #report(event, item, more, hold) {
    const event_id = newId();
    const message = {
      event,
      event_id,
      ...this.#who(event !== "impression"),
      item_id: item.item_id,
      slate_id: this.slate.slate_id,
      placement: this.placement,
      rank: item.rank,
      variant: this.slate.variant,
      source: "web",
      time: new Date().toISOString(),
      ...more,
    };
    outbox.put(this.url("events").href, event_id, message, hold);
    if (event === "click" || event === "add_to_cart") outbox.send();
    return event_id;
  }

  #who(isNeeded) {
    if (!visitor.consent) return {};
    if (this.user) return { user_id: this.user, anonymous_id: guests.get(this.user) };
    const anonymous_id = this.#text("anonymous-id") || visitor.anonymousId(isNeeded);
    return anonymous_id ? { anonymous_id } : {};
  }

  /** Where the focus stands: in which card, or in the head, and on which of its controls. */
  #focused() {
    const active = this.getRootNode().activeElement;
    if (!this.#view?.contains(active)) return null;
    const card = active.closest(".regulars-card");
    const control = [...(card ?? this.#view.firstChild).querySelectorAll(CONTROLS)].indexOf(active);
    return { id: card?.dataset.item, index: [...this.#list.children].indexOf(card), control };
  }

  /** After new picks, focus stays on the same item, or on the one that took its place. */
  #restoreFocus(focused) {
    if (!focused) return;
    const cards = [...this.#list.children];
    const next = cards.find((card) => card.dataset.item === focused.id) ?? cards[Math.min(focused.index, cards.length - 1)];
    (next ?? this.#view.firstChild).querySelectorAll(CONTROLS)[focused.control]?.focus({ preventScroll: true });
  }

  /** Dispatch `regulars:<name>`; false if the page prevented the default. */
  #emit(name, detail) {
    const options = { bubbles: true, cancelable: true, composed: true, detail };
    return this.dispatchEvent(new CustomEvent(`regulars:${name}`, options));
  }

  #guard(action) {
    try {
      action();
    } catch (error) {
      console.warn("regulars-shelf:", error);
    }
  }
}

visitor.listeners.add(() => {
  if (!visitor.consent) guests.clear();
  shelves.forEach((shelf) => shelf.refresh());
});
