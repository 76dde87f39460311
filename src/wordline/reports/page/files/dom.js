// Elements by name. Text is only ever set as text: nothing in the data can become markup.
const SVG = "http://www.w3.org/2000/svg";
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== "")
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);
const unique = (items) => [...new Set(items)];
const percent = (share, digits = 1) => (100 * share).toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1");
const tip = byId("tip");
function hint(node, text) {  // a few words beside the pointer, and at once for a finger
  const show = (event) => {
    tip.textContent = text; tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 6)) + "px";
    tip.style.top = (event.clientY + box.height + 24 > innerHeight ? event.clientY - box.height - 12 : event.clientY + 16) + "px";
  };
  node.addEventListener("pointerenter", show); node.addEventListener("pointermove", show);
  node.addEventListener("pointerleave", () => { tip.hidden = true; });
  node.append(svg("title", {}, text));
  return node;
}
function mood(verdict) {  // "no masking found by these 30 checks" is the best that can be said
  if (!verdict) return "";
  if (verdict.startsWith("no masking")) return "good";
  return verdict.startsWith("masking") ? "bad" : "warn";
}
