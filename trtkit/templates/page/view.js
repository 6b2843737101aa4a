// The drawing: cytoscape shows what is visible, where the worker's layout puts it.

const FONT = 12;
const MARGIN = 48;
const READABLE = 0.8;
const pen = document.createElement("canvas").getContext("2d");
const fontFamily = getComputedStyle(document.documentElement).fontFamily;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const darkness = matchMedia("(prefers-color-scheme: dark)");

function textWidth(text) {
  pen.font = `600 ${FONT}px ${fontFamily}`;
  return pen.measureText(text).width;
}

function shorten(text, most) {
  if (text.length <= most) return text;
  const end = Math.ceil((most - 1) / 2);
  return text.slice(0, most - 1 - end) + "…" + text.slice(-end);
}

// The text in the box of an item; of an open group its title.
function labelOf(item, open) {
  if (item.kind === "input" || item.kind === "output") return shorten(item.label, 32);
  const kind = item.node ? mark(item.node) + (item.node.type || "?") : "";
  const name = shorten(item.label, 34);
  if (open) return `− ${name || kind}${item.node && name ? "  " + kind : ""}`;
  const inside = item.children.length ? `+ ${item.size - (item.node ? 1 : 0)} nodes${changesOf(item)}` : "";
  if (!item.node) return `${name}\n${inside}`;
  return [kind, name, inside].filter((line) => line && line !== kind).reduce((text, line) => text + "\n" + line, kind);
}

// How many nodes of a folded group were added, removed and changed.
function changesOf(item) {
  const counts = changeCounts(item);
  return STATUSES.filter(([name, , sign]) => sign && counts[name]).map(([name, , sign]) => `  ${sign}${counts[name]}`).join("");
}

function changeCounts(item, counts = {}) {
  if (item.node?.status) counts[item.node.status] = (counts[item.node.status] ?? 0) + 1;
  for (const child of item.children) changeCounts(child, counts);
  return counts;
}

function sizeOf(label) {
  const lines = label.split("\n");
  return { width: Math.max(64, Math.ceil(Math.max(...lines.map(textWidth))) + 22), height: 14 + 15 * lines.length };
}

function shapeText(tensor) {
  if (!tensor?.shape) return "";
  return tensor.shape.length ? tensor.shape.map((size) => size ?? "?").join("×") : "scalar";
}

function edgeLabel(edge, graph) {
  if (edge.tensors.size > 1) return `${edge.tensors.size} tensors`;
  const [[name, source]] = edge.of;
  return shorten(shapeText(typeOf(graph, source, name)), 26);
}

class View {
  constructor(container, graph, events) {
    this.graph = graph;
    this.mode = "type";
    this.serial = 0;
    this.cy = cytoscape({
      container, headless: false, autoungrabify: true, boxSelectionEnabled: false, selectionType: "single",
      minZoom: 0.01, maxZoom: 4, hideEdgesOnViewport: false, textureOnViewport: false,
      style: this.style(),
    });
    this.cy.on("tap", (event) => events.picked(event.target === this.cy ? null : event.target));
    this.cy.on("dbltap", "node", (event) => events.toggled(this.itemOf(event.target)));
    this.cy.on("mouseover", "node, edge", () => { container.style.cursor = "pointer"; });
    this.cy.on("mouseout", "node, edge", () => { container.style.cursor = ""; });
    darkness.addEventListener("change", () => this.recolour(this.mode));
  }

  itemOf(element) {
    return this.graph.items.get(element.id());
  }

