// Bars with names: SNR per layer, and what remains of an advantage under each control.
const BAR = { width: 560, row: 24, left: 210, right: 62, top: 4 };
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// A bar is [name, value, low, high]; value is null where there is none, low and high may be absent.
function barChart(title, bars, unit) {
  const { width, row, left, right, top } = BAR, height = top + row * bars.length + 22;
  const known = bars.flatMap(([, ...numbers]) => numbers.filter(isNumber));
  const low = Math.min(0, ...known), high = Math.max(0, ...known);
  const x = (value) => left + (width - left - right) * (value - low) / (high - low || 1);
  const zero = svg("line", { class: "zero", x1: x(0), x2: x(0), y1: top, y2: height - 18 });
  const rows = bars.map((bar, index) => barRow(bar, top + row * index, x, unit));
  const origin = svg("text", { x: x(0), y: height - 4, "text-anchor": "middle" }, "0");
  const values = bars.map(([name, value]) => `${name} ${value === null ? "none" : value}`);
  const attributes = {
    viewBox: `0 0 ${width} ${height}`, role: "img", style: "max-width:46rem",
    "aria-label": `${title}, ${unit}: ${values.join(", ")}`,
  };
  return el("figure", {}, el("figcaption", {}, `${title}, ${unit}`),
    svg("svg", attributes, zero, rows, origin));
}

function barRow([name, value, low, high], y, x, unit) {
  const short = name.length > 34 ? name.slice(0, 33) + "…" : name;
  const label = hint(
    svg("text", { x: BAR.left - 8, y: y + 15, "text-anchor": "end" }, short), name);
  if (!isNumber(value)) {
    return [label, svg("text", { x: x(0) + 6, y: y + 15 }, "no noise, or not measured")];
  }
  const interval = isNumber(low) ? ` [${low.toFixed(1)}, ${high.toFixed(1)}]` : "";
  const bar = svg("rect", {
    class: "cell", x: Math.min(x(0), x(value)), y: y + 4, height: BAR.row - 8, rx: 2,
    width: Math.max(1, Math.abs(x(value) - x(0))), fill: "var(--accent)", opacity: .75,
  });
  const whisker = isNumber(low) ? svg("line", {
    x1: x(low), x2: x(high), y1: y + BAR.row / 2, y2: y + BAR.row / 2, stroke: "var(--ink)",
    "stroke-width": 1.3,
  }) : null;
  const end = Math.max(x(value), x(isNumber(high) ? high : value), x(0));
  return [label, hint(bar, `${name}: ${value.toFixed(1)} ${unit}${interval}`), whisker,
    svg("text", { x: end + 6, y: y + 15 }, value.toFixed(1))];
}
