/**
 * What the shelves of a page ask: together, in one request, so that no item stands on two of them.
 *
 * A shelf alone asks by the plainest address that says it all: such answers are the cheapest for the API.
 * A shelf that lacks what its placement needs asks for nothing and stays empty.
 */
const QUESTIONS = {
  home: (shelf) => ({ placement: "home", seeds: { viewed: shelf.items } }),
  product: ({ item }) => item && { placement: "product", seeds: { viewed: [item] } },
  "bought-together": ({ item }) => item && { placement: "cart", seeds: { cart: [item] } },
  cart: (shelf) => ({ placement: "cart", seeds: { cart: shelf.items } }),
  reorder: (shelf) => shelf.visitor.user_id && { placement: "reorder" },
  trending: () => ({ placement: "trending" }),
  bestsellers: () => ({ placement: "bestsellers" }),
};

/** The last part of the address that asks the same of one shelf, behind the id of its user or item. */
const PATHS = {
  home: (shelf) => shelf.visitor.user_id && !shelf.items.length && ["users", shelf.user, "recommendations"],
  product: ({ item }) => ["items", item, "similar"],
  "bought-together": ({ item }) => ["items", item, "bought-together"],
  reorder: (shelf) => ["users", shelf.user, "buy-again"],
  trending: () => ["trending"],
  bestsellers: () => ["bestsellers"],
};

/** What a request can hold: 100 shelves with 1000 places. A shelf counts for ten at least, so that one sum says both. */
const MOST_PLACES = 1000;
const LEAST_PLACES = 10;
const MOST_EXCLUDED = 1000;
const UNPROCESSABLE = 422;

/** Ids of what was not for this visitor, since the page was opened. */
export const dismissed = new Set();
/** The shelves on the page. */
export const shelves = new Set();

const gathered = new Map();

/** Return a promise of the slate for `shelf`; all who ask in one turn of the event loop share a request. */
export function ask(shelf, signal) {
  const question = QUESTIONS[shelf.placement]?.(shelf);
  if (!question) return { items: [] };
  Object.assign(question, shelf.visitor, { limit: shelf.limit });
  if (shelf.category) question.filters = { categories: [shelf.category] };
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    const name = [shelf.api, shelf.key, shelf.token].join();
    if (!gathered.has(name)) {
      gathered.set(name, []);
      setTimeout(() => {
        sendOff(gathered.get(name));
        gathered.delete(name);
      });
    }
    gathered.get(name).push({ shelf, question, signal, resolve, reject });
  });
}

/**
 * Ask for as many as one request can hold, then for the rest, less what is `taken` by then.
 * A shelf the API cannot make sense of spoils nobody else's: each asks again by itself then.
 */
async function sendOff(everybody, taken = []) {
  const present = everybody.filter(({ signal }) => !signal.aborted);
  let places = 0;
  const group = present.filter(({ question }) => (places += Math.max(question.limit, LEAST_PLACES)) <= MOST_PLACES);
  if (!group[0]) return;
  const request = new AbortController();
  let left = group.length;
  for (const { signal } of group) signal.addEventListener("abort", () => --left || request.abort());
  try {
    const asking = present.map(({ shelf }) => shelf);
    const elsewhere = [...shelves].filter((shelf) => !asking.includes(shelf)).flatMap((shelf) => shelf.shown);
    const exclude = [...new Set([...dismissed, ...taken, ...elsewhere])].slice(0, MOST_EXCLUDED);
    if (exclude.length) for (const { question } of group) question.exclude = exclude;
    const response = await call(group, request.signal);
    if (response.status === UNPROCESSABLE && group[1]) group.forEach((each) => sendOff([each], taken));
    else if (!response.ok) throw new Error(`${response.status} from ${response.url}`);
    else {
      const answer = await response.json();
      const slates = group[1] ? answer.slates : [answer];
      group.forEach(({ resolve }, index) => resolve(slates[index]));
      taken = [...taken, ...slates.flatMap(({ items }) => items.map((item) => item.item_id))];
    }
  } catch (error) {
    for (const { reject } of group) reject(error);
  }
  sendOff(present.slice(group.length), taken);
}

/** The shelves' request, by the plainest way that says it all. */
function call(group, signal) {
  const [{ shelf, question }] = group;
  const { exclude, anonymous_id, personal, user_id, limit } = question;
  const isPlain = !exclude && !anonymous_id && personal !== false && !shelf.token && !group[1];
  const path = isPlain && PATHS[shelf.placement]?.(shelf);
  if (path) {
    const url = shelf.url(path.map(encodeURIComponent).join("/"));
    const parameters = { category: shelf.category, user_id: path[0] === "users" ? "" : user_id, limit };
    for (const [name, value] of Object.entries(parameters)) if (value) url.searchParams.set(name, value);
    return fetch(url, { signal, credentials: "omit" });
  }
  const content = group[1] ? { requests: group.map((each) => each.question), distinct: true } : question;
  const url = shelf.url(group[1] ? "slates" : "recommendations");
  return post(url, { ...content, user_token: shelf.token || undefined }, { signal });
}

export function post(url, content, options) {
  const headers = { "Content-Type": "application/json" };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(content), credentials: "omit", ...options });
}
