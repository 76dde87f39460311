// A chip, layer by layer: numbers, and maps where the file holds a chip's view.
function layerMaps(layer) {
  if (!layer.nf_map) {
    return el("p", { class: "soft small" },
      "This file is a report without maps; wordline map --view chip.json writes them.");
  }
  const tiles = ["column tile", "row tile"];
  return el("div", { class: "maps" },
    heatMap("NF of each tile", layer.nf_map, "NF", ...tiles),
    heatMap("Mean programmed conductance of each tile, µS", layer.conductance, "G", ...tiles),
    heatMap("What the wires leave of a device, W / G, by its place in the array", layer.kept,
      "W / G", "bit line", "word line"));
}

function layerTable(layers) {
  const fixed = (value) => isNumber(value) ? value.toFixed(3) : "";
  const number = (title, name, write = (value) => value) => ({
    title, number: true, sort: (layer) => layer[name], cell: (layer) => write(layer[name]),
  });
  const columns = [
    { title: "layer", sort: (layer) => layer.name },
    { title: "matrix", cell: (layer) => `${layer.groups} x (${layer.inputs} x ${layer.outputs})` },
    { title: "tile", cell: (layer) => layer.tile.join(" x ") },
    number("tiles", "tiles"),
    number("used", "utilisation", (share) => percent(share, 0) + " %"),
    number("NF", "nf", fixed),
    number("gain", "gain", fixed),
    { title: "gradient", cell: (layer) => layer.gradient },
  ];
  const row = (layer) => [el("tr", {}, el("th", { scope: "row" }, layer.name), columns.slice(1)
    .map((column) => el("td", { class: column.number ? "num" : "" }, column.cell(layer))))];
  return sortableTable(columns, layers, row, "Layers on crossbars").node;
}

function chipSection(chip) {
  const { layers } = chip, holder = el("div");
  const show = (index) => holder.replaceChildren(layerMaps(layers[index]));
  const options = layers.map((layer, value) => el("option", { value },
    `${layer.name} (${layer.kind}, ${layer.inputs} x ${layer.outputs})`));
  const choice = el("select", { onchange: (event) => show(event.target.value) }, options);
  if (layers.length) {  // the layer of most tiles first
    choice.value = layers.indexOf(layers.reduce((most, l) => l.tiles > most.tiles ? l : most));
    show(choice.value);
  }
  const digital = chip.digital.map(([name, why]) => `${name} (${why})`).join("; ");
  return el("section", { class: "chip" }, el("h3", {}, chip.name), layerTable(layers),
    digital ? el("p", { class: "small soft" }, "Stays digital: " + digital) : null,
    layers.length ? el("p", {}, el("label", { class: "small" }, "Maps of layer ", choice)) : null,
    holder);
}
