/** "Why these?": what a shelf rests on, in plain words, and the switch for the visitor's history. */
import { button, element } from "./widget.elements.js";
import { visitor } from "./widget.visitor.js";

const GROUNDS = {
  personal: "you",
  folded_in: "you",
  buy_again: "again",
  bought_together: "items",
  similar: "items",
};

/** Show the answer over the page; Escape and the button close it, and focus returns to where it was. */
export function explain(shelf) {
  const close = button("close", shelf.say("close"), () => dialog.close());
  const parts = [
    element("p", "why-title", { textContent: shelf.say("why") }),
    element("p", "why-text", { textContent: shelf.say(`why_${GROUNDS[shelf.slate.source] ?? "all"}`) }),
  ];
  if (shelf.canForget) {
    const label = shelf.say(visitor.personal ? "forget" : "remember");
    parts.push(button("history", label, () => (dialog.close(), visitor.useHistory(!visitor.personal))));
  }
  const dialog = element("dialog", "dialog", { ariaLabel: shelf.say("why"), onclose: () => dialog.remove() }, ...parts, close);
  dialog.onclick = ({ target }) => target === dialog && dialog.close();
  shelf.append(dialog);
  dialog.showModal();
}
