// The data as a tree of items (nodes in scopes) with edges, and what of it is visible while some groups are folded.
//
// An item is {id, kind, label, order, parent, children, size, node}: `kind` is `node` (of the model), `input`, `output`,
// `scope` (nodes whose names begin alike) or `section` (consecutive items, where a group has too many); `size` counts
// the nodes inside. A node that has a subgraph has children and folds like a scope. `order` sorts items as the data does.

const LEVEL_LIMIT = 160; // items side by side, above which they are put into sections
const SECTION = 80;
const OPEN_ALL = 60; // models of so many nodes begin with everything open
const OPEN_BUDGET = 60; // above that, so many items are visible at most, if there are groups

function buildGraph(data) {
  const root = newItem("root", "root", data.title, null);
  const items = new Map();
  const byNode = new Map(data.nodes.map((node) => [node.id, node]));
  const separator = data.nodes.some((node) => node.name.includes("/")) ? "/" : ".";
  for (const name of data.inputs) addItem(items, root, "i:" + name, "input", name);
  for (const node of data.nodes) placeNode(node, root, items, byNode, separator);
  for (const name of data.outputs) addItem(items, root, "o:" + name, "output", name);
  tidy(root, items, separator);
  measure(root);
  const graph = { root, items, tensors: typesOf(data), open: new Set() };
  graph.nodes = [...items.values()].filter((item) => item.kind !== "scope" && item.kind !== "section");
  graph.nodes.sort((a, b) => a.order - b.order);
  connect(graph, data);
  return graph;
}

// Types and shapes by subgraph and name.
function typesOf(data) {
  const types = new Map();
  for (const [region, tensors] of [["", data.tensors], ...Object.entries(data.inner_tensors ?? {})]) {
    for (const [name, tensor] of Object.entries(tensors)) types.set(region + "\n" + name, tensor);
  }
  return types;
}

function newItem(id, kind, label, parent) {
  return { id, kind, label, parent, children: [], size: 0, node: null, order: 0 };
}

function addItem(items, parent, id, kind, label) {
  const item = newItem(id, kind, label, parent);
  item.order = items.size;
  items.set(id, item);
  parent.children.push(item);
  return item;
}

function placeNode(node, root, items, byNode, separator) {
  const id = "n:" + node.id;
  if (items.has(id)) return items.get(id);
  const holder = node.parent !== null && byNode.get(node.parent);
  let group = root;
  let path = scopePath(node, separator);
  if (holder && holder !== node) {
    group = placeNode(holder, root, items, byNode, separator);
    const outer = scopePath(holder, separator);
    let shared = 0;
    while (shared < outer.length && outer[shared] === path[shared]) shared += 1;
    path = [...branchOf(node), ...path.slice(shared)];
  }
  for (const part of path) {
    const scopeId = `s:${group.id}\n${part}`;
    group = items.get(scopeId) ?? addItem(items, group, scopeId, "scope", shortName(part, group, separator));
  }
  const item = addItem(items, group, id, "node", shortName(node.name.split(separator).pop(), group, separator));
  item.node = node;
  return item;
}

// The last part of a name; with the one before it where it is a bare number, as in `layer1.0`.
function shortName(part, group, separator) {
  return /^\d+$/.test(part) && group.kind === "scope" ? group.label + separator + part : part;
}

// The branches of a parent node, where the identifiers name them: "3/then_branch/0" inside of "3".
function branchOf(node) {
  if (!node.id.startsWith(node.parent + "/")) return [];
  return node.id.slice(node.parent.length + 1).split("/").slice(0, -1);
}

