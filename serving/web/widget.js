/**
 * <regulars-shelf>: one shelf of recommendations in a shop page.
 *
 *   <script type="module" src="https://reco.example/widget.js"></script>
 *   <regulars-shelf placement="home" user="17"></regulars-shelf>
 *
 * The one idea: a shelf is a guest in somebody else's page. It never throws, waits a limited time, keeps its height
 * while it waits, writes text as text, and its styles live in a cascade layer, so that the shop's own rules always win.
 * The API says why an item is offered in data (a reason code); the words are the widget's (`MESSAGES`).
 *
 * Written as several modules, served as one (see `serving.web.bundle`).
 */
import { MESSAGES } from "./widget.messages.js";
import { RegularsShelf } from "./widget.shelf.js";
import { consent, visitor } from "./widget.visitor.js";

/** A page may load the widget twice; the first one stays. */
if (!customElements.get("regulars-shelf")) {
  globalThis.Regulars = {
    consent,
    history(isUsed) {
      if (isUsed !== undefined) visitor.useHistory(isUsed);
      return visitor.personal;
    },
    anonymousId: () => visitor.anonymousId(true),
    messages: MESSAGES,
  };
  customElements.define("regulars-shelf", RegularsShelf);
}
