// The page: a heading with counts, the sections that have something to show, and the glossary.
const audits = gather("audits"), chips = gather("chips"), tables = gather("tables");
const stabilities = gather("stabilities");
const failures = gather("failures"), unreadable = gather("unreadable");

// id, title, explanation, the items it shows, and how
const SECTIONS = [
  ["tables", "Tables",
    "In the layout of the paper: ours, what was published, and the difference; and what chips " +
    "lose and gain over software.",
    tables, () => tables.map((table) => [paperTable(table), el("br")])],
  ["curves-section", "Curves",
    "The point at epsilon 0 is clean accuracy. Bars are 95 % intervals over images; where a " +
    "design has several chips, the curve is their mean.",
    records, () => [filterPanel(), curveSection()]],
  ["advantages-section", "Gains",
    "What lies on the line is lost accuracy; the height above it is the gain in robustness, and " +
    "the bar its 95 % interval over images. The filters above apply.",
    points, advantageSection],
  ["audits", "Audits",
    "An audit asks whether a robustness is real. It never says robust: it finds reasons for " +
    "doubt, or none.", audits, () => audits.map(auditSection)],
  ["stability", "Noise per layer",
    "Signal-to-noise ratio of each layer's output, chip against software.",
    stabilities, () => stabilities.map((s) => barChart(s.name, s.bars, "dB"))],
  ["chips", "Chips",
    "Each layer on its arrays. NF, the non-ideality factor, is the share of column current " +
    "that is missing.", chips, () => chips.map(chipSection)],
  ["records", "Records",
    "Every number with its conditions and the command that computes it again. The filters " +
    "above apply.", records, recordTable],
];
const GLOSSARY =
  "CA: clean accuracy. AA: accuracy under attack. AL = CA - AA: it falls when CA falls, so read " +
  "it beside CA and ASR. ASR: share of correctly classified images that the attack breaks. SW: " +
  "software attacked; SH: chip, images crafted on software; HH: chip, images crafted on itself. " +
  "This page needs no network.";

const plural = (number, word) => number === 1 ? word : word + "s";
const total = (items, word) => `${items.length} ${plural(items.length, word)}`;

function facts() {
  const designs = records.filter((r) => parseFloat(r.tile))  // neither software nor stand-ins
    .map((r) => [r.tile, r.gain, r.seed, r.model].join());
  const fact = (number, word, kind = "") => number ? el("li", { class: kind },
    el("b", {}, number), el("span", {}, plural(number, word))) : null;
  const images = unique(records.map((r) => r.images)).join(", ");
  return el("ul", { class: "facts" },
    fact(records.length, "record"), fact(unique(designs).length, "chip"),
    images ? el("li", {}, el("b", {}, images), el("span", {}, "images")) : null,
    fact(audits.length, "audit"), fact(failures.length, "failed cell", "bad"),
    fact(unreadable.length, "unreadable line", "bad"));
}

function about(study) {
  const prefix = data.studies.length > 1 ? study.title + ": " : "";
  const { reproduces, expected } = study.about, soft = { class: "soft" };
  return [
    reproduces ? el("p", soft, `${prefix}reproduces ${reproduces}`) : null,
    expected ? el("p", soft, "Expected: " + expected) : null,
    study.command ? el("pre", {}, study.command) : null,
  ];
}

function notices() {
  const failed = failures.map(([key, why]) => el("li", {}, el("code", {}, key), " ", why));
  return [
    failures.length ? el("div", { class: "notice", role: "alert" },
      el("strong", {}, total(failures, "failed cell")), el("ul", {}, failed)) : null,
    unreadable.length ? el("div", { class: "notice" }, el("details", {},
      el("summary", {}, total(unreadable, "unreadable line")),
      el("ul", {}, unreadable.map((line) => el("li", {}, line))))) : null,
  ];
}

const sections = SECTIONS.filter(([, , , items]) => items.length);
const links = sections.map(([id, title]) => el("a", { href: "#" + id }, title));
fill(byId("head"), {}, [
  el("h1", {}, data.title), data.studies.map(about), facts(),
  links.length > 1 ? el("nav", { class: "sections", "aria-label": "Sections" }, links) : null,
]);
const content = byId("content");
content.replaceChildren();
fill(content, {}, [
  notices(),
  sections.map(([id, title, words, , draw]) =>
    el("section", { id, "aria-labelledby": id + "-title" },
      el("h2", { id: id + "-title" }, title), el("p", { class: "soft" }, words), draw())),
  sections.length ? null : el("p", {}, "Nothing here yet."),
  el("footer", {}, GLOSSARY),
]);
addEventListener("beforeprint", () => {
  for (const node of document.querySelectorAll("details.more, .raised details")) node.open = true;
});
document.documentElement.dataset.ready = "yes";
