// The side panel: the model, a node, a group or an edge. All text goes in as text, never as HTML.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function dot(colour) {
  const made = element("i", { className: "dot" });
  made.style.background = colour.fill;
  made.style.borderColor = colour.line;
  return made;
}

function valueText(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((part) => typeof part !== "object")) return `[${value.map(valueText).join(", ")}]`;
  if (typeof value === "number" && !Number.isInteger(value)) return numberText(value);
  return typeof value === "object" ? JSON.stringify(value, null, 1) : String(value);
}

// Nine digits tell any two numbers of float32 apart.
function numberText(value) {
  const short = Number(value.toPrecision(9));
  return Math.abs(short) < 1e-4 ? short.toExponential() : String(short);
}

function tensorText(graph, item, name) {
  const tensor = typeOf(graph, item, name);
  if (!tensor) return "";
  return [tensor.dtype, tensor.shape ? `[${tensor.shape.map((size) => size ?? "?").join(", ")}]` : null].filter(Boolean).join(" ");
}

function titleOf(item) {
  if (item.node) return item.node.name || `${item.node.type || "node"} without a name`;
  return item.label;
}

class Panel {
  constructor(place, data, graph, go, toggle) {
    Object.assign(this, { place, data, graph, go, toggle });
  }

  fill(...parts) {
    this.place.replaceChildren(...parts.flat().filter(Boolean));
    this.place.scrollTop = 0;
  }

  model() {
    const { data } = this;
    this.fill(
      element("h2", {}, data.title), element("p", { className: "type" }, data.kind), this.table("", data.facts),
      this.named("Inputs", data.inputs, "i:"), this.named("Outputs", data.outputs, "o:"), help(),
    );
  }

  named(title, names, prefix) {
    return names.length && [
      element("h3", {}, title),
      element("ul", {}, ...names.map((name) => this.graph.items.get(prefix + name)).map((item, at) => this.tensor(names[at], item, [item], () => names[at]))),
    ];
  }

  table(title, values) {
    const rows = Object.entries(values).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, valueText(value))]);
    return rows.length ? [title && element("h3", {}, title), element("dl", {}, ...rows)] : [];
  }

  tensor(name, reader, items, text) {
    const links = items.map((item) => element("button", { type: "button", title: titleOf(item), onclick: () => this.go(item) }, text(item)));
    const row = links.length ? element("div", { className: "links" }, ...links) : null;
    const shape = element("div", { className: "shape" }, tensorText(this.graph, reader, name));
    if (text(items[0] ?? null) === name) return element("li", {}, row, shape);
    return element("li", {}, element("div", {}, name), shape, row);
  }

  tensors(title, item, names, others, sign, none) {
    const known = names.filter(Boolean);
    const text = (other) => (other ? `${sign} ${other.label || other.node?.type || "unnamed"}` : none);
    return known.length && [element("h3", {}, title), element("ul", {}, ...known.map((name) => this.tensor(name, item, others.get(name) ?? [], text)))];
  }

  item(item, mode) {
    if (item.kind === "scope" || item.kind === "section") return this.group(item);
    const { node } = item;
    const key = keyOf(item, mode, this.graph);
    const kind = node ? node.type || "unknown type" : `${item.kind} of the model`;
    return this.fill(
      element("h2", {}, titleOf(item)), element("p", { className: "type" }, dot(paint(key, mode, darkness.matches)), kind),
      item.children.length ? this.button(item) : null,
      node?.detail ? element("p", { className: "detail" }, node.detail) : null,
      node ? this.table("", this.facts(node)) : element("p", { className: "shape" }, tensorText(this.graph, item, tensorOf(item))),
      node ? this.table("Attributes", node.attributes) : null,
      this.tensors(node ? "Inputs" : "Computed by", item, item.reads, item.before, "↑", ""),
      this.tensors(node ? "Outputs" : "Read by", item, item.writes, item.after, "↓", ""),
    );
  }

  facts(node) {
    const facts = {};
    if (node.status) facts.status = node.status;
    if (node.precision) facts.precision = node.precision;
    if (node.tactic) facts.tactic = node.tactic;
    if (node.origin.length) facts["made from"] = node.origin.join("\n");
    facts.index = node.id;
    return facts;
  }

  button(item) {
    const text = this.graph.open.has(item.id) ? "Fold" : "Open";
    return element("button", { type: "button", id: "toggle", onclick: () => this.toggle(item) }, `${text} (Enter)`);
  }

  group(item) {
    const counts = new Map();
    const count = (inner) => {
      if (inner.node) counts.set(inner.node.type, (counts.get(inner.node.type) ?? 0) + 1);
      inner.children.forEach(count);
    };
    count(item);
    const types = [...counts].sort((a, b) => b[1] - a[1]);
    this.fill(
      element("h2", {}, item.label), element("p", { className: "type" }, `${item.kind === "scope" ? "scope" : "section"} of ${item.size} nodes`),
      this.button(item), this.table("Changes", changeCounts(item)), this.table("Types", Object.fromEntries(types)),
    );
  }

  edge(edge) {
    const text = (item) => `${item === edge.source ? "↑" : "↓"} ${item.label || item.node?.type || "unnamed"}`;
    this.fill(
      element("h2", {}, edge.tensors.size === 1 ? [...edge.tensors][0] : `${edge.tensors.size} tensors`),
      element("p", { className: "type" }, edge.tensors.size === 1 ? "tensor" : `from ${edge.source.label} to ${edge.target.label}`),
      element("ul", {}, ...[...edge.tensors].map((name) => this.tensor(name, edge.of.get(name), [edge.source, edge.target], text))),
    );
  }
}

function help() {
  const keys = [["/", "search"], ["Enter", "next match; open or fold"], ["↑ ↓", "along the edges"], ["0", "show everything"], ["Esc", "back"]];
  return element("dl", { className: "help" }, ...keys.flatMap(([key, text]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, text)]));
}
