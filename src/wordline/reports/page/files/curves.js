// Accuracy against epsilon: a panel for every attack, gain and loss; colour is the crossbar, the line its setting.
const DASH = { SW: "", HH: "", SH: "6 4", BPDA: "2 3" };
const colour = (tile) => `var(--s-${tile === "software" ? "soft" : ["16", "32", "64", "128"].includes(tile.split("x")[0]) ? tile.split("x")[0] : "other"})`;
const WORDS = { AA: "Accuracy under attack (AA)", AL: "Adversarial loss (AL = CA - AA)", ASR: "Attack success rate (ASR)", CA: "Clean accuracy (CA)" };
const dashOf = (setting) => DASH[setting] ?? "1 3";
function curvesOf(list, quantity) {  // one curve a design; chips of one design are averaged, their deviation is the bar
  const curves = new Map();
  for (const record of list) {
    if (record.at === null) continue;
    const name = [record.of, record.curve, record.setting].join("/");
    if (!curves.has(name)) curves.set(name, { record, points: new Map() });
    const points = curves.get(name).points;
    if (!points.has(record.at)) points.set(record.at, []);
    points.get(record.at).push(record);
  }
  return [...curves.values()].map(({ record, points }) => {
    const made = [...points].map(([at, members]) => {
      const mean = (pick) => members.reduce((sum, r) => sum + pick(r), 0) / members.length;
      const value = mean((r) => r[quantity][0]);
      const sd = members.length > 1 ? Math.sqrt(members.reduce((sum, r) => sum + (r[quantity][0] - value) ** 2, 0) / (members.length - 1)) : 0;
      return { at, eps: members[0].eps, value, low: mean((r) => r[quantity][1]), high: mean((r) => r[quantity][2]), sd, count: members.length };
    }).sort((a, b) => a.at - b.at);
    if (quantity === "AA") { const c = record.CA; made.unshift({ at: 0, eps: "0 (clean)", value: c[0], low: c[1], high: c[2], sd: 0, count: 1 }); }
    return { record, points: made };
  });
}
function panel(title, curves, quantity, largest, W, H) {
  const left = 34, right = 10, top = 8, bottom = 30;
  const x = (at) => left + (W - left - right) * (largest ? at / largest : 0), y = (v) => top + (H - top - bottom) * (1 - Math.max(-5, Math.min(100, v)) / 100);
  const parts = [];
  for (const v of [0, 25, 50, 75, 100]) parts.push(svg("line", { class: v ? "grid" : "axis", x1: left, x2: W - right, y1: y(v), y2: y(v) }), svg("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, v));
  const ticks = new Map([[0, "0"], ...curves.flatMap((c) => c.points.map((p) => [p.at, p.at === 0 ? "0" : p.eps]))]);
  let last = -99;
  for (const [at, words] of [...ticks].sort((a, b) => a[0] - b[0])) if (x(at) - last > 8 * words.length + 6) { parts.push(svg("text", { x: x(at), y: H - bottom + 16, "text-anchor": at ? "middle" : "start" }, words)); last = x(at); }
  parts.push(svg("text", { x: (W + left - right) / 2, y: H - 1, "text-anchor": "middle" }, "epsilon"));
  const marks = [];
  for (const curve of curves) {
    const stroke = colour(curve.record.tile), r = curve.record;
    const path = curve.points.map((p, i) => `${i ? "L" : "M"}${x(p.at).toFixed(1)} ${y(p.value).toFixed(1)}`).join("");
    parts.push(svg("path", { d: path, fill: "none", stroke, "stroke-width": 1.8, "stroke-dasharray": dashOf(r.setting), "stroke-linejoin": "round" }));
    for (const p of curve.points) {
      parts.push(svg("line", { x1: x(p.at), x2: x(p.at), y1: y(p.low), y2: y(p.high), stroke, "stroke-width": 1, opacity: .5 }));
      const spread = p.count > 1 ? `\nmean of ${p.count} chips, sd ${p.sd.toFixed(1)}` : "";
      parts.push(svg("circle", { cx: x(p.at), cy: y(p.value), r: 2.6, fill: r.setting === "SH" ? "var(--ground)" : stroke, stroke, "stroke-width": 1.4 }));
      const who = isSoftware(r) ? r.setting + " software" : `${r.setting} ${r.tile} ${r.gain}`;
      marks.push(hint(svg("circle", { class: "hit", cx: x(p.at), cy: y(p.value), r: 8 }), `${who}\nepsilon ${p.eps}: ${p.at === 0 ? "CA" : quantity} ${p.value.toFixed(1)} % [${p.low.toFixed(1)}, ${p.high.toFixed(1)}]${spread}`));
    }
  }
  const label = `${title}: ${WORDS[quantity]} in percent against epsilon, ${curves.length} curves; the numbers stand in the table of records`;
  return el("figure", {}, el("figcaption", {}, title), svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, parts, marks));
}
function legend(list) {
  const dash = (stroke, dashes) => svg("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" }, svg("line", { x1: 0, x2: 30, y1: 5, y2: 5, stroke, "stroke-width": 2.2, "stroke-dasharray": dashes }));
  const tiles = unique(list.map((r) => r.tile)).sort(byNumber).map((tile) => el("span", {}, dash(colour(tile), ""), tile));
  const said = { SW: "", SH: "crafted on software, transferred (SH)", HH: "white-box (HH)" };
  const settings = unique(list.map((r) => r.setting)).filter((s) => s !== "SW").map((s) => el("span", {}, dash("var(--soft)", dashOf(s)), said[s] || s));
  return el("div", { class: "legend" }, tiles, settings);
}
function curveSection() {
  let quantity = "AA", now = [];
  const holder = el("div", { class: "facets", id: "curves" }), keys = el("div");
  const draw = () => {
    const facet = (r) => [data.studies.length > 1 ? r.study : "", several("model") ? r.model : "", several("data") ? r.data : "", r.attack, r.loss === "-" ? "" : several("loss") ? r.loss : ""].filter(Boolean).join(", ");
    const several = (name) => unique(now.map((r) => r[name])).length > 1;
    const all = curvesOf(now, quantity), largest = {};
    const panels = new Map();
    for (const curve of all) {
      const base = facet(curve.record);
      largest[base] = Math.max(largest[base] || 0, ...curve.points.map((p) => p.at));
      const gains = isSoftware(curve.record) ? unique(all.filter((c) => !isSoftware(c.record) && facet(c.record) === base).map((c) => c.record.gain)) : [curve.record.gain];
      for (const gain of gains.length ? gains : [""]) {  // software is drawn beside every gain
        const title = [base, gain].filter(Boolean).join(", ");
        if (!panels.has(title)) panels.set(title, { base, curves: [] });
        panels.get(title).curves.push(curve);
      }
    }
    const across = unique(all.map((c) => c.record.gain).filter((g) => g !== "-")).length;  // gains side by side, an attack a line
    holder.style.setProperty("--across", across >= 2 && across <= 4 ? across : "auto-fill");
    holder.replaceChildren(...[...panels].map(([title, p]) => panel(title, p.curves, quantity, largest[p.base], ...(across === 2 && innerWidth > 900 ? [520, 260] : [340, 230]))));
    if (!panels.size) holder.replaceChildren(el("p", { class: "soft" }, "Nothing is chosen."));
    keys.replaceChildren(legend(now));
  };
  const choice = el("label", { class: "small" }, "Show ", el("select", { id: "quantity", onchange: (event) => { quantity = event.target.value; draw(); } }, Object.entries(WORDS).map(([name, words]) => el("option", { value: name }, words))));
  onChange((list) => { now = list; draw(); });
  return el("div", {}, el("div", { class: "bar" }, keys, choice), holder);
}
