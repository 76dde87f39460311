// Sortable tables: of records, with their conditions, and of a paper.
const verdictFlag = (words) => words ? el("span", { class: "flag " + mood(words) }, words) : "";
function sortable(columns, rows, drawRow, caption) {
  let by = -1, down = false;
  const body = el("tbody");
  const heads = columns.map((column, index) => el("th", { scope: "col", class: column.number ? "num" : "" },
    column.sort ? el("button", { type: "button", onclick: () => { down = by === index ? !down : Boolean(column.number); by = index; draw(); } }, column.title) : column.title));
  let now = rows;
  function draw() {
    heads.forEach((head, index) => { if (columns[index].sort) head.setAttribute("aria-sort", index === by ? (down ? "descending" : "ascending") : "none"); });
    const key = by < 0 ? null : columns[by].sort;
    const order = key ? [...now].sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1); }) : now;
    body.replaceChildren(...order.flatMap(drawRow));
  }
  draw();
  const table = el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body);
  return { node: el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table), show: (next) => { now = next; draw(); } };
}
const shareCell = ([value, low, high]) => el("td", { class: "num" }, value.toFixed(1), " ", el("span", { class: "interval" }, `[${low.toFixed(1)}, ${high.toFixed(1)}]`));
function copyButton(text) {
  const button = el("button", { type: "button", class: "do", onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select and copy"; }
  } }, "Copy");
  return button;
}
function details(record, columns) {
  const list = el("dl", { class: "conditions" }, record.conditions.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  return el("tr", { class: "detail" }, el("td", { colspan: columns }, el("div", { class: "bar" }, el("strong", {}, "Compute it again"), copyButton(record.command)),
    el("pre", {}, record.command), el("strong", {}, "Conditions"), list));
}
function recordTable() {
  const several = (name) => unique(records.map((r) => r[name])).length > 1;
  const columns = [
    { title: "setting", sort: (r) => r.setting, cell: (r) => r.setting },
    several("study") && { title: "study", sort: (r) => r.study, cell: (r) => r.study },
    several("model") && { title: "network", sort: (r) => r.model, cell: (r) => r.model },
    several("data") && { title: "data", sort: (r) => r.data, cell: (r) => r.data },
    { title: "crossbar", sort: (r) => parseFloat(r.tile) || 0, cell: (r) => r.tile },
    { title: "gain", sort: (r) => r.gain, cell: (r) => r.gain === "-" ? "" : r.gain },
    several("seed") && { title: "chip", sort: (r) => Number(r.seed), cell: (r) => isSoftware(r) ? "" : "#" + r.seed },
    { title: "attack", wide: true, sort: (r) => r.attack + String(r.at).padStart(9), cell: (r) => r.attack_words },
    ...["CA", "AA", "AL", "ASR"].map((name) => ({ title: name + " %", number: true, sort: (r) => r[name][0], share: name })),
    several("images") && { title: "images", number: true, sort: (r) => r.images, cell: (r) => r.images },
    records.some((r) => r.flag) && { title: "audit", sort: (r) => r.flag, cell: (r) => verdictFlag(r.flag) },
  ].filter(Boolean);
  const open = new Set();
  let table;
  const row = (record) => {
    const name = record.of + "/" + record.key;
    const toggle = el("button", { type: "button", class: "do", "aria-expanded": String(open.has(name)), onclick: () => { if (!open.delete(name)) open.add(name); table.show(records.filter(chosen)); } }, open.has(name) ? "−" : "+");
    toggle.setAttribute("aria-label", `conditions and command of ${record.setting} ${record.tile} ${record.attack_words}`);
    const cells = columns.map((c) => c.share ? shareCell(record[c.share]) : el("td", { class: c.number ? "num" : c.wide ? "wide" : "" }, c.cell(record)));
    const main = el("tr", { class: open.has(name) ? "open" : "", "data-key": record.key }, el("td", {}, toggle), cells);
    return open.has(name) ? [main, details(record, columns.length + 1)] : [main];
  };
  table = sortable([{ title: "" }, ...columns], records.filter(chosen), row, "Every record; 95 % intervals in brackets. A heading sorts; + opens conditions and command.");
  table.node.id = "records-table";
  table.node.classList.add("tall");
  onChange((now) => table.show(now));
  return table.node;
}
function paperTable(sheet) {
  const head = el("tr", {}, el("th", { scope: "col" }, sheet.corner), sheet.columns.map((c) => el("th", { scope: "col", class: "num" }, c)), sheet.audited ? el("th", { scope: "col" }, "audit") : null);
  const line = (label, pick, row) => el("tr", { class: "sub" }, el("th", { scope: "row" }, label), row.cells.map((c) => el("td", { class: "num" }, c[pick])), sheet.audited ? el("td") : null);
  const rows = sheet.rows.flatMap((row) => [
    el("tr", {}, el("th", { scope: "row" }, row.label), row.cells.map((c) => { const [value, ...rest] = c.ours.split(" "); return el("td", { class: "num" }, value, " ", el("span", { class: "interval" }, rest.join(" "))); }),
      sheet.audited ? el("td", {}, verdictFlag(row.flag)) : null),
    ...(row.cells.some((c) => c.published) ? [line("published", "published", row), line("difference", "difference", row)] : [])]);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": sheet.title }, el("table", { class: "paper" }, el("caption", {}, el("strong", {}, sheet.title), " ", sheet.caption), el("thead", {}, head), el("tbody", {}, rows)));
}