  style() {
    const read = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const mono = { "font-family": fontFamily, "font-size": FONT };
    return [
      { selector: "node", style: {
        ...mono, shape: "round-rectangle", "corner-radius": 8, width: "data(width)", height: "data(height)",
        label: "data(label)", "text-wrap": "wrap", "text-max-width": 2000, "text-valign": "center", "line-height": 1.25, color: "data(ink)",
        "background-color": "data(fill)", "border-color": "data(line)", "border-width": 1.2, "min-zoomed-font-size": 5,
        "z-index-compare": "manual", "z-index": 100, "overlay-opacity": 0,
      } },
      { selector: "node[kind = 'input'], node[kind = 'output']", style: { "corner-radius": 20 } },
      { selector: "node.folded", style: {
        "font-weight": 600, ghost: "yes", "ghost-offset-x": 4, "ghost-offset-y": 4, "ghost-opacity": 0.45,
      } },
      { selector: "node.folded[stops]", style: {
        "background-fill": "linear-gradient", "background-gradient-direction": "to-right",
        "background-gradient-stop-colors": "data(stops)", "background-gradient-stop-positions": "data(shares)",
      } },
      { selector: "node.open", style: {
        "z-index": "data(depth)", "corner-radius": 12, "background-color": read("--open"), "border-color": read("--open-line"),
        "border-width": 1, color: read("--soft"), "text-valign": "top", "text-halign": "left", "text-margin-y": 20,
        "text-margin-x": "data(shift)", "font-weight": 600, "text-wrap": "none",
      } },
      { selector: "node.open[tint]", style: { "border-color": "data(tint)", "border-width": 1.6 } },
      { selector: "edge", style: {
        ...mono, width: "data(width)", "line-color": read("--edge"), "target-arrow-color": read("--edge"),
        "target-arrow-shape": "triangle", "arrow-scale": 0.8, "curve-style": "straight", "font-size": 10,
        label: "data(label)", color: read("--soft"), "text-margin-x": "data(beside)", "min-zoomed-font-size": 7,
        "z-index-compare": "manual", "z-index": 50, "overlay-opacity": 0,
      } },
      { selector: "edge.bent", style: {
        "curve-style": "round-segments", "segment-weights": "data(weights)", "segment-distances": "data(distances)",
        "segment-radii": 14, "edge-distances": "node-position",
      } },
      { selector: "edge.near, edge:selected", style: {
        "line-color": read("--accent"), "target-arrow-color": read("--accent"), "z-index": 60, width: 2.4,
      } },
      { selector: "node.match", style: { "underlay-color": read("--match"), "underlay-opacity": 0.75, "underlay-padding": 5 } },
      { selector: "node:selected", style: {
        "border-color": read("--accent"), "border-width": 3, "border-style": "solid", "underlay-color": read("--accent"),
        "underlay-opacity": 0.25, "underlay-padding": 5,
      } },
      { selector: "node.open:selected", style: { "underlay-opacity": 0 } },
    ];
  }

  // Lays out what is visible now and draws it; resolves when that is on the screen, to false where a newer call came.
  async draw() {
    const part = visiblePart(this.graph);
    const serial = ++this.serial;
    const labels = new Map(part.shown.map(({ item, open }) => [item, labelOf(item, open)]));
    const tree = ({ id }) => {
      const item = this.graph.items.get(id);
      if (!this.graph.open.has(id) || !item.children.length) return { id, ...sizeOf(labels.get(item)) };
      return { id, title: textWidth(labels.get(item)) + 28, children: item.children.map(tree) };
    };
    if (!this.worker) this.start();
    this.worker.postMessage({
      serial, tree: this.graph.root.children.map(tree), edges: part.edges.map(({ source, target }) => [source.id, target.id]),
    });
    const answer = await this.answer(serial);
    if (serial !== this.serial) return false;
    this.part = part;
    this.show(part, labels, answer);
    return true;
  }

  start() {
    const source = document.getElementById("layout").textContent;
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  }

  answer(serial) {
    return new Promise((resolve, reject) => {
      const listen = ({ data }) => {
        if (data.serial !== serial) return;
        this.worker.removeEventListener("message", listen);
        resolve(data);
      };
      this.worker.addEventListener("message", listen);
      this.worker.addEventListener("error", (event) => reject(new Error(event.message || "no worker can be started")));
    });
  }

  show(part, labels, { boxes, bends }) {
    const elements = part.shown.map(({ item, depth, open }) => {
      const { x, y, width, height } = boxes[item.id];
      const label = labels.get(item);
      const data = { id: item.id, kind: item.kind, label, width, height, depth, shift: textWidth(label) + 14, ...this.colours(item) };
      const classes = open ? "open" : item.children.length ? "folded" : "";
      return { group: "nodes", data, position: { x, y }, classes, pannable: true };
    });
    part.edges.forEach((edge, at) => {
      const points = bends[at];
      const label = edgeLabel(edge, this.graph);
      const data = {
        id: edge.id, source: edge.source.id, target: edge.target.id, label, beside: textWidth(label) * 0.4 + 8,
        width: Math.min(1.3 + Math.log2(edge.tensors.size) / 2, 5), ...relative(boxes[edge.source.id], boxes[edge.target.id], points),
      };
      elements.push({ group: "edges", data, classes: points.length ? "bent" : "", pannable: true });
    });
    const selected = this.cy.$(":selected").map((element) => element.id());
    this.cy.batch(() => {
      this.cy.elements().remove();
      this.cy.add(elements);
      for (const id of selected) this.cy.getElementById(id).select();
    });
    this.near();
  }

