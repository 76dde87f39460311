// The records, and which of them are chosen.
const data = JSON.parse(byId("data").textContent);
const records = data.studies.flatMap((study, index) => study.records.map((record) => ({ ...record, study: study.title, of: index })));
const DIMENSIONS = [["study", "study"], ["model", "network"], ["data", "data"], ["setting", "setting"], ["attack", "attack"], ["loss", "loss"],
  ["tile", "crossbar"], ["gain", "gain"], ["eps", "epsilon"]];
const isSoftware = (record) => record.tile === "software";
const byNumber = (a, b) => (parseFloat(a) || 0) - (parseFloat(b) || 0);
function valuesOf(name) {
  if (name === "eps") return unique([...records].sort((a, b) => a.at - b.at).map((r) => r.eps));
  const found = unique(records.filter((r) => name !== "gain" || !isSoftware(r)).map((r) => r[name]));
  return name === "tile" ? found.sort(byNumber) : found;
}
const dimensions = DIMENSIONS.map(([name, title]) => ({ name, title, values: valuesOf(name), off: new Set() })).filter((d) => d.values.length > 1);
function chosen(record) {  // software has no gain, and stays while any gain is chosen
  return dimensions.every((d) => (d.name === "gain" && isSoftware(record)) || !d.off.has(record[d.name]));
}
const listeners = [];
const onChange = (listener) => { listeners.push(listener); listener(records.filter(chosen)); };
const changed = () => { const now = records.filter(chosen); for (const listener of listeners) listener(now); };
function filterPanel() {
  if (!dimensions.length) return null;
  const count = el("span", { class: "soft small", role: "status", id: "count" });
  onChange((now) => { count.textContent = `${now.length} of ${records.length} records`; });
  const sets = dimensions.map((d) => el("fieldset", { "data-filter": d.name }, el("legend", {}, d.title), d.values.map((value) =>
    el("label", { class: "pill" }, el("input", { type: "checkbox", checked: true, value, onchange: (event) => {
      if (event.target.checked) d.off.delete(value); else d.off.add(value);
      changed();
    } }), el("span", {}, value === "-" ? "none" : value)))));
  const all = el("button", { type: "button", class: "do", onclick: () => {
    for (const d of dimensions) d.off.clear();
    for (const box of panel.querySelectorAll("input")) box.checked = true;
    changed();
  } }, "Choose all");
  const panel = el("form", { class: "filters", "aria-label": "Filters", onsubmit: (event) => event.preventDefault() }, sets, el("div", { class: "bar" }, count, all));
  return panel;
}
