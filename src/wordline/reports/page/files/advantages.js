// AL advantage over software against clean accuracy lost: a mark a chip, its twin joined to it.
const PLOT = { width: 560, height: 430, left: 44, right: 550, top: 10, bottom: 390 };
const SHAPES = [  // of attacks and radii, about the origin
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M-3.6-3.6h7.2v7.2h-7.2z", "M0-4.8L4.6 3.6H-4.6z",
  "M0-5L5 0L0 5L-5 0z", "M0 4.8L4.6-3.6H-4.6z", "M-5-1.6h3.4v-3.4h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2" +
  "v-3.4h-3.4z",
];
const STROKES = ["", "6 4", "2 3", "8 3 2 3"];
const points = withStudy("advantages");
const attacksShown = unique(points.map((point) => point.words));
const shapeOf = (point) => SHAPES[attacksShown.indexOf(point.words) % SHAPES.length];
const strokeOf = (point) => STROKES[attacksShown.indexOf(point.words) % STROKES.length];
const tileOf = (point) => point.tile.split(" ").pop();
const paint = (point) => point.kind === "scaled" ? "var(--ink)" : colourOf(tileOf(point));
const hasOtherGain = (point) => !["UnitGain", "-"].includes(point.gain);

function advantageHint(point) {
  const words = ([value, low, high]) =>
    `${value.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}]`;
  return `${point.name}\n${point.words}, ${point.setting}, ${point.images} images of ` +
    `${point.data}\nclean accuracy lost ${words(point.lost)}\nAL advantage ` +
    `${words(point.advantage)}\ngain ${words(point.gained)}: ${point.verdict}`;
}

// Round steps between ticks: about six of them.
function ticksOf(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 7) ?? 100;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, n) => step * (first + n));
}

function advantageScale(shown) {
  const range = (values) => {
    const low = Math.min(0, ...values), high = Math.max(1, ...values), edge = .05 * (high - low);
    return [low - edge, high + edge];
  };
  const across = range(shown.map((point) => point.lost[0]));
  const up = range(shown.flatMap((point) => point.bar));
  const { left, right, top, bottom } = PLOT;
  return {
    across, up,
    x: (value) => left + (right - left) * (value - across[0]) / (across[1] - across[0]),
    y: (value) => bottom - (bottom - top) * (value - up[0]) / (up[1] - up[0]),
  };
}

function advantageAxes({ across, up, x, y }) {
  const { left, right, top, bottom, height } = PLOT;
  const low = Math.max(across[0], up[0]), high = Math.min(across[1], up[1]);
  const slope = Math.atan2(y(high) - y(low), x(high) - x(low)) * 180 / Math.PI;
  const place = low + .62 * (high - low);
  return [
    ticksOf(...up).map((value) => [
      svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value)]),
    ticksOf(...across).map((value) => [
      svg("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: bottom }),
      svg("text", { x: x(value), y: bottom + 15, "text-anchor": "middle" }, value)]),
    svg("text", { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" },
      "clean accuracy lost, points"),
    svg("line", { class: "zero", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }),
    svg("text", { transform: `translate(${x(place)} ${y(place) - 6}) rotate(${slope})`,
      "text-anchor": "middle" }, "on the line: lost accuracy"),
    svg("text", { x: left + 6, y: top + 14 }, "above the line: robustness"),
  ];
}

function advantageMark(point, { x, y }) {
  const cx = x(point.lost[0]), cy = y(point.advantage[0]), stroke = paint(point);
  const bar = svg("line", { x1: cx, x2: cx, y1: y(point.bar[0]), y2: y(point.bar[1]), stroke,
    opacity: .45 });
  const mark = svg("path", {
    d: shapeOf(point), transform: `translate(${cx} ${cy})`, "stroke-width": 1.4,
    fill: point.kind === "twin" ? "var(--ground)" : stroke,
    stroke: hasOtherGain(point) ? "var(--ink)" : stroke,
  });
  return [bar, hint(mark, advantageHint(point))];
}

// A twin's thin line to its chip, where both are shown.
function advantageJoint(point, shown, { x, y }) {
  const chip = shown.find((other) =>
    other.studyIndex === point.studyIndex && other.number === point.twinOf);
  return chip ? svg("line", { x1: x(point.lost[0]), y1: y(point.advantage[0]),
    x2: x(chip.lost[0]), y2: y(chip.advantage[0]), stroke: paint(point), opacity: .7 }) : null;
}

// Software times a factor, through the factor 1 at the origin.
function factorCurve(curve, { x, y }) {
  const places = [...curve.map((p) => [p.factor, p.lost[0], p.advantage[0]]), [1, 0, 0]]
    .sort((a, b) => a[0] - b[0]);
  const [factor, lost, advantage] = places[0];
  return [
    svg("path", { d: "M" + places.map(([, a, b]) => `${x(a)} ${y(b)}`).join("L"), fill: "none",
      stroke: "var(--ink)", "stroke-width": 1.3, "stroke-dasharray": strokeOf(curve[0]) }),
    svg("text", { x: x(lost) + 5, y: y(advantage) - 5 }, `x ${factor}`),
  ];
}

function advantagePanel(title, inside, scale) {
  const label = `${title}: AL advantage over software against clean accuracy lost, ` +
    `${inside.length} points; the numbers stand in the table of gains`;
  const scaled = inside.filter((point) => point.kind === "scaled");
  const nameOf = (point) => `${point.studyIndex}/${point.curve}`;
  const curves = unique(scaled.map(nameOf)).map((n) => scaled.filter((p) => nameOf(p) === n));
  return el("figure", {}, el("figcaption", {}, title + ": AL advantage over software, points"),
    svg("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": label },
      advantageAxes(scale), inside.map((point) => advantageJoint(point, inside, scale)),
      curves.map((curve) => factorCurve(curve, scale)),
      inside.map((point) => advantageMark(point, scale))));
}

function advantageLegend(shown) {
  const key = (d, fill, stroke, text) => el("span", {}, svg("svg", {
    viewBox: "-8 -8 16 16", style: "width:16px;height:16px", "aria-hidden": "true",
  }, svg("path", { d, fill, stroke, "stroke-width": 1.4 })), text);
  const soft = "var(--soft)", round = SHAPES[0], placed = shown.filter((p) => p.kind !== "scaled");
  const words = attacksShown.filter((name) => shown.some((point) => point.words === name));
  return el("div", { class: "legend" },
    unique(placed.map(tileOf)).map((tile) => key(round, colourOf(tile), colourOf(tile), tile)),
    words.map((name) => key(shapeOf({ words: name }), soft, soft, name)),
    placed.some((p) => p.kind === "twin") &&
      key(round, "var(--ground)", soft, "attenuated twin, joined to its chip"),
    placed.some(hasOtherGain) && key(round, soft, "var(--ink)",
      unique(placed.filter(hasOtherGain).map((p) => p.gain)).join(", ")),
    shown.some((p) => p.kind === "scaled") &&
      key("M-8 0H8", "none", "var(--ink)", "software x factor"));
}

function advantageSection() {
  const holder = el("div", { class: "facets", id: "advantages", style: "--across:2" });
  const keys = el("div");
  onChange(() => {
    const shown = points.filter(isChosen), scale = advantageScale(shown);
    const panels = unique(points.map((point) => point.panel)).sort().reverse();
    holder.replaceChildren(...panels.map((panel) =>
      advantagePanel(panel, shown.filter((point) => point.panel === panel), scale)));
    keys.replaceChildren(advantageLegend(shown));
  });
  return el("div", {}, keys, holder);
}
