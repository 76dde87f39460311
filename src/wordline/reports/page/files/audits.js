// An audit: verdict, the raised checks in full, controls, and all checks.
const SIGNS = { pass: "✓ pass", warn: "! warn", fail: "✗ fail", skipped: "– skipped" };
const URGENCY = { fail: 0, warn: 1, pass: 2, skipped: 3 };
const estimate = (e) => `${percent(e.value)} [${percent(e.low)}, ${percent(e.high)}]`;

function figuresText(figures) {
  const short = (value) => typeof value === "number" ? Number(value.toPrecision(4)) : value.float;
  return Object.entries(figures)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${short(value)}`).join("; ");
}

function checkTable(audit) {
  const columns = [
    { title: "", sort: (check) => check.id },
    { title: "status", sort: (check) => URGENCY[check.status] },
    { title: "check", sort: (check) => check.title },
    { title: "what was found, and why it is asked" },
  ];
  const row = (check) => [el("tr", { "data-status": check.status },
    el("td", {}, check.id),
    el("td", { class: "status " + check.status }, SIGNS[check.status]),
    el("td", {}, check.title),
    el("td", {}, check.found, el("details", {}, el("summary", {}, "explanation"),
      el("p", {}, check.explanation), el("p", { class: "soft" }, figuresText(check.figures)))))];
  const caption = "Checks in the order in which they ran; a heading sorts.";
  return sortableTable(columns, audit.checks, row, caption).node;
}

function raisedCheck(check) {
  return el("div", { class: "raised" },
    el("div", {}, el("span", { class: "status " + check.status }, SIGNS[check.status]), " ",
      el("strong", {}, `${check.id} ${check.title}`)),
    el("p", {}, check.found),
    el("details", {}, el("summary", {}, "why this is asked, and who says so"),
      el("p", {}, check.explanation)));
}

function controls(audit) {
  const measured = audit.comparisons.filter((control) => control.measured);
  if (!measured.length) {
    const reason = audit.stopped ? `: ${audit.stopped}.` : ".";
    return el("p", { class: "soft" }, "No controls were measured" + reason);
  }
  const heads = ["network", "CA %", "AA %", "AL %", "AL advantage", "AA gain", "remains %"];
  const rows = measured.map((control) => {
    const { clean, adversarial, loss, advantage, robust, remains } = control;
    const shares = [clean, adversarial, loss, advantage, robust];
    return el("tr", {}, el("th", { scope: "row" }, control.name),
      shares.map((share) => numberCell(estimate(share))), numberCell(percent(remains, 0)));
  });
  const caption = "Controls, each under the base attack made for itself. AL advantage: AL of " +
    "software less AL of this network, paired; AA gain: AA of this network less AA of software.";
  const table = el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map(heading))), el("tbody", {}, rows));
  const missing = audit.comparisons.filter((control) => !control.measured)
    .map((control) => `${control.name} (${control.note})`).join("; ");
  const bars = (pick) => measured.map((control) =>
    [control.name, ...["value", "low", "high"].map((part) => 100 * control[pick][part])]);
  return [
    scrolling("controls", table),
    missing ? el("p", { class: "small soft" }, "Not measured: " + missing) : null,
    el("div", { class: "maps" },
      barChart("AL advantage over software", bars("advantage"), "points"),
      barChart("AA gain over software", bars("robust"), "points")),
  ];
}

function auditSection(audit) {
  const { checks } = audit, count = (status) => checks.filter((c) => c.status === status).length;
  const counts = unique(checks.map((check) => check.status))
    .map((status) => `${count(status)} ${status}`).join(", ");
  const quick = audit.quick ? ", quick" : "";
  const stopped = `Stopped early: ${audit.stopped}; ` +
    "accuracies under attack are those of one start.";
  const numbers = `Chip: CA ${estimate(audit.clean)} %, under the base attack ` +
    `${estimate(audit.attacked)} %, under all attacks ${estimate(audit.worst)} %. ` +
    `Software: CA ${estimate(audit.software_clean)} %, under the base attack ` +
    `${estimate(audit.software_attacked)} %.`;
  const raised = checks.filter((check) => URGENCY[check.status] < URGENCY.pass);
  return el("section", { class: "audit" },
    el("h3", {}, audit.name),
    el("div", { class: "verdict " + mood(audit.verdict) },
      el("b", {}, audit.verdict),
      el("span", {}, `${audit.images} images, Linf ${audit.eps}${quick}; checks: ${counts}`),
      audit.stopped ? el("div", { class: "small" }, stopped) : null),
    el("p", { class: "small" }, numbers),
    el("div", { class: "cards" }, raised.map(raisedCheck)),
    controls(audit),
    el("details", { class: "more" },
      el("summary", {}, `All ${checks.length} checks: ${counts}`), checkTable(audit)));
}
