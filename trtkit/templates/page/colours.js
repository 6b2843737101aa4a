// What the colours of nodes say: the family of their type, their precision, or what a comparison found.

const FAMILIES = [
  ["convolution", /conv/i, 214],
  ["matrix product", /gemm|matmul|matrix|einsum|fullyconnected|attention|lstm|gru|rnn/i, 248],
  ["normalisation", /norm|^lrn$/i, 282],
  ["activation", /relu|sigmoid|softmax|tanh|gelu|elu$|clip|swish|mish|softplus|softsign|erf|activation|logsoftmax/i, 338],
  ["pooling, reduction", /pool|reduc|argm|topk|cumsum/i, 178],
  ["quantisation", /quant/i, 24],
  ["control flow", /^(if|loop|scan)|condition|iterator|recurrence|tripl?imit/i, 0],
  ["constant", /const|fill|eyelike|random|range/i, null],
  ["shape, movement", /shape|transpose|concat|slice|gather|scatter|squeeze|cast|identity|split|expand|pad|tile|resize|upsample|shuffle|flatten|space|copy|reformat|permute|reverse|select/i, 146],
  ["elementwise", /^(add|mul|sub|div|pow|sqrt|exp|log|neg|abs|min|max|sum|mean|mod|where|equal|greater|less|not|and|or|xor|floor|ceil|round|sign|sin|cos|reciprocal)|elementwise|element_?wise|unary|pointwise|pwn/i, 42],
  ["other", /(?:)/, 200],
];
const PRECISIONS = [
  [/^(float32|fp32|float)$/i, 214], [/^(float16|fp16|half)$/i, 146], [/^(bfloat16|bf16)$/i, 178],
  [/^(float8|fp8)/i, 282], [/^(float4|fp4)/i, 310], [/^int8$/i, 24], [/^u?int4$/i, 8], [/^uint8$/i, 38],
  [/^u?int(16|32|64)$/i, 52], [/^float64$/i, 232], [/^bool$/i, 338],
];
const STATUSES = [["added", 138, "+"], ["removed", 4, "−"], ["changed", 38, "~"], ["same", null, ""]];
const MODES = { status: "Change", type: "Type", precision: "Precision" };

function family(node) {
  return FAMILIES.find(([, pattern]) => pattern.test(node.type))[0];
}

// The precision that a node says; else the type of what it computes.
function precision(item, graph) {
  if (item.node.precision) return item.node.precision;
  const known = item.node.outputs.map((name) => typeOf(graph, item, name)?.dtype).find(Boolean);
  return known ?? "unknown";
}

function keyOf(item, mode, graph) {
  if (item.kind !== "node") return item.kind === "input" || item.kind === "output" ? "input, output" : null;
  if (mode === "status") return item.node.status ?? "same";
  return mode === "type" ? family(item.node) : precision(item, graph);
}

function hueOf(key, mode) {
  if (mode === "status") return STATUSES.find(([name]) => name === key)?.[1] ?? null;
  if (mode === "type") return FAMILIES.find(([name]) => name === key)?.[2] ?? null;
  return PRECISIONS.find(([pattern]) => pattern.test(key))?.[1] ?? null;
}

function mark(node) {
  const found = node.status && STATUSES.find(([name]) => name === node.status);
  return found && found[2] ? found[2] + " " : "";
}

// Fill, border and text of a key, for the light or the dark page.
function paint(key, mode, dark) {
  const hue = hueOf(key, mode);
  if (key === "input, output") {
    return dark ? { fill: "#e4e8ef", line: "#e4e8ef", ink: "#12151b" } : { fill: "#333d4d", line: "#333d4d", ink: "#ffffff" };
  }
  if (hue === null) {
    return dark ? { fill: "#2a303b", line: "#4a5262", ink: "#d5dae3" } : { fill: "#eceff3", line: "#b9c1cd", ink: "#39424f" };
  }
  return dark
    ? { fill: hsl(hue, 38, 24), line: hsl(hue, 45, 48), ink: hsl(hue, 60, 90) }
    : { fill: hsl(hue, 78, 91), line: hsl(hue, 48, 60), ink: hsl(hue, 55, 22) };
}

// As #rrggbb, which canvas, style sheets and cytoscape all read.
function hsl(hue, saturation, lightness) {
  const reach = (saturation * Math.min(lightness, 100 - lightness)) / 1e4;
  const part = (shift) => {
    const at = (shift + hue / 30) % 12;
    const value = lightness / 100 - reach * Math.max(-1, Math.min(at - 3, 9 - at, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}

// The keys of a mode that occur, the most frequent first, with how often.
function countKeys(graph, mode) {
  const counts = new Map();
  for (const item of graph.nodes) {
    if (item.kind === "node") {
      const key = keyOf(item, mode, graph);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}
