/** Events wait here a moment, leave in one batch per address, and leave at once when the page does. */
const BATCH_MILLISECONDS = 300;

export const outbox = {
  waiting: new Map(),
  timer: 0,

  put(address, events, { now = false } = {}) {
    this.waiting.set(address, [...(this.waiting.get(address) ?? []), ...events]);
    clearTimeout(this.timer);
    if (now) this.send();
    else this.timer = setTimeout(() => this.send(), BATCH_MILLISECONDS);
  },

  send() {
    for (const [address, events] of this.waiting) deliver(address, JSON.stringify({ events }));
    this.waiting.clear();
  },
};

/** A fetch with `keepalive` outlives the page as a beacon does, and sends no cookies; the beacon is its understudy. */
function deliver(url, body) {
  const type = "application/json";
  const beacon = () => navigator.sendBeacon?.(url, new Blob([body], { type }));
  const request = { method: "POST", body, headers: { "Content-Type": type }, keepalive: true, credentials: "omit" };
  const sent = "keepalive" in Request.prototype ? fetch(url, request) : Promise.reject(new Error("no keepalive"));
  sent.catch(() => leaving || beacon()).catch(() => {}); // a page that is left forgets its requests; they still arrive
}

let leaving = false;
addEventListener("pageshow", () => (leaving = false));
addEventListener("pagehide", () => {
  leaving = true;
  outbox.send();
});
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && outbox.send());
