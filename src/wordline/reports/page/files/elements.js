// Elements by name. Text is only ever set as text: nothing in the data can become markup.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value || value === 0 || value === "") node.setAttribute(name, value);
  }
  node.append(...children.flat(3).filter((child) => child || child === 0).map(asNode));
  return node;
}
const asNode = (child) => child instanceof Node ? child : document.createTextNode(String(child));
const el = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);
const unique = (items) => [...new Set(items)];

const numberCell = (...children) => el("td", { class: "num" }, children);
const heading = (text, isNumber) =>
  el("th", { scope: "col", class: isNumber ? "num" : "" }, text);
const scrolling = (label, table) =>
  el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);

// A share in percent; no sign on zero.
const percent = (share, digits = 1) =>
  (100 * share).toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1");

// A few words beside the pointer, and at once for a finger.
const tip = byId("tip");
function hint(node, text) {
  const show = (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const { clientX: x, clientY: y } = event;
    const above = y + box.height + 24 > innerHeight;
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 6))}px`;
    tip.style.top = `${above ? y - box.height - 12 : y + 16}px`;
  };
  node.addEventListener("pointerenter", show);
  node.addEventListener("pointermove", show);
  node.addEventListener("pointerleave", () => { tip.hidden = true; });
  node.append(svg("title", {}, text));
  return node;
}

// The colour of a verdict: "no masking found by these 30 checks" is the best there is.
function mood(verdict) {
  if (!verdict) return "";
  if (verdict.startsWith("no masking")) return "good";
  return verdict.startsWith("masking") ? "bad" : "warn";
}
