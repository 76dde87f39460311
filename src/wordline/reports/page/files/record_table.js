// The table of all records; a row opens to its conditions and the command that repeats it.
const auditFlag = (note) => note ? el("span", { class: "flag " + mood(note) }, note) : "";
const shareText = ([value, low, high]) => [value.toFixed(1), " ",
  el("span", { class: "interval" }, `[${low.toFixed(1)}, ${high.toFixed(1)}]`)];

function recordColumns() {
  const differ = (name) => unique(records.map((r) => r[name])).length > 1;
  const plain = (name, title) => ({ title, sort: (r) => r[name], cell: (r) => r[name] });
  const share = (name) => ({
    title: name + " %", number: true, sort: (r) => r[name][0], cell: (r) => shareText(r[name]),
  });
  return [
    plain("setting", "setting"),
    differ("study") && plain("study", "study"),
    differ("model") && plain("model", "network"),
    differ("data") && plain("data", "data"),
    { title: "crossbar", sort: (r) => parseFloat(r.tile) || 0, cell: (r) => r.tile },
    { ...plain("gain", "gain"), cell: (r) => r.gain === "-" ? "" : r.gain },
    differ("seed") && {
      title: "chip", sort: (r) => Number(r.seed), cell: (r) => isSoftware(r) ? "" : "#" + r.seed,
    },
    {
      title: "attack", wide: true, sort: (r) => r.attack + String(r.radius).padStart(9),
      cell: (r) => r.attack_words,
    },
    ...["CA", "AA", "AL", "ASR"].map(share),
    differ("images") && { ...plain("images", "images"), number: true },
    records.some((r) => r.note) && {
      title: "audit", sort: (r) => r.note, cell: (r) => auditFlag(r.note),
    },
  ].filter(Boolean);
}

function recordTable() {
  const columns = recordColumns(), open = new Set();
  const row = (record) => {
    const name = `${record.studyIndex}/${record.key}`, isOpen = open.has(name);
    const toggle = el("button", {
      type: "button", class: "do", "aria-expanded": String(isOpen),
      "aria-label":
        `conditions and command of ${record.setting} ${record.tile} ${record.attack_words}`,
      onclick: () => { if (!open.delete(name)) open.add(name); refresh(); },
    }, isOpen ? "−" : "+");
    const cells = columns.map(({ cell, number, wide }) =>
      el("td", { class: number ? "num" : wide ? "wide" : "" }, cell(record)));
    const main = el("tr", { class: isOpen ? "open" : "", "data-key": record.key },
      el("td", {}, toggle), cells);
    return isOpen ? [main, recordDetails(record, columns.length + 1)] : [main];
  };
  const table = sortableTable([{ title: "" }, ...columns], [], row,
    "Every record; 95 % intervals in brackets. A heading sorts; + opens conditions and command.");
  const refresh = () => table.show(records.filter(isChosen));
  table.node.id = "records-table";
  table.node.classList.add("tall");
  onChange(refresh);
  return table.node;
}

function recordDetails(record, columns) {
  const conditions = record.conditions.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  return el("tr", { class: "detail" }, el("td", { colspan: columns },
    el("div", { class: "bar" },
      el("strong", {}, "Compute it again"), copyButton(record.command)),
    el("pre", {}, record.command),
    el("strong", {}, "Conditions"), el("dl", { class: "conditions" }, conditions)));
}

function copyButton(text) {
  const onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
  };
  const button = el("button", { type: "button", class: "do", onclick }, "Copy");
  return button;
}
