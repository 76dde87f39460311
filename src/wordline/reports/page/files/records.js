// The records and curves of all studies, and the choice among them.
const data = JSON.parse(byId("data").textContent);
const gather = (name) => data.studies.flatMap((study) => study[name]);
const withStudy = (name) => data.studies.flatMap((study, index) =>
  study[name].map((item) => ({ ...item, study: study.title, studyIndex: index })));
const records = withStudy("records");
const curves = withStudy("curves");
const isSoftware = (item) => item.tile === "software";

const DIMENSIONS = {
  study: "study", model: "network", data: "data", setting: "setting", attack: "attack",
  loss: "loss", tile: "crossbar", gain: "gain", eps: "epsilon",
};

function valuesOf(name) {
  if (name === "eps") {
    return unique([...records].sort((a, b) => a.radius - b.radius).map((r) => r.eps));
  }
  const having = records.filter((record) => name !== "gain" || !isSoftware(record));
  const found = unique(having.map((record) => record[name]));
  const size = (tile) => parseFloat(tile) || 0;  // software first
  return name === "tile" ? found.sort((a, b) => size(a) - size(b)) : found;
}

// A dimension along which the records differ; `off` holds the values that are not chosen.
const dimensions = Object.entries(DIMENSIONS)
  .map(([name, title]) => ({ name, title, values: valuesOf(name), off: new Set() }))
  .filter((dimension) => dimension.values.length > 1);

// Software has no gain, and stays while any gain is chosen; a curve has no epsilon of its own.
const isChosen = (item) => dimensions.every(({ name, off }) =>
  (name === "gain" && isSoftware(item)) || !(name in item) || !off.has(item[name]));

const listeners = [];
function onChange(listener) {
  listeners.push(listener);
  listener();
}
const announceChange = () => listeners.forEach((listener) => listener());
