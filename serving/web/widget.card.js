/**
 * One item on a shelf: the widget's own card, or a copy of the page's `<template>`.
 *
 * In a template, `data-regulars="title"` and the like say what goes where (see `FILLERS` and `TEXTS`).
 */
import { button, element, webAddress } from "./widget.elements.js";
import { attempt } from "./widget.visitor.js";

const DUE_SOON_DAYS = 3;
const DAY_MILLISECONDS = 86_400_000;
const NO_BREAK_SPACE = "\u00a0";

const name = (item) => item.title || item.item_id;

const TEXTS = {
  title: (_, item) => name(item),
  price: (shelf, item) => (item.in_stock === false ? shelf.say("soldOut") : price(shelf, item)),
  reason,
};

const FILLERS = {
  image(node, shelf, item) {
    const src = webAddress(item.image_url, shelf.api);
    if (src) Object.assign(node, { alt: "", onerror: () => node.remove(), src });
    else node.remove();
  },
  link(node, shelf, item) {
    const href = webAddress(item.url, document.baseURI);
    if (href) node.href = href;
    node.onclick = (event) => shelf.clicked(event, item);
  },
  add(node, shelf, item) {
    node.ariaLabel = shelf.say("addItem", { title: name(item) });
    node.disabled = item.in_stock === false;
    node.onclick = () => shelf.added(item);
  },
  dismiss(node, shelf, item) {
    node.ariaLabel = shelf.say("dismiss", { title: name(item) });
    node.onclick = () => shelf.dismissed(item, node.closest(".regulars-card"));
  },
};

export function card(shelf, item) {
  const card = element("li", "card", {}, shelf.template ? copied(shelf, item) : own(shelf, item));
  card.dataset.item = item.item_id;
  return card;
}

/** A card of the height that full ones will have. */
export function greyCard(shelf) {
  const names = ["picture", "name", "price", "reason", ...(shelf.hasAttribute("add") ? ["add"] : [])];
  const parts = shelf.template ? [copied(shelf)] : names.map((part) => element("div", part));
  return element("div", "card regulars-skeleton", {}, ...parts);
}

function copied(shelf, item) {
  const copy = document.importNode(shelf.template.content, true);
  for (const node of copy.querySelectorAll("[data-regulars]")) {
    const part = node.dataset.regulars;
    if (!item) node.textContent = NO_BREAK_SPACE;
    else if (FILLERS[part]) FILLERS[part](node, shelf, item);
    else node.textContent = TEXTS[part] ? TEXTS[part](shelf, item) : item[part] ?? "";
  }
  return copy;
}

function own(shelf, item) {
  const part = (name, node) => (FILLERS[name](node, shelf, item), node);
  const image = Object.assign(new Image(320, 320), { loading: "lazy", decoding: "async" });
  const picture = element("div", "picture", {}, image);
  FILLERS.image(image, shelf, item);
  const isLink = webAddress(item.url, document.baseURI);
  const title = isLink ? element("a", "title") : button("title");
  title.append(element("span", "name", { textContent: name(item) }));
  const parts = document.createDocumentFragment();
  parts.append(
    picture,
    part("link", title),
    ...["price", "reason"].map((each) => element("p", each, { textContent: TEXTS[each](shelf, item) })),
    ...(shelf.hasAttribute("add") ? [part("add", button("add", shelf.say("add")))] : []),
    part("dismiss", button("dismiss", "×")),
  );
  return parts;
}

function price(shelf, { price, currency }) {
  if (price == null) return "";
  const format = attempt(() => new Intl.NumberFormat(shelf.language, { style: "currency", currency }));
  return format ? format.format(price) : `${price} ${currency ?? ""}`.trim();
}

function reason(shelf, { reason, category }) {
  const values = { title: reason?.item_title || reason?.item_id, category };
  let code = reason?.code;
  if (reason?.due_on) [code, values.date] = due(shelf, reason.due_on);
  return shelf.say(`because_${code}`, values) ?? shelf.say("because_popular");
}

/** Dates are compared with the slate's own, because a shop may replay an old log. */
function due(shelf, dueOn) {
  const day = Date.parse(dueOn);
  const today = Date.parse(shelf.slate.created_at) || Date.now();
  if (!(day > today + DUE_SOON_DAYS * DAY_MILLISECONDS)) return ["due_now"];
  const text = new Intl.DateTimeFormat(shelf.language, { day: "numeric", month: "short", timeZone: "UTC" }).format(day);
  return ["due_later", text.replaceAll(" ", NO_BREAK_SPACE)];
}
