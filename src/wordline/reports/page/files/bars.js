// Bars with names: SNR per layer, and what remains of an advantage under each control.
function barChart(title, bars, unit, label) {  // bars: [name, value, low, high], null where there is none
  const W = 560, row = 24, left = 210, right = 62, top = 4, H = top + row * bars.length + 22;
  const known = bars.flatMap(([, ...numbers]) => numbers.filter((n) => typeof n === "number" && Number.isFinite(n)));
  let low = Math.min(0, ...known), high = Math.max(0, ...known);
  if (high === low) high = low + 1;
  const x = (v) => left + (W - left - right) * (v - low) / (high - low);
  const parts = [svg("line", { class: "zero", x1: x(0), x2: x(0), y1: top, y2: H - 18 })];
  bars.forEach(([name, value, from, to], index) => {
    const y = top + row * index, words = name.length > 34 ? name.slice(0, 33) + "…" : name;
    parts.push(hint(svg("text", { x: left - 8, y: y + 15, "text-anchor": "end" }, words), name));
    if (typeof value !== "number") { parts.push(svg("text", { x: x(0) + 6, y: y + 15 }, "no noise, or not measured")); return; }
    const said = `${name}: ${value.toFixed(1)} ${unit}` + (typeof from === "number" ? ` [${from.toFixed(1)}, ${to.toFixed(1)}]` : "");
    parts.push(hint(svg("rect", { class: "cell", x: Math.min(x(0), x(value)), y: y + 4, width: Math.max(1, Math.abs(x(value) - x(0))), height: row - 8, rx: 2, fill: "var(--accent)", opacity: .75 }), said));
    if (typeof from === "number") parts.push(svg("line", { x1: x(from), x2: x(to), y1: y + row / 2, y2: y + row / 2, stroke: "var(--ink)", "stroke-width": 1.3 }));
    parts.push(svg("text", { x: Math.max(x(value), typeof to === "number" ? x(to) : x(value), x(0)) + 6, y: y + 15 }, value.toFixed(1)));
  });
  parts.push(svg("text", { x: x(0), y: H - 4, "text-anchor": "middle" }, "0"));
  return el("figure", {}, el("figcaption", {}, `${title}, ${unit}`), svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label || title, style: "max-width:46rem" }, parts));
}
function stabilitySection(stabilities) {
  return stabilities.map((s) => barChart(s.name, s.bars, "dB", `${s.name}: signal-to-noise ratio per layer in decibels: ` + s.bars.map(([n, v]) => `${n} ${v === null ? "infinite" : v}`).join(", ")));
}
