// An audit: verdict, checks with their explanations, controls.
const SIGNS = { pass: "✓ pass", warn: "! warn", fail: "✗ fail", skipped: "– skipped" };
const estimateText = (e) => e ? `${percent(e.value)} [${percent(e.low)}, ${percent(e.high)}]` : "";
function checkTable(audit) {
  const order = { fail: 0, warn: 1, pass: 2, skipped: 3 };
  const columns = [{ title: "", sort: (c) => c.id }, { title: "status", sort: (c) => order[c.status] ?? 9 }, { title: "check", sort: (c) => c.title }, { title: "what was found, and why it is asked" }];
  const row = (check) => [el("tr", { "data-status": check.status }, el("td", {}, check.id), el("td", { class: "status " + check.status }, SIGNS[check.status] || check.status), el("td", {}, check.title),
    el("td", {}, check.found, el("details", {}, el("summary", {}, "explanation"), el("p", {}, check.explanation),
      el("p", { class: "soft" }, Object.entries(check.figures || {}).map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "number" ? Number(value.toPrecision(4)) : value && value.float || value}`).join("; ")))))];
  return sortable(columns, audit.checks || [], row, "Checks in the order in which they ran; a heading sorts.").node;
}
function raisedCheck(check) {  // what an audit objects to is read first, and in full
  return el("div", { class: "raised" }, el("div", {}, el("span", { class: "status " + check.status }, SIGNS[check.status]), " ", el("strong", {}, `${check.id} ${check.title}`)),
    el("p", {}, check.found), el("details", {}, el("summary", {}, "why this is asked, and who says so"), el("p", {}, check.explanation)));
}
function controlTable(audit) {
  const measured = (audit.comparisons || []).filter((c) => c.measured !== false);
  if (!measured.length) return el("p", { class: "soft" }, "No controls were measured" + (audit.stopped ? `: ${audit.stopped}.` : "."));
  const head = ["network", "CA %", "AA %", "AL %", "AL advantage", "AA gain", "remains %"];
  const rows = measured.map((c) => el("tr", {}, el("th", { scope: "row" }, c.name), [c.clean, c.adversarial, c.loss, c.advantage, c.robust].map((e) => el("td", { class: "num" }, estimateText(e))), el("td", { class: "num" }, percent(c.remains, 0))));
  const missing = audit.comparisons.filter((c) => c.measured === false);
  const table = el("table", {}, el("caption", {}, "Controls, each under the base attack made for itself. AL advantage: AL of software less AL of this network, paired; AA gain: AA of this network less AA of software."),
    el("thead", {}, el("tr", {}, head.map((h, i) => el("th", { scope: "col", class: i ? "num" : "" }, h)))), el("tbody", {}, rows));
  const bars = (pick) => measured.map((c) => [c.name, 100 * c[pick].value, 100 * c[pick].low, 100 * c[pick].high]);
  return [el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "controls" }, table),
    missing.length ? el("p", { class: "small soft" }, "Not measured: " + missing.map((c) => `${c.name} (${c.note})`).join("; ")) : null,
    el("div", { class: "maps" }, barChart("AL advantage over software", bars("advantage"), "points"), barChart("AA gain over software", bars("robust"), "points"))];
}
function auditSection(audit) {
  const counts = unique((audit.checks || []).map((c) => c.status)).map((s) => `${audit.checks.filter((c) => c.status === s).length} ${s}`).join(", ");
  const numbers = `Chip: CA ${estimateText(audit.clean)} %, under the base attack ${estimateText(audit.attacked)} %, under all attacks ${estimateText(audit.worst)} %. Software: CA ${estimateText(audit.software_clean)} %, under the base attack ${estimateText(audit.software_attacked)} %.`;
  return el("section", { class: "audit" }, el("h3", {}, audit.name), el("div", { class: "verdict " + mood(audit.verdict) }, el("b", {}, audit.verdict), el("span", {}, `${audit.images} images, Linf ${audit.eps}${audit.quick ? ", quick" : ""}; checks: ${counts}`), audit.stopped ? el("div", { class: "small" }, `Stopped early: ${audit.stopped}; accuracies under attack are those of one start.`) : null),
    el("p", { class: "small" }, numbers), el("div", { class: "cards" }, (audit.checks || []).filter((c) => c.status === "fail" || c.status === "warn").map(raisedCheck)), controlTable(audit),
    el("details", { class: "more" }, el("summary", {}, `All ${(audit.checks || []).length} checks: ${counts}`), checkTable(audit)));
}