  colours(item) {
    const key = keyOf(item, this.mode, this.graph);
    if (key !== null) return { ...paint(key, this.mode, darkness.matches), tint: undefined };
    const counts = changeCounts(item);
    const changed = ["removed", "added", "changed"].filter((name) => counts[name]);
    const worst = changed.length > 1 ? "changed" : changed[0];
    const plain = { ...paint("", "", darkness.matches), ...this.composition(item) };
    if (this.mode !== "status" || !worst) return { ...plain, tint: undefined };
    const colour = paint(worst, "status", darkness.matches);
    return { ...plain, line: colour.line, tint: colour.line };
  }

  // The colours of what a group holds, side by side in proportion.
  composition(item) {
    const counts = new Map();
    const count = (inner) => {
      const key = keyOf(inner, this.mode, this.graph);
      if (inner.node) counts.set(key, (counts.get(key) ?? 0) + 1);
      inner.children.forEach(count);
    };
    count(item);
    const stops = [];
    const shares = [];
    let done = 0;
    for (const [key, number] of [...counts].sort((a, b) => b[1] - a[1])) {
      const { fill } = paint(key, this.mode, darkness.matches);
      stops.push(fill, fill);
      shares.push((100 * done) / item.size, (100 * (done + number)) / item.size);
      done += number;
    }
    return item.size ? { stops, shares } : {};  }

  recolour(mode) {
    this.mode = mode;
    this.cy.batch(() => this.cy.nodes().forEach((node) => { node.data(this.colours(this.itemOf(node))); }));
    this.cy.style().fromJson(this.style()).update();
  }

  mark(items) {
    const wanted = new Set(items.map((item) => this.part.stands.get(item).id));
    this.cy.batch(() => this.cy.nodes().forEach((node) => { node.toggleClass("match", wanted.has(node.id())); }));
  }

  select(id) {
    this.cy.batch(() => {
      this.cy.$(":selected").unselect();
      if (id) this.cy.getElementById(id).select();
    });
    this.near();
  }

  // The edges at what is selected stand out.
  near() {
    const selected = this.cy.$("node:selected");
    this.cy.batch(() => {
      this.cy.$("edge.near").removeClass("near");
      selected.connectedEdges().addClass("near");
    });
  }

  // Moves the view to an item, or to everything: where that can be read as a whole it fills the view, otherwise its
  // top is shown at a readable size. `whole` shows all of it at any size.
  focus(id, whole = false) {
    const box = (id ? this.cy.getElementById(id) : this.cy.nodes()).boundingBox({ includeLabels: false, includeOverlays: false, includeUnderlays: false });
    if (!Number.isFinite(box.w) || !box.w) return;
    const [width, height] = [this.cy.width(), this.cy.height()];
    const room = Math.min((width - 2 * MARGIN) / box.w, (height - 2 * MARGIN) / box.h);
    const node = id && !this.cy.getElementById(id).hasClass("open");
    const zoom = node ? Math.max(this.cy.zoom(), READABLE) : whole || room >= READABLE ? Math.min(room, 1.2) : READABLE;
    const top = zoom * box.h > height - 2 * MARGIN ? MARGIN - zoom * box.y1 : height / 2 - (zoom * (box.y1 + box.y2)) / 2;
    this.move({ zoom, pan: { x: width / 2 - (zoom * (box.x1 + box.x2)) / 2, y: top } });
  }

  move(target) {
    this.cy.stop(true);
    if (calm.matches || this.cy.elements().length > 1500) this.cy.viewport(target);
    else this.cy.animate(target, { duration: 220, easing: "ease-out-cubic" });
  }

  zoomBy(factor) {
    this.cy.stop(true, true);
    this.cy.zoom({ level: this.cy.zoom() * factor, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }
}

// Bends as cytoscape takes them: the share of the way from centre to centre, and the distance from that line.
function relative(source, target, points) {
  const dx = target.x - source.x;
  const dy = target.y - source.y;
  const length = Math.hypot(dx, dy) || 1;
  const weights = points.map(({ x, y }) => ((x - source.x) * dx + (y - source.y) * dy) / (length * length));
  const distances = points.map(({ x, y }) => ((y - source.y) * dx - (x - source.x) * dy) / length);
  return { weights, distances };
}
