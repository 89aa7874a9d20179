/**
 * The demo shop around the shelves: who is shopping, the cart, the product page, and the panel behind the shelves.
 *
 * The shelves are the same `<regulars-shelf>` any shop pastes; this file only sets their attributes and listens to their
 * events. When the shopper does something, the shop reports it to the API and then asks the shelves to look again:
 * that is the whole loop, shown → done → shown anew.
 */

const $ = (id) => document.getElementById(id);
const API = new URL("../../", import.meta.url);
const TOAST_MILLISECONDS = 2500;
const MOST_CATEGORIES = 12;
/** How many items a guest has to have looked at lately for the shelves to go by. */
const VIEWED_LIMIT = 10;

const shelves = () => [...document.querySelectorAll("regulars-shelf")];
const pageShelves = () => [...document.querySelectorAll("regulars-shelf[data-page]")];

/** What the shopper does survives a reload where storage is allowed, and works without it too. */
const memory = {
  read(key, otherwise) {
    try {
      return JSON.parse(sessionStorage.getItem(`regulars.${key}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  write(key, value) {
    try {
      sessionStorage.setItem(`regulars.${key}`, JSON.stringify(value));
    } catch { /* blocked storage: this page view only */ }
  },
};

/** item_id → { item, quantity } */
const cart = new Map(memory.read("cart", []));
let viewed = memory.read("viewed", []);
let households = [];
/** Where keys are asked for: /shop?key=pk_… */
const key = new URLSearchParams(location.search).get("key") ?? memory.read("key", "");
memory.write("key", key);
let user = new URLSearchParams(location.search).get("user") ?? memory.read("user", "");
let onShow = null;

function address(path) {
  const url = new URL(path, API);
  if (key) url.searchParams.set("key", key);
  return url;
}

function node(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function money(amount, currency) {
  if (amount == null) return "";
  try {
    return new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency }).format(amount);
  } catch {
    return amount.toFixed(2);
  }
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("shown"), TOAST_MILLISECONDS);
}

/* ---- The loop ------------------------------------------------------------------------------------------- */

/** Tell the API what happened, then let every shelf look again. */
async function report(events) {
  const time = new Date().toISOString();
  const body = events.map((event) => ({ event_id: crypto.randomUUID?.() ?? `${time}-${Math.random()}`, time, ...(user && { user_id: user }), ...event }));
  try {
    await fetch(address("v1/events"), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ events: body }) });
  } catch {
    toast("The shop could not be reached. Your cart is kept here.");
  }
  refresh();
}

function refresh() {
  shelves().forEach((shelf) => shelf.refresh?.());
}

const name = (item) => item.title || item.item_id;

function asEvent(event, item, quantity) {
  return { event, item_id: item.item_id, quantity, ...(item.price != null && { price: item.price, currency: item.currency }) };
}

/* ---- Who is shopping ------------------------------------------------------------------------------------- */

function shopAs(id) {
  user = id;
  memory.write("user", user);
  const household = households.find((each) => each.user_id === id);
  $("shopper-name").textContent = household?.label || id || "Guest";
  $("greeting").textContent = user ? "Good to see you again." : "Welcome in.";
  $("note").textContent = household?.note || (user ? "Your shelves, ready for you." : "Have a look around: the shelves learn as you go.");
  $("who").value = !user ? "guest" : household ? `household ${id}` : "other";
  $("other").hidden = $("who").value !== "other";
  if (!$("other").hidden) $("other").value = user;
  fillShelves();
}

function fillShelves() {
  if (key) for (const shelf of shelves()) shelf.setAttribute("key", key);
  for (const shelf of shelves()) user ? shelf.setAttribute("user", user) : shelf.removeAttribute("user");
  rememberSession();
}

/** A guest's shelves go by what was looked at in this session; a customer's by their purchases. */
function rememberSession() {
  const home = document.querySelector("[data-page][placement=home]");
  if (user || !viewed.length) home.removeAttribute("items");
  else home.setAttribute("items", JSON.stringify(viewed));
}

async function meetHouseholds() {
  try {
    const response = await fetch(address("shop/households.json"));
    if (!response.ok) throw new Error(response.status);
    const shop = await response.json();
    households = shop.households;
    document.title = shop.name;
    document.querySelectorAll("[data-shop-name]").forEach((each) => (each.textContent = shop.name));
  } catch { /* guests only */ }
  const options = households.map((each) => node("option", { value: `household ${each.user_id}`, textContent: each.label || each.user_id }));
  $("who").prepend(...options);
  shopAs(user);
}

$("who").addEventListener("change", () => {
  const choice = $("who").value;
  $("other").hidden = choice !== "other";
  if (choice === "other") return $("other").focus();
  shopAs(choice === "guest" ? "" : choice.replace("household ", ""));
});
$("other").addEventListener("change", () => shopAs($("other").value));
$("shopper").addEventListener("submit", (event) => event.preventDefault());

/* ---- Categories ------------------------------------------------------------------------------------------ */

/** The categories of what sells best are the ones worth a button. */
async function listCategories() {
  try {
    const answer = await fetch(address("v1/bestsellers?limit=100"));
    if (answer.status === 401 || answer.status === 403) return closeShop();
    const slate = await answer.json();
    const names = [...new Set(slate.items.map((item) => item.category).filter(Boolean))].slice(0, MOST_CATEGORIES);
    const chips = names.map((each) => node("button", { type: "button", className: "chip", textContent: each, ariaPressed: "false" }));
    chips.forEach((chip) => (chip.dataset.category = chip.textContent));
    $("categories").append(...chips.map((chip) => node("li", {}, chip)));
  } catch { /* the shelves say enough */ }
}

/** No key, or none that opens this: better to say how to come in than to show empty shelves. */
function closeShop() {
  $("closed").hidden = false;
  $("shelves").hidden = true;
}

$("categories").addEventListener("click", ({ target }) => {
  if (!target.matches(".chip")) return;
  const { category } = target.dataset;
  for (const chip of $("categories").querySelectorAll(".chip")) chip.ariaPressed = String(chip === target);
  for (const shelf of document.querySelectorAll("[data-filtered]")) {
    category ? shelf.setAttribute("category", category) : shelf.removeAttribute("category");
    const plain = { bestsellers: "Bestsellers", trending: "Trending" }[shelf.getAttribute("placement")];
    category ? shelf.setAttribute("heading", `${plain} in ${category}`) : shelf.removeAttribute("heading");
  }
});

/* ---- A product ------------------------------------------------------------------------------------------- */

function showProduct(item) {
  onShow = item;
  if (!user) {
    viewed = [item.item_id, ...viewed.filter((id) => id !== item.item_id)].slice(0, VIEWED_LIMIT);
    memory.write("viewed", viewed);
    rememberSession();
  }
  $("product-picture").src = new URL(item.image_url, API);
  $("product-category").textContent = item.category;
  $("product-title").textContent = name(item);
  $("product-price").textContent = money(item.price, item.currency);
  for (const id of ["together", "similar"]) $(id).setAttribute("item", item.item_id);
  if ($("cart").open) $("cart").close();
  if (!$("product").open) $("product").showModal();
  $("product").scrollTop = 0;
}

$("product-add").addEventListener("click", () => {
  addToCart(onShow);
  report([asEvent("add_to_cart", onShow, 1)]);
});
$("product-buy").addEventListener("click", () => buy([{ item: onShow, quantity: 1 }]));

function buy(lines) {
  const order_id = crypto.randomUUID?.() ?? String(Date.now());
  toast(lines.length === 1 ? `Bought: ${name(lines[0].item)}` : `Bought ${lines.length} items. Thank you!`);
  return report(lines.map(({ item, quantity }) => ({ ...asEvent("purchase", item, quantity), order_id })));
}

/* ---- The cart -------------------------------------------------------------------------------------------- */

function addToCart(item) {
  const quantity = (cart.get(item.item_id)?.quantity ?? 0) + 1;
  cart.set(item.item_id, { item, quantity });
  drawCart();
  toast(`In your cart: ${name(item)}`);
}

function changeQuantity(item, step) {
  const quantity = cart.get(item.item_id).quantity + step;
  quantity > 0 ? cart.set(item.item_id, { item, quantity }) : cart.delete(item.item_id);
  drawCart();
  report([asEvent(step > 0 ? "add_to_cart" : "remove_from_cart", item, 1)]);
}

function drawCart() {
  const lines = [...cart.values()];
  const count = lines.reduce((sum, line) => sum + line.quantity, 0);
  const total = lines.reduce((sum, { item, quantity }) => sum + quantity * (item.price ?? 0), 0);
  const focused = document.activeElement?.dataset?.key;
  $("lines").replaceChildren(...lines.map(cartLine));
  (focused && document.querySelector(`[data-key="${CSS.escape(focused)}"]`) || (focused && $("cart-title")))?.focus?.();
  $("cart-count").textContent = count;
  $("open-cart").ariaLabel = `Cart, ${count} ${count === 1 ? "item" : "items"}`;
  $("cart-empty").hidden = count > 0;
  $("checkout").hidden = $("total-line").hidden = count === 0;
  $("total").textContent = money(total, lines[0]?.item.currency);
  $("cart-shelf").setAttribute("items", JSON.stringify([...cart.keys()]));
  $("cart-shelf").toggleAttribute("heading", count === 0);
  if (count === 0) $("cart-shelf").setAttribute("heading", "To start with");
  memory.write("cart", [...cart]);
}

function cartLine({ item, quantity }) {
  const button = (text, label, step) => {
    const made = node("button", { type: "button", textContent: text, ariaLabel: `${label}: ${name(item)}`, onclick: () => changeQuantity(item, step) });
    made.dataset.key = `${step} ${item.item_id}`;
    return made;
  };
  return node(
    "li", {},
    node("img", { src: new URL(item.image_url, API), alt: "", width: 56, height: 56 }),
    node("div", {}, node("p", { textContent: name(item) }), node("p", { className: "quiet", textContent: money(item.price, item.currency) })),
    node("div", { className: "stepper" }, button("−", "One less", -1), node("output", { textContent: quantity }), button("+", "One more", 1)),
  );
}

$("open-cart").addEventListener("click", () => $("cart").showModal());
$("checkout").addEventListener("click", () => {
  const lines = [...cart.values()];
  cart.clear();
  drawCart();
  $("cart").close();
  buy(lines);
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

/* ---- The shelves report to the shop ----------------------------------------------------------------------- */

document.addEventListener("regulars:click", (event) => {
  event.preventDefault();
  showProduct(event.detail.item);
});
document.addEventListener("regulars:add", (event) => {
  addToCart(event.detail.item); // the widget has told the API already
  setTimeout(refresh, 150);
});

const backstage = new Map();

function note(shelf, cells) {
  backstage.set(shelf, [shelf.querySelector(".regulars-heading")?.textContent ?? shelf.getAttribute("placement"), ...cells]);
  $("slates").replaceChildren(...shelves().filter((each) => backstage.has(each)).map((each) => node("tr", {}, ...backstage.get(each).map((text) => node("td", { textContent: text })))));
}

document.addEventListener("regulars:loaded", ({ target, detail: { slate, milliseconds } }) => {
  const state = slate.degraded ? `degraded${slate.degraded_reason ? `: ${slate.degraded_reason}` : ""}` : "ok";
  note(target, [slate.source, slate.items.length, slate.model_version, `${milliseconds.toFixed(0)} ms`, state]);
});
document.addEventListener("regulars:empty", ({ target }) => note(target, ["–", 0, "–", "–", "empty"]));
document.addEventListener("regulars:error", ({ target, detail }) => note(target, ["–", 0, "–", "–", `error: ${detail.error.message}`]));

fillShelves(); // whose shelves they are is known before the households' names are
drawCart();
listCategories();
meetHouseholds();
