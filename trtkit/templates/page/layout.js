// Runs in a worker, after dagre. A request is {serial, tree, edges}: the tree holds {id, width, height} or, for an open
// group, {id, children, title}; an edge is [source id, target id]. The answer has the boxes and the bends of edges.
//
// dagre lays out the inside of each open group by itself, innermost first, and a group is one box for what is around it:
// small graphs take much less time than one big one, and opening a group leaves the inside of all others as it was.
// Edges that cross the border of a group run through a point at its top or bottom, which is a node of the inner graph.

const TOP = "\u0000top";
const BOTTOM = "\u0000bottom";
const PADDING = 16;
const TITLE = 32;
const known = new Map(); // finished insides, by what they were made from

onmessage = ({ data }) => {
  const inside = new Map([["", []]]);
  const parents = new Map();
  const groups = new Map();
  const visit = (item, parent) => {
    parents.set(item.id, parent);
    if (!item.children) return;
    groups.set(item.id, item);
    inside.set(item.id, []);
    for (const child of item.children) visit(child, item.id);
  };
  for (const item of data.tree) visit(item, "");
  const routes = data.edges.map(([source, target]) => routeOf(source, target, parents, inside));
  const root = { id: "", children: data.tree, title: 0 };
  const layouts = new Map();
  layoutGroup(root, inside, groups, layouts);
  const boxes = {};
  const origins = new Map();
  place(root, 0, 0, layouts, groups, boxes, origins);
  postMessage({ serial: data.serial, boxes, bends: routes.map((route) => bendsOf(route, layouts, origins)) });
};

function chain(id, parents) {
  const ids = [id];
  while (ids[0] !== "") ids.unshift(parents.get(ids[0]));
  return ids;
}

// The pieces of an edge: [group, from, to] in the group's inner graph, from the source outwards, then inwards.
function routeOf(source, target, parents, inside) {
  const from = chain(source, parents);
  const to = chain(target, parents);
  let shared = 0;
  while (shared + 1 < from.length && shared + 1 < to.length && from[shared + 1] === to[shared + 1]) shared += 1;
  const route = [];
  if (shared + 1 >= from.length || shared + 1 >= to.length) return route; // between a group and what it holds
  for (let at = from.length - 1; at > shared + 1; at -= 1) route.push([from[at - 1], from[at], BOTTOM]);
  route.push([from[shared], from[shared + 1], to[shared + 1]]);
  for (let at = shared + 2; at < to.length; at += 1) route.push([to[at - 1], TOP, to[at]]);
  for (const [group, a, b] of route) inside.get(group).push([a, b]);
  return route;
}

function layoutGroup(group, inside, groups, layouts) {
  const sizes = group.children.map((child) => {
    if (!groups.has(child.id)) return [child.id, child.width, child.height];
    const inner = layoutGroup(child, inside, groups, layouts);
    return [child.id, inner.width, inner.height];
  });
  const unique = [...new Map(inside.get(group.id).map((edge) => [edge.join("\n"), edge])).values()];
  const key = JSON.stringify([group.title, sizes, unique]);
  if (!known.has(key)) known.set(key, layoutOne(sizes, unique, group.title, group.id === ""));
  layouts.set(group.id, known.get(key));
  return known.get(key);
}

function layoutOne(sizes, edges, title, outermost) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 30, edgesep: 14 });
  for (const [id, width, height] of sizes) graph.setNode(id, { width, height });
  for (const [a, b] of edges) {
    for (const end of [a, b]) if (!graph.hasNode(end)) graph.setNode(end, { width: 1, height: 1 });
    graph.setEdge(a, b, { weight: a === TOP || b === BOTTOM ? 1 : 2 });
  }
  keepAtBorder(graph, edges);
  dagre.layout(graph);
  const { height } = graph.graph();
  const [left, right] = extent(graph);
  const side = outermost ? 0 : PADDING;
  const above = outermost ? 0 : graph.hasNode(TOP) ? TITLE - 14 : TITLE;
  const below = graph.hasNode(BOTTOM) ? 0 : side;
  const layout = { nodes: {}, edges: {}, width: 0, height: above + height + below };
  const free = side + Math.max(0, graph.hasNode(TOP) ? title - side - (graph.node(TOP).x - left) : 0); // the entry is beside the title
  layout.width = Math.max(right - left + 2 * free, title);
  const shift = { x: (layout.width - left - right) / 2, y: above };
  const moved = (point) => ({ x: point.x + shift.x, y: point.y + shift.y });
  for (const id of graph.nodes()) layout.nodes[id] = moved(graph.node(id));
  for (const edge of graph.edges()) layout.edges[edge.v + "\n" + edge.w] = graph.edge(edge).points.map(moved);
  if (layout.nodes[BOTTOM]) layout.nodes[BOTTOM].y = layout.height;
  return layout;
}

