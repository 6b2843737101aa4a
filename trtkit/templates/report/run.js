// The page of one run: verdict, table, outputs, latency, and on what it rests.

function verdictHead(data) {
  const schemes = choice("Colours", SCHEMES, (at) => setScheme(SCHEMES[at]));
  const about = [data.model, data.pairs.length === 1 && data.pairs[0], data.created && `${data.created.replace("T", " ").replace("Z", "")} UTC`].filter(Boolean);
  const links = [["verdicts", "Verdicts"], ["outputs", "Outputs"], ["latency", "Latency"], ["run", "Run"]]
    .filter(([id]) => document.getElementById(id) || data.sections.includes(id));
  return element("header", { className: `top ${data.verdict}` },
    element("div", { className: "verdict" }, badge(data.verdict), element("div", {}, element("h1", {}, data.text),
      element("p", {}, ...about.flatMap((text, at) => [at ? " · " : "", element("span", {}, text)])))),
    element("nav", {}, ...links.map(([id, title]) => element("a", { href: `#${id}` }, title)), schemes));
}

function tiles(data) {
  const outputs = data.outputs.length, failed = data.outputs.filter(({ verdict }) => verdict === "FAIL").length;
  const waived = data.outputs.filter(({ verdict }) => verdict === "XFAIL").length;
  const all = [
    outputs && ["Outputs compared", whole(outputs), outputs === failed + waived ? "" : `${whole(outputs - failed - waived)} pass`],
    outputs && ["Failed", whole(failed), waived ? `${whole(waived)} more as expected` : "", failed ? "bad" : "good"],
    data.iterations && ["Iterations", whole(data.iterations), ""],
    ...data.runners.filter(({ latency }) => latency).slice(0, 3)
      .map(({ name, latency }) => [`Median of ${name}`, duration(latency.median), latency.count > 1 ? `p99 ${duration(latency.p99)}` : "one inference"]),
  ].filter(Boolean);
  return all.length ? element("div", { className: "tiles" }, ...all.map(([title, value, more, tone]) =>
    element("div", { className: `tile ${tone ?? ""}` }, element("span", {}, title), element("b", {}, value), element("small", {}, more)))) : null;
}

const callout = (kind, title, lines) => (lines.length ? element("div", { className: `callout ${kind}` }, element("b", {}, title),
  element("ul", {}, ...lines.map((line) => element("li", {}, line)))) : null);

function verdictTable(data, filtered) {
  const rows = data.outputs.flatMap((output) => output.metrics.map((metric) => ({ output, metric })));
  const largest = Math.max(...rows.map(({ metric }) => asNumber(metric.max_abs)).filter(Number.isFinite), 0);
  const least = Math.min(...rows.map(({ metric }) => asNumber(metric.max_abs)).filter((value) => value > 0), largest);
  const bar = ({ metric }) => {
    const value = asNumber(metric.max_abs);
    const share = value > 0 ? (largest > least ? 0.08 + 0.92 * Math.log(Math.min(value, largest) / least) / Math.log(largest / least) : 1) : 0;
    const made = element("i", { className: "meter", ariaHidden: "true" });
    made.style.setProperty("--share", `${100 * share}%`);
    return element("span", { className: "measured" }, metric.max_abs === null ? "" : figure(metric.max_abs), made);
  };
  const columns = [
    { title: "Verdict", text: ({ metric }) => metric.verdict, cell: ({ metric }) => badge(metric.verdict) },
    { title: "Output", kind: "name", text: ({ output }) => output.name, cell: ({ output }) => element("a", { href: `#${output.id}` }, output.name) },
    data.pairs.length > 1 && { title: "Compared", text: ({ output }) => output.pair },
    { title: "Type", kind: "mono type", text: ({ output }) => output.type },
    { title: "Metric", text: ({ metric }) => metric.metric },
    { title: "Largest error", numeric: true, text: ({ metric }) => String(metric.max_abs ?? ""), sort: ({ metric }) => asNumber(metric.max_abs), cell: bar },
    { title: "Found", kind: "wide", text: ({ metric }) => [metric.line, metric.waiver].filter(Boolean).join("; ") },
    rows.some(({ metric }) => metric.required) && { title: "Would pass with", kind: "mono", text: ({ metric }) => metric.required },
  ].filter(Boolean);
  return new ReportTable(columns, rows, { verdict: ({ metric }) => metric.verdict, filtered, noun: "comparison" });
}

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

