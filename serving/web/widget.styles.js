/**
 * The widget's looks, in a cascade layer: any rule of the page is stronger. The variables `--regulars-*` are public.
 * Every line of a card has a fixed height, so a grey card is as tall as a full one and nothing moves when picks arrive.
 */
const CSS = `@layer regulars {
regulars-shelf {
  --_width: var(--regulars-card-width, 11rem);
  --_gap: var(--regulars-gap, 1rem);
  --_muted: var(--regulars-muted, color-mix(in srgb, currentColor 68%, transparent));
  --_tile: var(--regulars-tile, color-mix(in srgb, currentColor 8%, transparent));
  --_line: 1.35;
  display: block;
  line-height: var(--_line);
  min-width: 0;
}
regulars-shelf[hidden], regulars-shelf[data-state=hidden],
regulars-shelf:not([data-state=fallback]) > [slot=fallback] { display: none }
.regulars-head { display: flex; align-items: center; gap: .5rem; margin: 0 0 .75rem; min-height: 2.25rem }
.regulars-heading { flex: 1; min-width: 0; margin: 0; font-size: var(--regulars-heading-size, 1.25rem); line-height: 1.25 }
.regulars-items {
  display: grid; grid-auto-flow: column; grid-auto-columns: var(--_width); gap: var(--_gap);
  margin: 0; padding: 4px; margin-inline: -4px; list-style: none;
  overflow-x: auto; overscroll-behavior-x: contain; scroll-snap-type: x proximity; scroll-padding: 4px; scrollbar-width: none;
}
.regulars-card { position: relative; display: flex; flex-direction: column; gap: .25rem; scroll-snap-align: start }
.regulars-picture {
  aspect-ratio: 1; overflow: hidden; margin-bottom: .25rem;
  border-radius: var(--regulars-radius, .75rem); background: var(--_tile);
}
.regulars-picture img { display: block; width: 100%; height: 100%; object-fit: cover }
.regulars-title::after { content: ""; position: absolute; inset: 0; border-radius: var(--regulars-radius, .75rem) }
.regulars-title:focus-visible { outline: none }
.regulars-title:focus-visible::after, .regulars-button:focus-visible {
  outline: 2px solid var(--regulars-accent, currentColor); outline-offset: 2px;
}
.regulars-title:hover .regulars-name { text-decoration: underline }
.regulars-name, .regulars-reason {
  height: calc(2em * var(--_line)); line-height: var(--_line); overflow: hidden; overflow-wrap: anywhere;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2;
}
.regulars-reason { margin: 0; font-size: .8125em; color: var(--_muted) }
.regulars-price { margin: 0; font-weight: 600; height: calc(1em * var(--_line)) }
.regulars-button {
  position: relative; font: inherit; color: inherit; background: var(--_tile); border: 0; cursor: pointer;
}
.regulars-title {
  display: flex; position: static; padding: 0; background: none; font: inherit; font-weight: 600; color: inherit;
  text-align: start; text-decoration: none;
}
.regulars-add {
  height: 2.25rem; margin-top: .25rem; border-radius: 99px; font-size: .875em; font-weight: 600;
  color: var(--regulars-accent, inherit);
}
.regulars-add:hover, .regulars-arrow:hover, .regulars-dialog .regulars-button:hover {
  background: color-mix(in srgb, currentColor 16%, transparent);
}
.regulars-button:disabled { opacity: .4; cursor: default }
.regulars-arrow {
  width: 2.25rem; height: 2.25rem; border-radius: 50%; padding: 0; flex: none; font-size: 1.5em; line-height: 1;
}
.regulars-dismiss {
  position: absolute; inset-block-start: .25rem; inset-inline-end: .25rem; width: 2rem; height: 2rem; padding: 0;
  border-radius: 50%; line-height: 1; background: color-mix(in srgb, Canvas 85%, transparent); color: CanvasText;
}
.regulars-why, .regulars-undo {
  flex: none; padding: .25rem; background: none; font-size: .8125em; color: var(--_muted);
  text-decoration: underline; unicode-bidi: plaintext;
}
.regulars-undo { color: inherit; font-size: 1em; font-weight: 600 }
.regulars-status { margin: 0; font-size: .8125em; unicode-bidi: plaintext }
.regulars-dialog {
  box-sizing: border-box; max-width: min(26rem, calc(100vw - 2rem)); padding: 1.25rem; border: 0;
  border-radius: var(--regulars-radius, .75rem); background: Canvas; color: CanvasText; box-shadow: 0 1rem 3rem rgb(0 0 0 / .3);
}
.regulars-dialog::backdrop { background: rgb(0 0 0 / .4) }
.regulars-why-title { margin: 0; font-size: 1.125em; font-weight: 600 }
.regulars-why-text { margin: .5rem 0 1rem }
.regulars-dialog .regulars-button { padding: .5rem 1rem; border-radius: 99px; margin-inline-end: .5rem; font-weight: 600 }
.regulars-skeleton :is(.regulars-name, .regulars-reason, .regulars-price)::after {
  content: ""; display: block; width: 85%; height: .8em; margin-top: .25em; border-radius: 4px; background: var(--_tile);
}
.regulars-skeleton :is(.regulars-reason, .regulars-price)::after { width: 55% }
@media (hover: none) { .regulars-arrow { display: none } }
@media not (any-pointer: coarse) { .regulars-card:not(:hover, :focus-within) > .regulars-dismiss { opacity: 0 } }
@media (prefers-reduced-motion: no-preference) {
  .regulars-items { scroll-behavior: smooth }
  .regulars-skeleton { animation: regulars-pulse 1.4s ease-in-out infinite alternate }
  .regulars-picture img { transition: scale .2s }
  .regulars-card:hover img { scale: 1.04 }
}
@keyframes regulars-pulse { to { opacity: .45 } }
}`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

/** Adopt the styles in the document or shadow root a shelf stands in; constructed sheets need no CSP exception. */
export function adoptStyles(root) {
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
