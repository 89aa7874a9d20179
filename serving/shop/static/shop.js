/**
 * What a script adds to the pages: shelves lead to product pages, "Add to cart" stays on the page, and the panel behind
 * the shelves says where each came from. Everything else, and all of this but the shelves, works without it.
 */

const ROOT = new URL("../../", import.meta.url);
const TOAST_MILLISECONDS = 6000;
/** How much later the shelves look again where the widget reports by itself, beside our own request. */
const REPORT_MILLISECONDS = 200;
const $ = (id) => document.getElementById(id);
const shelves = () => [...document.querySelectorAll("regulars-shelf")];

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("shown"), TOAST_MILLISECONDS);
}

/* ---- The cart ------------------------------------------------------------------------------------------- */

let last = Promise.resolve();

/** One after another: the cart is a cookie, and two answers at once would each forget the other's item. */
function put(fields) {
  last = last.then(async () => {
    try {
      const response = await fetch(new URL("shop/cart", ROOT), {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams({ form: document.body.dataset.form, ...fields }),
      });
      if (!response.ok) throw new Error(response.status);
      const { count, hints } = await response.json();
      for (const badge of document.querySelectorAll("[data-cart-count]")) badge.textContent = count;
      toast(hints.map(({ deed, effect }) => `${deed} ${effect}`).join(" "));
      if (document.body.dataset.page === "cart") location.reload();
      else setTimeout(() => shelves().forEach((shelf) => shelf.refresh?.()), fields.reported ? REPORT_MILLISECONDS : 0);
    } catch {
      toast("The shop could not be reached. Please try again.");
    }
  });
}

document.addEventListener("submit", (event) => {
  const { target } = event;
  if (!target.matches("form[data-add]")) return;
  event.preventDefault();
  put(Object.fromEntries(new FormData(target)));
});

/* ---- The shelves ---------------------------------------------------------------------------------------- */

document.addEventListener("regulars:click", (event) => {
  event.preventDefault();
  const address = new URL("shop/item", ROOT);
  address.searchParams.set("id", event.detail.item.item_id);
  location.assign(address);
});

/** The widget has told the API already. */
document.addEventListener("regulars:add", (event) => put({ id: event.detail.item.item_id, reported: 1 }));

/* ---- Behind the shelves --------------------------------------------------------------------------------- */

const backstage = new Map();

function note(shelf, cells) {
  const heading = shelf.querySelector(".regulars-heading")?.textContent || shelf.getAttribute("placement");
  backstage.set(shelf, [heading, ...cells]);
  const rows = shelves().filter((each) => backstage.has(each));
  $("slates").replaceChildren(
    ...rows.map((each) => {
      const row = document.createElement("tr");
      for (const text of backstage.get(each)) row.insertCell().textContent = text;
      return row;
    }),
  );
}

document.addEventListener("regulars:loaded", ({ target, detail: { slate, milliseconds } }) => {
  const state = slate.degraded ? `degraded${slate.degraded_reason ? `: ${slate.degraded_reason}` : ""}` : "ok";
  const took = milliseconds === undefined ? "–" : `${milliseconds.toFixed(0)} ms`;
  note(target, [slate.source, slate.items.length, slate.model_version, took, state]);
});
document.addEventListener("regulars:empty", ({ target }) => note(target, ["–", 0, "–", "–", "empty"]));
document.addEventListener("regulars:error", ({ target, detail }) => note(target, ["–", 0, "–", "–", `error: ${detail.error?.message ?? detail.error}`]));
