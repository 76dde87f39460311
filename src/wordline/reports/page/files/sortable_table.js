// A table whose headings sort. A column has a title and, to be sorted, a key `sort(row)`.
function sortableTable(columns, rows, drawRow, caption) {
  let sorted = -1, descending = false, shown = rows;
  const body = el("tbody");
  const heads = columns.map(({ title, sort, number }, index) => {
    const onclick = () => {
      descending = sorted === index ? !descending : Boolean(number);
      sorted = index;
      draw();
    };
    return heading(sort ? el("button", { type: "button", onclick }, title) : title, number);
  });
  function draw() {
    heads.forEach((head, index) => {
      const order = index !== sorted ? "none" : descending ? "descending" : "ascending";
      if (columns[index].sort) head.setAttribute("aria-sort", order);
    });
    body.replaceChildren(...inOrder(shown, columns[sorted]?.sort, descending).flatMap(drawRow));
  }
  draw();
  const table = el("table", {},
    el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body);
  const show = (next) => { shown = next; draw(); };
  return { node: scrolling(caption, table), show };
}

function inOrder(rows, key, descending) {
  if (!key) return rows;
  const sign = descending ? -1 : 1;
  const compare = (a, b) => a < b ? -sign : a > b ? sign : 0;
  return [...rows].sort((a, b) => compare(key(a), key(b)));
}
