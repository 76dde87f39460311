// Accuracy against epsilon: a panel for every attack, gain and loss, as the filters choose.
function legend(shown) {
  const key = (stroke, dashes, text) => el("span", {},
    svg("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" }, svg("line",
      { x1: 0, x2: 30, y1: 5, y2: 5, stroke, "stroke-width": 2.2, "stroke-dasharray": dashes })),
    text);
  const words = { SH: "crafted on software, transferred (SH)", HH: "white-box (HH)" };
  const tiles = valuesOf("tile").filter((tile) => shown.some((curve) => curve.tile === tile));
  const settings = unique(shown.map((curve) => curve.setting)).filter((name) => name !== "SW");
  return el("div", { class: "legend" },
    tiles.map((tile) => key(colourOf(tile), "", tile)),
    settings.map((name) => key("var(--soft)", dashOf(name), words[name] || name)));
}

// The chosen curves, each with its chosen points; accuracy begins at epsilon 0 with the clean one.
function chosenCurves(quantity) {
  return curves.filter(isChosen).flatMap((curve) => {
    const points = curve.points.filter(isChosen);
    const start = quantity === "AA" ? [curve.clean] : [];
    return points.length ? [{ ...curve, points: [...start, ...points] }] : [];
  });
}

// Panels by title; software is drawn beside every gain. `base` is the title without the gain.
function panelsOf(shown) {
  const differ = (name) => unique(shown.map((curve) => curve[name])).length > 1;
  const baseOf = (curve) => [
    data.studies.length > 1 && curve.study, differ("model") && curve.model,
    differ("data") && curve.data, curve.attack,
    curve.loss !== "-" && differ("loss") && curve.loss,
  ].filter(Boolean).join(", ");
  const panels = new Map();
  for (const curve of shown) {
    const base = baseOf(curve);
    const chips = shown.filter((other) => !isSoftware(other) && baseOf(other) === base);
    const gains = isSoftware(curve) ? unique(chips.map((chip) => chip.gain)) : [curve.gain];
    for (const gain of gains.length ? gains : [""]) {
      const title = [base, gain].filter(Boolean).join(", ");
      if (!panels.has(title)) panels.set(title, { title, base, curves: [] });
      panels.get(title).curves.push(curve);
    }
  }
  return [...panels.values()];
}

function curveSection() {
  let quantity = "AA";
  const holder = el("div", { class: "facets", id: "curves" }), keys = el("div");
  const draw = () => {
    const shown = chosenCurves(quantity), panels = panelsOf(shown);
    // gains stand side by side, an attack a line
    const across = unique(shown.map((curve) => curve.gain).filter((gain) => gain !== "-")).length;
    const size = across === 2 && innerWidth > 900 ? [520, 260] : [340, 230];
    const largest = (base) => Math.max(0, ...panels.filter((panel) => panel.base === base)
      .flatMap((panel) => panel.curves).flatMap((curve) => curve.points.map((p) => p.radius)));
    holder.style.setProperty("--across", across >= 2 && across <= 4 ? across : "auto-fill");
    holder.replaceChildren(...panels.map((panel) =>
      curvePanel(panel.title, panel.curves, quantity, largest(panel.base), size)));
    if (!panels.length) holder.append(el("p", { class: "soft" }, "Nothing is chosen."));
    keys.replaceChildren(legend(shown));
  };
  const onchange = (event) => { quantity = event.target.value; draw(); };
  const options = Object.entries(WORDS).map(([value, words]) => el("option", { value }, words));
  const choice = el("label", { class: "small" },
    "Show ", el("select", { id: "quantity", onchange }, options));
  onChange(draw);
  return el("div", {}, el("div", { class: "bar" }, keys, choice), holder);
}
