// A table in the layout of a paper: ours, and below a row what was published and the difference.
function paperTable(table) {
  const ours = (text) => {
    const [value, ...rest] = text.split(" ");
    return numberCell(value, " ", el("span", { class: "interval" }, rest.join(" ")));
  };
  const remarks = (row) => table.remarks.map((title, index) => {
    const words = row.remarks[index];
    return el("td", {}, title === "audit" ? auditFlag(words) : el("b", {}, words));
  });
  const below = (row, name) => el("tr", { class: "sub" },
    el("th", { scope: "row" }, name), row[name].map((text) => numberCell(text)),
    table.remarks.map(() => el("td")));
  const rows = table.rows.flatMap((row) => [
    el("tr", {}, el("th", { scope: "row" }, row.label), row.ours.map(ours), remarks(row)),
    ...(row.published.some(Boolean) ? [below(row, "published"), below(row, "difference")] : []),
  ]);
  const head = el("tr", {}, heading(table.corner),
    table.columns.map((title) => heading(title, true)), table.remarks.map((t) => heading(t)));
  return scrolling(table.title, el("table", { class: "paper" },
    el("caption", {}, el("strong", {}, table.title), " ", table.caption),
    el("thead", {}, head), el("tbody", {}, rows)));
}
