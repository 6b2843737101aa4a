// The latency of the runners: statistics, distributions, and layers.

function latencyPlot(runner, kind) {
  const { times, count, median, p99, min, max } = runner[kind];
  let inOrder = 0;
  const tools = [choice("View", ["distribution", "in order"], (at) => { inOrder = at; plot.show(); })];
  const title = `${runner.name}${kind === "gpu_latency" ? ", on the GPU" : ""}`;
  const plot = new Plot(title, (self) => {
    const [unit, factor] = median >= 0.9995 ? ["s", 1] : median >= 0.9995e-3 ? ["ms", 1e3] : ["µs", 1e6];
    const values = times.map((time) => time * factor), some = times.length < count ? `${whole(times.length)} of ${counted(count, "inference")}` : counted(count, "inference");
    if (inOrder) {
      return {
        caption: some, data: [values.map((_, at) => Math.floor(at * count / times.length)), values],
        options: {
          scales: { x: { time: false }, y: { range: (chart, low, high) => [0, high * 1.1] } },
          axes: [positions("inference"), axis({ size: 50, label: unit, values: (chart, splits) => splits.map((value) => figure(value)) })],
          series: [{}, { stroke: colour("bar"), width: 1, points: { show: times.length < 100, size: 4, fill: colour("bar") } }],
          cursor: { ...follow(self, true), x: false },
          hooks: { setCursor: [following(self, (x) => { const at = Math.round(x * times.length / count); return at in times ? `inference ${Math.round(x)}: ${duration(times[at])}` : null; })] },
        },
      };
    }
    if (times.length < 2 || max === min) return nothing(`${counted(count, "inference")}: ${duration(median)}`);
    const wide = max / Math.max(min, 1e-9) > 6, scale = wide ? (value) => log10(value) : (value) => value;
    const low = scale(min * factor), high = scale(max * factor), bins = Math.min(40, Math.max(8, Math.ceil(2 * Math.cbrt(times.length))));
    const step = (high - low) / bins, counts = Array(bins).fill(0), edges = Array.from({ length: bins + 1 }, (_, at) => low + at * step);
    values.forEach((value) => { counts[Math.min(Math.max(Math.floor((scale(value) - low) / step), 0), bins - 1)] += 1; });
    const back = (value) => (wide ? 10 ** value : value) / factor;
    const made = bars({
      plot: self, edges, counts, caption: some,
      xAxis: axis({ label: unit, values: (chart, splits) => splits.map((value) => figure(wide ? 10 ** value : value, 2)) }),
      markers: [{ at: scale(median * factor), name: `median ${duration(median)}`, tone: "ink" }, { at: scale(p99 * factor), name: `p99 ${duration(p99)}` }],
      text: (at) => `${counted(counts[at], "inference")} from ${duration(back(edges[at]))} to ${duration(back(edges[at + 1]))}`,
    });
    made.options.axes[1] = axis({ size: 46, label: "inferences" });
    made.options.scales.y = { range: () => [0, Math.max(...counts) * 1.15] };
    return made;
  }, { height: 190, tools });
  return plot;
}

// What there is to show of latency; null where nothing was timed.
function latencyParts(runners) {
  const timed = runners.flatMap((runner) => ["latency", "gpu_latency"].filter((kind) => runner[kind]).map((kind) => [runner, kind]));
  if (!timed.length) return null;
  const names = ["median", "mean", "p90", "p95", "p99", "min", "max"];
  const slowest = Math.max(...timed.map(([runner, kind]) => runner[kind].median));
  const rows = timed.map(([runner, kind]) => {
    const times = runner[kind];
    return element("tr", {}, element("td", { className: "name" }, runner.name), element("td", {}, kind === "latency" ? "host" : "GPU"),
      element("td", { className: "number" }, whole(times.count)),
      ...names.map((name, at) => element("td", { className: "number" }, at ? duration(times[name]) : measured(duration(times[name]), Math.max(times.median / slowest, 0.01)))),
      element("td", { className: "number" }, times.throughput === null ? "" : figure(times.throughput, 4)));
  });
  const head = ["Runner", "Time", "Inferences", ...names, "per s"].map((name, at) => element("th", { scope: "col", className: at > 1 ? "number" : "" }, element("span", {}, name)));
  const table = element("div", { className: "card table" }, element("div", { className: "scroller" }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))));
  const drawn = timed.filter(([runner, kind]) => runner[kind].times?.length > 1).map(([runner, kind]) => latencyPlot(runner, kind).place);
  return [table, drawn.length ? element("div", { className: "card" }, element("div", { className: "plots made" }, ...drawn)) : null,
    ...runners.filter(({ layers }) => layers.length).map(layerTable)];
}

function layerTable({ name, layers }) {
  const columns = [
    { title: "Layer", kind: "name", text: (layer) => layer.name },
    { title: "Median", numeric: true, text: (layer) => duration(layer.median), sort: (layer) => layer.median },
    { title: "Mean", numeric: true, text: (layer) => duration(layer.mean), sort: (layer) => layer.mean },
    { title: "Share", numeric: true, text: (layer) => `${figure(100 * layer.share)} %`, sort: (layer) => layer.share },
  ];
  return folded(`Layers of ${name} (${whole(layers.length)})`, new ReportTable(columns, layers, { verdict: () => "RAN", noun: "layer" }).place);
}
