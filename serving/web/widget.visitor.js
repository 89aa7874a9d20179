/**
 * Who is looking, and what they allow: consent, a guest's id, and whether their history may be used.
 *
 * `<html data-regulars-consent="ask">` means no until the page says yes; without the attribute the page vouches for it.
 * Without consent nothing is kept, nothing is reported, and nobody is named to the API.
 */
const PREFIX = "regulars:";
const ATTRIBUTE = "data-regulars-consent";
const root = document.documentElement;

/** Return what `action` returns, or undefined if it fails. */
export function attempt(action) {
  try {
    return action();
  } catch { /* undefined says it */ }
}

/** What the browser keeps. Where storage is blocked or full nothing is kept, and nothing breaks. */
export const memory = {
  read: (name) => attempt(() => localStorage.getItem(PREFIX + name)),
  write(name, value) {
    attempt(() => (value ? localStorage.setItem(PREFIX + name, value) : localStorage.removeItem(PREFIX + name)));
  },
  names() {
    const keys = attempt(() => Object.keys(localStorage)) ?? [];
    return keys.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
  },
};

export const visitor = {
  /** Called without arguments whenever consent or the use of history has changed. */
  listeners: new Set(),
  anonymous: "",
  personal: memory.read("history") !== "off",
  consent: undefined,

  /** The guest's id; it comes into being with the first thing a guest does, not before. */
  anonymousId(isNeeded) {
    if (!visitor.consent) return "";
    visitor.anonymous ||= memory.read("anonymous") ?? "";
    if (!visitor.anonymous && isNeeded) memory.write("anonymous", (visitor.anonymous = newId()));
    return visitor.anonymous;
  },

  forgetAnonymous() {
    visitor.anonymous = "";
    memory.write("anonymous");
  },

  useHistory(isUsed) {
    visitor.personal = isUsed;
    if (visitor.consent) memory.write("history", isUsed ? "" : "off");
    visitor.tell();
  },

  tell() {
    for (const listener of visitor.listeners) listener();
  },
};

const isAsking = root.getAttribute(ATTRIBUTE) === "ask";

function settle() {
  const answers = { yes: true, no: false };
  const consent = answers[root.getAttribute(ATTRIBUTE)] ?? answers[memory.read("consent")] ?? !isAsking;
  if (consent === visitor.consent) return;
  visitor.consent = consent;
  if (!consent) {
    visitor.anonymous = "";
    for (const name of memory.names()) if (memory.read(name) !== "no") memory.write(name);
  }
  visitor.tell();
}

settle();
new MutationObserver(settle).observe(root, { attributeFilter: [ATTRIBUTE] });

/** Give, withdraw or read consent. Of a refusal only the "no" is kept, and only where silence would mean yes. */
export function consent(given) {
  if (given !== undefined) {
    memory.write("consent", given ? "yes" : isAsking ? "" : "no");
    root.setAttribute(ATTRIBUTE, given ? "yes" : "no");
    settle();
  }
  return visitor.consent;
}

/** `crypto.randomUUID` exists on https only; shops are tried out on http. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
