// Puts the page together: what is selected, searched and shown, and the keys.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const graph = buildGraph(data);
const state = { mode: "type", view: "graph", matches: [], at: -1, selected: null };
const canvas = byId("canvas");
const view = new View(canvas, graph, { picked, toggled: toggle });
const panel = new Panel(byId("panel"), data, graph, go, toggle);
const table = new Table(byId("table"), graph, (item) => { state.selected = item; panel.item(item, state.mode); });
for (const item of graph.nodes) {
  // a tensor is found where it is computed; where none computes it, where it is read
  const tensors = [...item.writes, ...item.reads.filter((name) => !item.before.has(name))];
  const words = item.node ? [item.node.name, item.node.type, ...tensors] : [item.label];
  item.words = words.filter(Boolean).join("\n").toLowerCase();
}

async function draw(aim) {
  const slow = setTimeout(() => { byId("busy").textContent = "Laying out…"; byId("busy").hidden = false; }, 150);
  try {
    if (!(await view.draw())) return;
    view.mark(state.matches);
    if (aim) aim();
  } catch (error) {
    byId("graph").hidden = true;
    setView("table");
    byId("views").hidden = true;
    console.error(error);
  } finally {
    clearTimeout(slow);
    byId("busy").hidden = true;
  }
}

function picked(target) {
  if (target === null) return select(null);
  if (target.isNode()) return select(view.itemOf(target));
  state.selected = null;
  view.select(target.id());
  return panel.edge(view.part.edges.find((edge) => edge.id === target.id()));
}

function select(item) {
  state.selected = item;
  view.select(item?.id);
  if (item) panel.item(item, state.mode);
  else panel.model();
}

// Opens what is around an item, selects it and moves there.
async function go(item) {
  let closed = false;
  for (let outer = item.parent; outer !== graph.root; outer = outer.parent) {
    if (!graph.open.has(outer.id)) closed = true;
    graph.open.add(outer.id);
  }
  if (state.view === "table") setView("graph");
  if (closed) await draw();
  select(item);
  view.focus(item.id);
}

async function toggle(item) {
  if (!item.children.length) return;
  if (!graph.open.delete(item.id)) graph.open.add(item.id);
    await draw(() => view.focus(item.id));
  select(item);
}

function setAll(open) {
  graph.open.clear();
  if (open) for (const item of graph.items.values()) if (item.children.length) graph.open.add(item.id);
  draw(() => view.focus(null));
}

function search(text) {
  const query = text.trim().toLowerCase();
  const wanted = query.startsWith("is:") ? query.slice(3) : null;
  const fits = (item) => (wanted === null ? item.words.includes(query)
    : item.node && Object.keys(MODES).some((mode) => keyOf(item, mode, graph).toLowerCase() === wanted));
  state.matches = query ? graph.nodes.filter(fits) : [];
  state.at = -1;
  showCount();
  if (view.part) view.mark(state.matches);
  if (state.view === "table") setView("table");
}

function showCount() {
  const { matches, at } = state;
  const text = !byId("query").value.trim() ? "" : !matches.length ? "no match" : at < 0 ? `${matches.length} found` : `${at + 1} of ${matches.length}`;
  byId("count").textContent = text;
  byId("next").disabled = byId("previous").disabled = !matches.length;
}

function step(by) {
  const { length } = state.matches;
  if (!length) return;
  state.at = state.at < 0 && by < 0 ? length - 1 : (state.at + by + length) % length;
  showCount();
  go(state.matches[state.at]);
}

function setView(name) {
  state.view = name;
  for (const button of byId("views").children) button.ariaPressed = String(button.dataset.view === name);
  byId("graph").hidden = name !== "graph";
  byId("table").hidden = name !== "table";
  if (name === "table") table.show(byId("query").value.trim() ? state.matches : graph.nodes, state.mode, state.selected);
  else view.cy.resize();
}

function setMode(mode) {
  state.mode = mode;
  for (const button of byId("colours").children) button.ariaPressed = String(button.dataset.mode === mode);
  view.recolour(mode);
  legend();
  if (state.selected) panel.item(state.selected, mode);
  if (state.view === "table") setView("table");
}

function legend() {
  const rows = countKeys(graph, state.mode).map(([key, count]) => element("li", {}, element(
    "button", { type: "button", title: `Search is:${key}`, onclick: () => { byId("query").value = `is:${key}`; search(`is:${key}`); } },
    dot(paint(key, state.mode, darkness.matches)), element("span", {}, key), element("small", {}, String(count)),
  )));
  byId("keys").replaceChildren(...rows);
}

// Along the edges from the selected node, else across the canvas.
function arrow(key) {
  const up = key === "ArrowUp";
  if (state.selected && (up || key === "ArrowDown")) {
    const node = view.cy.getElementById(state.selected.id);
    const next = (up ? node.incomers("node") : node.outgoers("node"))[0];
    if (next) go(view.itemOf(next));
    return;
  }
  const shift = { ArrowUp: [0, 80], ArrowDown: [0, -80], ArrowLeft: [80, 0], ArrowRight: [-80, 0] }[key];
  view.cy.panBy({ x: shift[0], y: shift[1] });
}

const KEYS = {
  "+": () => view.zoomBy(1.3), "=": () => view.zoomBy(1.3), "-": () => view.zoomBy(1 / 1.3), 0: () => view.focus(null, true),
  Enter: () => state.selected && toggle(state.selected), " ": () => state.selected && toggle(state.selected), Escape: () => select(null),
};
for (const key of ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]) KEYS[key] = () => arrow(key);

function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target === byId("query")) return;
    event.preventDefault();
    byId("query").focus();
    byId("query").select();
  });
  canvas.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(KEYS, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  canvas.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }));
  byId("query").addEventListener("input", (event) => search(event.target.value));
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") { event.target.value = ""; search(""); canvas.focus(); }
  });
  byId("next").onclick = () => step(1);
  byId("previous").onclick = () => step(-1);
  byId("expand").onclick = () => setAll(true);
  byId("fold").onclick = () => setAll(false);
  byId("zoom-in").onclick = () => view.zoomBy(1.3);
  byId("zoom-out").onclick = () => view.zoomBy(1 / 1.3);
  byId("fit").onclick = () => view.focus(null, true);
  for (const button of byId("views").children) button.onclick = () => setView(button.dataset.view);
  darkness.addEventListener("change", () => { legend(); if (state.view === "table") setView("table"); });
}

function start() {
  byId("title").textContent = document.title = data.title;
  byId("kind").textContent = data.kind;
  const modes = Object.keys(MODES).filter((mode) => mode !== "status" || data.nodes.some((node) => node.status));
  byId("colours").append(...modes.map((mode) => element("button", { type: "button", onclick: () => setMode(mode) }, MODES[mode])));
  modes.forEach((mode, at) => { byId("colours").children[at].dataset.mode = mode; });
  listen();
  showCount();
  panel.model();
  openAtStart(graph);
  setMode(modes[0]);
  draw(() => { view.focus(null); performance.mark("drawn"); document.documentElement.dataset.drawn = "yes"; });
}

start();

// For tests and for the console of the browser.
window.trtkitPage = { graph, view, state };
