// A heat map: dark blue to yellow, even in lightness (after cividis).
const STOPS = [[0, 34, 78], [60, 77, 110], [124, 123, 120], [187, 175, 110], [254, 232, 56]];
const MAP = { width: 300, tallest: 420, widestCell: 44 };

function shade(share) {
  const place = Math.max(0, Math.min(1, share)) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(place)), next = STOPS[index + 1];
  const mixed = STOPS[index].map((c, k) => Math.round(c + (next[k] - c) * (place - index)));
  return `rgb(${mixed.join(",")})`;
}

// `grid` is rows of numbers, null where there is none; `across` and `down` name its axes.
function heatMap(title, grid, quantity, across, down) {
  const rows = grid.length, columns = grid[0].length;
  const w = Math.min(MAP.width / columns, MAP.widestCell);
  const height = Math.max(Math.min(w * rows, MAP.tallest), 16), h = height / rows;
  const known = grid.flat().filter(isNumber);
  const low = Math.min(...known), high = Math.max(...known);
  const cells = grid.flatMap((row, i) => row.map((value, j) => {
    const fill = isNumber(value) ? shade((value - low) / (high - low || 1)) : "none";
    const place = `${down} ${i + 1} of ${rows}, ${across} ${j + 1} of ${columns}`;
    const box = { x: j * w, y: i * h, width: w + .25, height: h + .25 };  // no seams between cells
    const cell = svg("rect", { class: "cell", ...box, fill });
    return hint(cell, `${quantity} ${value ?? "none"}\n${place}`);
  }));
  const scale = Array.from({ length: 40 }, (_, k) =>
    svg("rect", { x: 3 * k, y: height + 26, width: 3.2, height: 8, fill: shade(k / 39) }));
  const label = { role: "img", "aria-label": `${title}: from ${low} to ${high}` };
  return el("figure", {}, el("figcaption", {}, title),
    svg("svg", { viewBox: `0 0 ${MAP.width} ${height + 52}`, ...label }, cells,
      svg("text", { x: 0, y: height + 15 }, `${down} ↓   ${across} →`), scale,
      svg("text", { x: 0, y: height + 47 }, low),
      svg("text", { x: 120, y: height + 47, "text-anchor": "end" }, high)));
}