// dagre's own width leaves out the edges that run beside the nodes.
function extent(graph) {
  const nodes = graph.nodes().map((id) => graph.node(id));
  const points = graph.edges().flatMap((edge) => graph.edge(edge).points);
  const lefts = [...nodes.map(({ x, width }) => x - width / 2), ...points.map(({ x }) => x)];
  const rights = [...nodes.map(({ x, width }) => x + width / 2), ...points.map(({ x }) => x)];
  return [Math.min(...lefts), Math.max(...rights)];
}

// Ties the entry above the start of the longest path, and the exit below its end, so that nothing lies beyond them.
function keepAtBorder(graph, edges) {
  const follow = (start, next) => {
    const depth = new Map();
    const active = new Set();
    const visit = (id) => {
      if (depth.has(id)) return depth.get(id);
      if (active.has(id)) return 0;
      active.add(id);
      let most = 0;
      for (const other of next(id) ?? []) if (other !== TOP && other !== BOTTOM) most = Math.max(most, visit(other) + 1);
      depth.set(id, most);
      return most;
    };
    return start.reduce((best, id) => (visit(id) > visit(best) ? id : best));
  };
  const inner = graph.nodes().filter((id) => id !== TOP && id !== BOTTOM);
  if (!inner.length) return;
  if (graph.hasNode(TOP)) {
    const head = follow(inner, (id) => graph.successors(id));
    if (!graph.hasEdge(TOP, head)) graph.setEdge(TOP, head, { weight: 1 });
  }
  if (graph.hasNode(BOTTOM)) {
    const tail = follow(inner, (id) => graph.predecessors(id));
    if (!graph.hasEdge(tail, BOTTOM)) graph.setEdge(tail, BOTTOM, { weight: 1 });
  }
}

function place(group, left, top, layouts, groups, boxes, origins) {
  const layout = layouts.get(group.id);
  origins.set(group.id, { x: left, y: top });
  for (const child of group.children) {
    const at = layout.nodes[child.id];
    const size = groups.has(child.id) ? layouts.get(child.id) : child;
    boxes[child.id] = { x: left + at.x, y: top + at.y, width: size.width, height: size.height };
    if (groups.has(child.id)) {
      place(child, left + at.x - size.width / 2, top + at.y - size.height / 2, layouts, groups, boxes, origins);
    }
  }
}

// The points between the ends. The first and the last of dagre's are on the border of a box: where an edge goes on
// into an open group, the point on that group's border takes their place.
function bendsOf(route, layouts, origins) {
  const points = [];
  route.forEach(([group, a, b], at) => {
    const layout = layouts.get(group);
    const origin = origins.get(group);
    const absolute = (point) => ({ x: point.x + origin.x, y: point.y + origin.y });
    points.push(...layout.edges[a + "\n" + b].slice(1, -1).map(absolute));
    if (b === BOTTOM) points.push(absolute(layout.nodes[BOTTOM]));
    if (route[at + 1]?.[1] === TOP) {
      const { x, y } = origins.get(b);
      const entry = layouts.get(b).nodes[TOP];
      points.push({ x: x + entry.x, y }, { x: x + entry.x, y: y + entry.y });
    }
  });
  return points.filter((point, at) => at === 0 || Math.hypot(point.x - points[at - 1].x, point.y - points[at - 1].y) > 3);
}
