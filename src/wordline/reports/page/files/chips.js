// A chip, layer by layer: numbers, and heat maps where the chip's view is there.
function shade(t) {  // dark blue to yellow, even in lightness (after cividis)
  const stops = [[0, 34, 78], [60, 77, 110], [124, 123, 120], [187, 175, 110], [254, 232, 56]];
  const at = Math.max(0, Math.min(1, t)) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at));
  return `rgb(${stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (at - i))).join(",")})`;
}
function heatMap(title, grid, words, across, down) {
  const rows = grid.length, columns = grid[0].length, W = 300, cell = Math.min(W / columns, 44), height = Math.max(cell * rows * (cell * rows > 420 ? 420 / (cell * rows) : 1), 16);
  const h = height / rows, w = cell, known = grid.flat().filter((v) => typeof v === "number");
  const low = Math.min(...known), high = Math.max(...known), spread = high - low || 1;
  const cells = grid.flatMap((row, i) => row.map((value, j) => hint(svg("rect", { class: "cell", x: j * w, y: i * h, width: w + .25, height: h + .25, fill: typeof value === "number" ? shade((value - low) / spread) : "none" }), `${words} ${typeof value === "number" ? value : "none"}\n${down} ${i + 1} of ${rows}, ${across} ${j + 1} of ${columns}`)));
  const scale = Array.from({ length: 40 }, (_, k) => svg("rect", { x: k * 3, y: height + 26, width: 3.2, height: 8, fill: shade(k / 39) }));
  return el("figure", {}, el("figcaption", {}, title), svg("svg", { viewBox: `0 0 ${W} ${height + 52}`, role: "img", "aria-label": `${title}: from ${low} to ${high}` }, cells,
    svg("text", { x: 0, y: height + 15 }, `${down} ↓   ${across} →`), scale, svg("text", { x: 0, y: height + 47 }, low), svg("text", { x: 120, y: height + 47, "text-anchor": "end" }, high)));
}
function layerMaps(layer) {
  if (!layer.nf_map) return el("p", { class: "soft small" }, "This file is a report without maps; wordline map --view chip.json writes them.");
  return el("div", { class: "maps" },
    heatMap("NF of each tile", layer.nf_map, "NF", "column tile", "row tile"),
    heatMap("Mean programmed conductance of each tile, µS", layer.conductance, "G", "column tile", "row tile"),
    heatMap("What the wires leave of a device, W / G, by its place in the array", layer.kept, "W / G", "bit line", "word line"));
}
function chipSection(chip) {
  const holder = el("div");
  const show = (index) => holder.replaceChildren(layerMaps(chip.layers[index]));
  const choice = el("select", { onchange: (event) => show(Number(event.target.value)) }, chip.layers.map((l, i) => el("option", { value: i }, `${l.name} (${l.kind}, ${l.inputs} x ${l.outputs})`)));
  const fixed = (value, digits) => typeof value === "number" ? value.toFixed(digits) : "";
  const columns = [{ title: "layer", sort: (l) => l.name }, { title: "matrix" }, { title: "tile" }, { title: "tiles", number: true, sort: (l) => l.tiles }, { title: "used", number: true, sort: (l) => l.utilisation }, { title: "NF", number: true, sort: (l) => l.nf }, { title: "gain", number: true, sort: (l) => l.gain }, { title: "gradient" }];
  const row = (l) => [el("tr", {}, el("th", { scope: "row" }, l.name), el("td", {}, `${l.groups} x (${l.inputs} x ${l.outputs})`), el("td", {}, l.tile.join(" x ")), el("td", { class: "num" }, l.tiles), el("td", { class: "num" }, percent(l.utilisation, 0) + " %"), el("td", { class: "num" }, fixed(l.nf, 3)), el("td", { class: "num" }, fixed(l.gain, 3)), el("td", {}, l.gradient))];
  const widest = chip.layers.reduce((best, l, i) => l.tiles > chip.layers[best].tiles ? i : best, 0);
  if (chip.layers.length) { show(widest); choice.value = String(widest); }
  return el("section", { class: "chip" }, el("h3", {}, chip.name), sortable(columns, chip.layers, row, "Layers on crossbars").node,
    chip.digital.length ? el("p", { class: "small soft" }, "Stays digital: " + chip.digital.map(([name, why]) => `${name} (${why})`).join("; ")) : null,
    chip.layers.length ? el("p", {}, el("label", { class: "small" }, "Maps of layer ", choice)) : null, holder);
}