function latencySection(runners) {
  const timed = runners.flatMap((runner) => ["latency", "gpu_latency"].filter((kind) => runner[kind]).map((kind) => [runner, kind]));
  if (!timed.length) return null;
  const names = ["median", "mean", "p90", "p95", "p99", "min", "max"];
  const slowest = Math.max(...timed.map(([runner, kind]) => runner[kind].median));
  const rows = timed.map(([runner, kind]) => {
    const times = runner[kind], meter = element("i", { className: "meter", ariaHidden: "true" });
    meter.style.setProperty("--share", `${Math.max(100 * times.median / slowest, 1)}%`);
    return element("tr", {}, element("td", { className: "name" }, runner.name), element("td", {}, kind === "latency" ? "host" : "GPU"),
      element("td", { className: "number" }, whole(times.count)),
      ...names.map((name, at) => element("td", { className: "number" }, at ? duration(times[name]) : element("span", { className: "measured" }, duration(times[name]), meter))),
      element("td", { className: "number" }, times.throughput === null ? "" : figure(times.throughput, 4)));
  });
  const head = ["Runner", "Time", "Inferences", ...names, "per s"].map((name, at) => element("th", { scope: "col", className: at > 1 ? "number" : "" }, element("span", {}, name)));
  const table = element("div", { className: "card table" }, element("div", { className: "scroller" }, element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows))));
  const drawn = timed.filter(([runner, kind]) => runner[kind].times?.length > 1).map(([runner, kind]) => latencyPlot(runner, kind).place);
  return section("latency", "Latency", table, drawn.length ? element("div", { className: "card" }, element("div", { className: "plots made" }, ...drawn)) : null,
    ...runners.filter(({ layers }) => layers.length).map(layerTable));
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

function runSection(data) {
  const listed = (title, lines, more = 0) => (lines.length
    ? folded(`${title} (${whole(lines.length + more)})`, element("ul", { className: "lines" }, ...lines.map((line) => element("li", {}, line)), more ? element("li", {}, `and ${whole(more)} more`) : null), true) : null);
  const grouped = (title, pairs, open = false) => (pairs.length ? folded(title, facts(pairs), open) : null);
  return section("run", "Run", element("div", { className: "card folds" },
    listed("Warnings", data.warnings, data.warnings_left_out), listed("Notes", data.notes), listed("Waivers that nothing needed", data.waivers),
    grouped("Precision", data.precision, true), grouped("Model", data.models, true), grouped("Environment", data.environment, true), grouped("Saved", data.saved),
    data.plan ? folded("Plan", element("pre", {}, data.plan)) : null));
}

function runPage(data) {
  const cards = new Map(data.outputs.map((output) => [output, outputCard(output, data.pairs.length > 1)]));
  const table = data.outputs.length ? verdictTable(data, (rows) => {
    const shown = new Set([...rows].map(({ output }) => output));
    cards.forEach((card, output) => { card.hidden = !shown.has(output); });
  }) : null;
  const latency = latencySection(data.runners);
  data.sections = [table && "verdicts", table && "outputs", latency && "latency", "run"].filter(Boolean);
  document.getElementById("page").append(...[
    verdictHead(data), tiles(data), data.error ? callout("bad", `${data.error.type}, exit code ${data.error.exit_code}`, [data.error.message]) : null,
    callout("bad", "Problems", data.problems),
    table ? section("verdicts", "Verdicts", table.place) : null,
    table ? section("outputs", "Outputs", ...cards.values()) : null, latency, runSection(data),
  ].filter(Boolean));
  document.documentElement.dataset.ready = "yes";
}

runPage(JSON.parse(document.getElementById("data").textContent));
