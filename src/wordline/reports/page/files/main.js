// The page: what there is, in the order in which one asks.
const gather = (name) => data.studies.flatMap((study) => study[name]);
const audits = gather("audits"), chips = gather("chips"), sheets = gather("sheets"), stabilities = gather("stabilities");
const failures = gather("failures"), strange = gather("strange");
const count = (number, one, many) => [number, number === 1 ? one : many || one + "s"];
const facts = [count(records.length, "record"), count(unique(records.filter((r) => !isSoftware(r)).map((r) => r.tile + r.gain + r.seed + r.model)).length, "chip"), count(unique(records.map((r) => r.images)).join(", "), "images", "images"), audits.length && count(audits.length, "audit"),
  failures.length && [...count(failures.length, "failed cell"), "bad"], strange.length && [...count(strange.length, "unreadable line"), "bad"]].filter((fact) => fact && fact[0]);
byId("head").append(el("h1", {}, data.title), ...data.studies.flatMap((s) => [s.about.reproduces && el("p", { class: "soft" }, (data.studies.length > 1 ? s.title + ": " : "") + "reproduces " + s.about.reproduces), s.about.expected && el("p", { class: "soft" }, "Expected: " + s.about.expected), s.command && el("pre", {}, s.command)].filter(Boolean)),
  el("ul", { class: "facts" }, facts.map(([value, words, kind]) => el("li", { class: kind || "" }, el("b", {}, value), el("span", {}, words)))));
const sections = [
  sheets.length && ["tables", "Tables", "In the layout of the paper: ours, what was published, and the difference.", () => sheets.map((sheet) => [paperTable(sheet), el("br")])],
  records.length && ["curves-section", "Curves", "The point at epsilon 0 is clean accuracy. Bars are 95 % intervals over images; where a design has several chips, the curve is their mean.", () => [filterPanel(), curveSection()]],
  audits.length && ["audits", "Audits", "An audit asks whether a robustness is real. It never says robust: it finds reasons for doubt, or none.", () => audits.map(auditSection)],
  stabilities.length && ["stability", "Noise per layer", "Signal-to-noise ratio of each layer's output, chip against software.", () => stabilitySection(stabilities)],
  chips.length && ["chips", "Chips", "Each layer on its arrays. NF, the non-ideality factor, is the share of column current that is missing.", () => chips.map(chipSection)],
  records.length && ["records", "Records", "Every number with its conditions and the command that computes it again. The filters above apply.", () => recordTable()],
].filter(Boolean);
if (sections.length > 1) byId("head").append(el("nav", { class: "sections", "aria-label": "Sections" }, sections.map(([id, title]) => el("a", { href: "#" + id }, title))));
const content = byId("content");
content.replaceChildren();
if (failures.length) content.append(el("div", { class: "notice", role: "alert" }, el("strong", {}, count(failures.length, "failed cell").join(" ")), el("ul", {}, failures.map(([key, why]) => el("li", {}, el("code", {}, key), " ", why)))));
if (strange.length) content.append(el("div", { class: "notice" }, el("details", {}, el("summary", {}, count(strange.length, "unreadable line").join(" ")), el("ul", {}, strange.map((line) => el("li", {}, line))))));
for (const [id, title, words, make] of sections) content.append(fill(el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), el("p", { class: "soft" }, words)), {}, [make()]));
if (!sections.length) content.append(el("p", {}, "Nothing here yet."));
content.append(el("footer", {}, "CA: clean accuracy. AA: accuracy under attack. AL = CA - AA: it falls when CA falls, so read it beside CA and ASR. ASR: share of correctly classified images that the attack breaks. SW: software attacked; SH: chip, images crafted on software; HH: chip, images crafted on itself. This page needs no network."));
addEventListener("beforeprint", () => { for (const node of document.querySelectorAll("details.more, .raised details")) node.open = true; });
document.documentElement.dataset.ready = "yes";
