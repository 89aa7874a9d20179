/**
 * What is reported waits here a moment, leaves in batches, and leaves at once when the page does.
 *
 * Each message is kept in the browser under its own id until the API has taken it: what was under way when the page
 * was left, or the network, is sent again by the next page. The API knows repeated ids, so nothing counts twice.
 */
import { post } from "./widget.asking.js";
import { attempt, memory, visitor } from "./widget.visitor.js";

const KEPT = "event:";
const BATCH_MILLISECONDS = 300;
const BATCH_EVENTS = 50;
const MOST_WAITING = 500;
const LOOK_AGAIN_MILLISECONDS = 12_000;
const FIRST_PAUSE_MILLISECONDS = 2000;
const LAST_PAUSE_MILLISECONDS = 300_000;

/** id → { url, message, until, isLeaving, refused }: `refused` is the token that did not prove who signed in. */
const waiting = new Map();
/** The signed tokens of users on this page; they are never kept. */
const tokens = new Map();
let pause = FIRST_PAUSE_MILLISECONDS;
let leaving = false;

export const outbox = {
  /** `hold` milliseconds can pass before it leaves, unless the page is left: time to think again. */
  put(url, id, message, hold = 0) {
    if (!visitor.consent) return;
    if (waiting.size >= MOST_WAITING) outbox.drop(waiting.keys().next().value);
    const until = Date.now() + hold;
    waiting.set(id, { url, message, until });
    memory.write(KEPT + id, JSON.stringify([url, message, until]));
    setTimeout(send, hold || BATCH_MILLISECONDS);
  },

  drop(id) {
    waiting.delete(id);
    memory.write(KEPT + id);
  },

  /** A token proves who a user is, and what waits for one tries again. */
  vouch(user, token) {
    if (!token || token === tokens.get(user)) return;
    tokens.set(user, token);
    setTimeout(send, BATCH_MILLISECONDS);
  },

  send,
};

const tokenOf = ({ message }) => tokens.get(message.user_id) ?? "";

/** One request per address and user, and per message that is no event. */
function send() {
  const groups = new Map();
  for (const [id, each] of waiting) {
    if (each.isLeaving || (each.until > Date.now() && !leaving) || each.refused === tokenOf(each)) continue;
    each.isLeaving = true;
    const name = each.message.event ? `${each.url} ${each.message.user_id}` : id;
    groups.set(name, [...(groups.get(name) ?? []), id]);
  }
  for (const ids of groups.values()) {
    while (ids.length) deliver(ids.splice(0, BATCH_EVENTS));
  }
}

/** A fetch with `keepalive` outlives the page as a beacon does, and unlike one it sends no cookies and tells how it went. */
async function deliver(ids) {
  const first = waiting.get(ids[0]);
  const { url, message } = first;
  const token = tokenOf(first);
  const events = message.event && ids.map((id) => waiting.get(id).message);
  const content = events ? { events, sent_at: new Date().toISOString() } : message;
  let isTaken;
  try {
    const response = await post(url, { ...content, user_token: token || undefined }, { keepalive: true });
    // What the API refuses now, it will refuse again; a busy or broken API will not.
    isTaken = response.status < 500 && response.status !== 429 && response.status !== 408;
    if (!message.event && response.headers.get("X-User-Token")) {
      isTaken = false;
      first.refused = token;
      if (visitor.consent) memory.write(KEPT + ids[0], JSON.stringify([url, message, 0, ""]));
    }
    pause = Math.max(pause, 1000 * response.headers.get("Retry-After") || 0);
  } catch { /* offline, or no API there */ }
  for (const id of ids) {
    if (isTaken) outbox.drop(id);
    else if (waiting.has(id)) waiting.get(id).isLeaving = false;
  }
  if (isTaken) pause = FIRST_PAUSE_MILLISECONDS;
  else setTimeout(send, (pause = Math.min(2 * pause, LAST_PAUSE_MILLISECONDS)));
}

/** Take over what other pages could not deliver. What can be undone on one of them is its own to send, for so long. */
function takeOver() {
  if (!visitor.consent) return;
  let isHeld = false;
  for (const name of memory.names()) {
    const id = name.slice(KEPT.length);
    if (!name.startsWith(KEPT) || waiting.has(id)) continue;
    const [url, message, until, refused] = attempt(() => JSON.parse(memory.read(name))) ?? [];
    if (until > Date.now()) isHeld = true;
    else if (message) waiting.set(id, { url, message, until, refused });
  }
  setTimeout(send, FIRST_PAUSE_MILLISECONDS);
  if (isHeld) setTimeout(takeOver, LOOK_AGAIN_MILLISECONDS);
}

takeOver();

visitor.listeners.add(() => visitor.consent || waiting.clear());
addEventListener("online", send);
addEventListener("pageshow", () => (leaving = false));
addEventListener("pagehide", () => {
  leaving = true;
  send();
});
document.addEventListener("visibilitychange", () => document.hidden && send());
