// One panel: curves against epsilon; colour is the crossbar, the line its setting.
const DASHES = { SW: "", HH: "", SH: "6 4", BPDA: "2 3" };
const COLOURS = { software: "soft", 16: "16", 32: "32", 64: "64", 128: "128" };
const WORDS = {
  AA: "Accuracy under attack (AA)", AL: "Adversarial loss (AL = CA - AA)",
  ASR: "Attack success rate (ASR)", CA: "Clean accuracy (CA)",
};
const dashOf = (setting) => DASHES[setting] ?? "1 3";
const colourOf = (tile) => `var(--s-${COLOURS[tile.split("x")[0]] ?? "other"})`;
const nameOf = (curve) =>
  isSoftware(curve) ? `${curve.setting} software` : `${curve.setting} ${curve.tile} ${curve.gain}`;

// Where a value in percent and a radius stand in a panel of width W and height H.
function scales(largest, W, H) {
  const frame = { left: 34, right: W - 10, top: 8, bottom: H - 30 };
  const clamp = (value) => Math.max(-5, Math.min(100, value)) / 100;
  return {
    ...frame,
    x: (radius) => frame.left + (frame.right - frame.left) * (largest ? radius / largest : 0),
    y: (value) => frame.bottom - (frame.bottom - frame.top) * clamp(value),
  };
}

function panelAxes(scale, points) {
  const { left, right, bottom, x, y } = scale;
  const lines = [0, 25, 50, 75, 100].flatMap((value) => [
    svg("line", {
      class: value ? "grid" : "axis", x1: left, x2: right, y1: y(value), y2: y(value),
    }),
    svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value),
  ]);
  const ticks = new Map([[0, "0"], ...points.map((p) => [p.radius, p.radius ? p.eps : "0"])]);
  let last = -99;  // a tick without room beside the last one is left out
  for (const [radius, words] of [...ticks].sort((a, b) => a[0] - b[0])) {
    if (x(radius) - last <= 8 * words.length + 6) continue;
    last = x(radius);
    const anchor = radius ? "middle" : "start";
    lines.push(svg("text", { x: last, y: bottom + 16, "text-anchor": anchor }, words));
  }
  const middle = { x: (left + right) / 2, y: bottom + 29, "text-anchor": "middle" };
  return [...lines, svg("text", middle, "epsilon")];
}

function pointHint(curve, point, quantity) {
  const { value, low, high, sd, chips } = point[quantity];
  const name = point.radius === 0 ? "CA" : quantity;
  const numbers = `${value.toFixed(1)} % [${low.toFixed(1)}, ${high.toFixed(1)}]`;
  const spread = chips > 1 ? `\nmean of ${chips} chips, sd ${sd.toFixed(1)}` : "";
  return `${nameOf(curve)}\nepsilon ${point.eps}: ${name} ${numbers}${spread}`;
}

// The line of a curve, its points with their intervals, and above all the marks with hints.
function drawCurve(curve, quantity, { x, y }) {
  const stroke = colourOf(curve.tile), dashes = dashOf(curve.setting);
  const fill = curve.setting === "SH" ? "var(--ground)" : stroke;
  const steps = curve.points.map((point) =>
    [x(point.radius), y(point[quantity].value)].map((place) => place.toFixed(1)).join(" "));
  const line = svg("path", {
    d: "M" + steps.join("L"), fill: "none", stroke, "stroke-width": 1.8,
    "stroke-dasharray": dashes, "stroke-linejoin": "round",
  });
  const marks = [], parts = curve.points.flatMap((point) => {
    const { value, low, high } = point[quantity], cx = x(point.radius), cy = y(value);
    const mark = svg("circle", { class: "hit", cx, cy, r: 8 });
    marks.push(hint(mark, pointHint(curve, point, quantity)));
    return [
      svg("line", { x1: cx, x2: cx, y1: y(low), y2: y(high), stroke, opacity: .5 }),
      svg("circle", { cx, cy, r: 2.6, fill, stroke, "stroke-width": 1.4 }),
    ];
  });
  return { parts: [line, ...parts], marks };
}

function curvePanel(title, shown, quantity, largest, [W, H]) {
  const scale = scales(largest, W, H);
  const drawn = shown.map((curve) => drawCurve(curve, quantity, scale));
  const label = `${title}: ${WORDS[quantity]} in percent against epsilon, ` +
    `${shown.length} curves; the numbers stand in the table of records`;
  return el("figure", {}, el("figcaption", {}, title),
    svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label },
      panelAxes(scale, shown.flatMap((curve) => curve.points)),
      drawn.map((curve) => curve.parts), drawn.map((curve) => curve.marks)));
}