// The scopes of a name. A layer that was fused from several lies in the scope that they share.
function scopePath(node, separator) {
  const names = node.origin.length ? node.origin : node.name.split(" + ");
  const paths = names.map((name) => name.replace(/^(?:[A-Za-z]\w*\()+/, "").split(separator).filter(Boolean).slice(0, -1));
  let count = Math.min(...paths.map((path) => path.length));
  for (let at = 0; at < count; at += 1) {
    if (paths.some((path) => path[at] !== paths[0][at])) count = at;
  }
  return paths[0].slice(0, count);
}

// Drops scopes that hold one item, and puts consecutive items of an overfull group into sections.
function tidy(group, items, separator) {
  group.children = group.children.map((child) => {
    let item = child;
    while (item.kind === "scope" && item.children.length === 1) {
      const only = item.children[0];
      if (!only.label.startsWith(item.label + separator)) only.label = item.label + separator + only.label;
      only.parent = group;
      items.delete(item.id);
      item = only;
    }
    tidy(item, items, separator);
    return item;
  });
  while (group.children.length > LEVEL_LIMIT) {
    const sections = [];
    for (let at = 0; at < group.children.length; at += SECTION) {
      const members = group.children.slice(at, at + SECTION);
      const id = `s:${group.id}\n\n${members[0].order}:${members[0].kind}:${members.length}`;
      const label = `${nameOf(members[0])} … ${nameOf(members[members.length - 1])}`;
      const section = newItem(id, "section", label, group);
      section.order = members[0].order;
      section.children = members;
      for (const member of members) member.parent = section;
      items.set(id, section);
      sections.push(section);
    }
    group.children = sections;
  }
}

function nameOf(item) {
  return item.kind === "section" ? item.label.split(" … ")[0] : item.label || (item.node && item.node.type) || "unnamed";
}

function measure(item) {
  item.size = item.kind === "node" ? 1 : 0;
  for (const child of item.children) item.size += measure(child);
  return item.size;
}

// Finds who computes what each node reads. Tensors of a subgraph are seen in it and in what lies deeper.
function connect(graph, data) {
  const producers = new Map();
  const offer = (where, name, item) => {
    const key = where + "\n" + name;
    producers.get(key)?.push(item) ?? producers.set(key, [item]);
  };
  for (const item of graph.nodes) {
    item.reads = item.kind === "input" ? [] : item.kind === "output" ? [tensorOf(item)] : item.node.inputs;
    item.writes = item.kind === "output" ? [] : item.kind === "input" ? [tensorOf(item)] : item.node.outputs;
    item.before = new Map();
    item.after = new Map();
    for (const name of item.writes) if (name) offer(regionOf(item), name, item);
  }
  const functions = new Set(data.nodes.filter((node) => node.type === "function" && !/^\d+$/.test(node.id)).map((node) => node.id));
  graph.edges = [];
  for (const target of graph.nodes) {
    for (const tensor of new Set(target.reads)) {
      if (!tensor) continue;
      for (const source of find(producers, functions, regionOf(target), tensor)) {
        if (source === target || !together(source, target)) continue;
        graph.edges.push({ source, target, tensor });
        (target.before.get(tensor) ?? target.before.set(tensor, []).get(tensor)).push(source);
        (source.after.get(tensor) ?? source.after.set(tensor, []).get(tensor)).push(target);
      }
    }
  }
}

function tensorOf(item) {
  return item.id.slice(2);
}

// The subgraph that an item lies in, as its identifier says it: "3/then_branch" of "3/then_branch/0".
function regionOf(item) {
  return item.kind === "node" ? item.node.id.split("/").slice(0, -1).join("/") : "";
}

// Who computes a tensor, in the innermost of the graphs around it where somebody does. A function sees its own body only.
function find(producers, functions, region, tensor) {
  for (let where = region; ; where = where.slice(0, Math.max(where.lastIndexOf("/"), 0))) {
    const found = producers.get(where + "\n" + tensor);
    if (found) return found;
    if (!where || functions.has(where)) return [];
  }
}

// Type and shape of a tensor that an item reads or writes.
function typeOf(graph, item, name) {
  return graph.tensors.get(regionOf(item) + "\n" + name) ?? graph.tensors.get("\n" + name);
}

// What was removed and what was added have never been in one model.
function together(source, target) {
  const pair = [source.node?.status, target.node?.status];
  return !(pair.includes("removed") && pair.includes("added"));
}

// Small models open as a whole; of others whole levels of groups, outermost first, while that stays an overview.
function openAtStart(graph) {
  const whole = graph.root.size <= OPEN_ALL;
  let level = graph.root.children;
  let visible = level.length;
  while (level.length) {
    const groups = level.filter((item) => item.children.length);
    level = groups.flatMap((item) => item.children);
    visible += level.length;
    if (!whole && visible > OPEN_BUDGET) return;
    for (const item of groups) graph.open.add(item.id);
  }
}

// The visible tree (for the layout), and one edge for all tensors that go from one visible item to another; `of` says
// which node computes each.
function visiblePart(graph) {
  const shown = [];
  const stands = new Map(); // each item of the model by what stands for it
  const hide = (item, by) => {
    stands.set(item, by);
    for (const child of item.children) hide(child, by);
  };
  const walk = (item, depth) => {
    shown.push({ item, depth, open: graph.open.has(item.id) && item.children.length > 0 });
    if (shown[shown.length - 1].open) {
      stands.set(item, item);
      for (const child of item.children) walk(child, depth + 1);
    } else hide(item, item);
  };
  for (const child of graph.root.children) walk(child, 0);
  const edges = new Map();
  for (const edge of graph.edges) {
    const source = stands.get(edge.source);
    const target = stands.get(edge.target);
    if (source === target) continue;
    const key = source.id + "\n" + target.id;
    const found = edges.get(key);
    if (found) {
      found.tensors.add(edge.tensor);
      found.of.set(edge.tensor, edge.source);
    } else edges.set(key, { id: "e:" + key, source, target, tensors: new Set([edge.tensor]), of: new Map([[edge.tensor, edge.source]]) });
  }
  return { shown, edges: [...edges.values()], stands };
}
