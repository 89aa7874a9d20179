/** Making elements without markup: text goes in as text, addresses only if they are the web's. */
import { attempt } from "./widget.visitor.js";

export function element(tag, name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), { className: `regulars-${name}`, ...properties });
  node.append(...children);
  return node;
}

export function button(name, label, onclick, properties) {
  return element("button", `${name} regulars-button`, { type: "button", textContent: label, onclick, ...properties });
}

/** Return `address` as an absolute http(s) URL, or "" for anything else, such as `javascript:`. */
export function webAddress(address, base) {
  const url = address && attempt(() => new URL(address, base));
  return url && /^https?:$/.test(url.protocol) ? url.href : "";
}
