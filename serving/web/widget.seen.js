/** A card counts as seen once half of it has been in view for a second: the rule of the MRC for viewable impressions. */
const SEEN_SHARE = 0.5;
const SEEN_MILLISECONDS = 1000;

/** card → { report, timer } */
const unseen = new WeakMap();

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, intersectionRatio } of entries) {
      clearTimeout(unseen.get(target)?.timer);
      if (intersectionRatio >= SEEN_SHARE) wait(target);
    }
  },
  { threshold: SEEN_SHARE },
);

function wait(card) {
  const state = unseen.get(card);
  if (state) state.timer = setTimeout(() => (document.hidden ? wait(card) : markSeen(card)), SEEN_MILLISECONDS);
}

/** Call `report` once, when the card has been seen. */
export function watch(card, report) {
  unseen.set(card, { report });
  observer.observe(card);
}

/** What was clicked was seen, however quickly. */
export function markSeen(card) {
  const state = unseen.get(card);
  unseen.delete(card);
  observer.unobserve(card);
  if (state && card.isConnected) state.report();
}
