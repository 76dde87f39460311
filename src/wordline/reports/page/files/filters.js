// The panel of filters: a row a dimension, a pill a value.
function pill(dimension, value) {
  const onchange = (event) => {
    if (event.target.checked) dimension.off.delete(value);
    else dimension.off.add(value);
    announceChange();
  };
  return el("label", { class: "pill" },
    el("input", { type: "checkbox", checked: true, value, onchange }),
    el("span", {}, value === "-" ? "none" : value));
}

function filterPanel() {
  if (!dimensions.length) return null;
  const count = el("span", { class: "soft small", role: "status", id: "count" });
  onChange(() => {
    count.textContent = `${records.filter(isChosen).length} of ${records.length} records`;
  });
  const rows = dimensions.map((dimension) => el("fieldset", { "data-filter": dimension.name },
    el("legend", {}, dimension.title), dimension.values.map((value) => pill(dimension, value))));
  const onclick = () => {
    for (const dimension of dimensions) dimension.off.clear();
    for (const box of panel.querySelectorAll("input")) box.checked = true;
    announceChange();
  };
  const all = el("button", { type: "button", class: "do", onclick }, "Choose all");
  const onsubmit = (event) => event.preventDefault();
  const panel = el("form", { class: "filters", "aria-label": "Filters", onsubmit },
    rows, el("div", { class: "bar" }, count, all));
  return panel;
}
