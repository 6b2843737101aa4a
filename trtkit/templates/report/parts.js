// Parts of what one run came to, which pages of runs and of suites show.

// All comparisons. Outputs are links where the page has more about each; else the table itself tells the worst samples.
function verdictTable(data, { filtered, linked = true } = {}) {
  const rows = data.outputs.flatMap((output) => output.metrics.map((metric) => ({ output, metric })));
  const largest = Math.max(...rows.map(({ metric }) => asNumber(metric.max_abs)).filter(Number.isFinite), 0);
  const least = Math.min(...rows.map(({ metric }) => asNumber(metric.max_abs)).filter((value) => value > 0), largest);
  const bar = ({ metric }) => {
    const value = asNumber(metric.max_abs);
    const share = value > 0 ? (largest > least ? 0.08 + 0.92 * Math.log(Math.min(value, largest) / least) / Math.log(largest / least) : 1) : 0;
    return measured(metric.max_abs === null ? "" : figure(metric.max_abs), share);
  };
  const found = ({ metric }) => [metric.line, metric.waiver].filter(Boolean).join("; ");
  const columns = [
    { title: "Verdict", text: ({ metric }) => metric.verdict, cell: ({ metric }) => badge(metric.verdict) },
    { title: "Output", kind: "name", text: ({ output }) => output.name, cell: ({ output }) => (linked ? element("a", { href: `#${output.id}` }, breakable(output.name)) : breakable(output.name)) },
    data.pairs.length > 1 && { title: "Compared", text: ({ output }) => output.pair },
    { title: "Type", kind: "mono type", text: ({ output }) => output.type },
    { title: "Metric", text: ({ metric }) => metric.metric },
    { title: "Largest error", numeric: true, text: ({ metric }) => String(metric.max_abs ?? ""), sort: ({ metric }) => asNumber(metric.max_abs), cell: bar },
    { title: "Found", kind: "wide", text: found, cell: (row) => element("div", {}, found(row), linked ? null : worstSamples(row.metric)) },
    rows.some(({ metric }) => metric.required) && {
      title: "Would pass with", kind: "mono", text: ({ metric }) => metric.required, cell: ({ metric }) => flags(metric.required),
    },
  ].filter(Boolean);
  return new ReportTable(columns, rows, { verdict: ({ metric }) => metric.verdict, filtered, noun: "comparison" });
}

// What else a run has to tell, and on what it rests.
function runFolds(data) {
  const listed = (title, lines, more = 0) => (lines.length
    ? folded(`${title} (${whole(lines.length + more)})`, element("ul", { className: "lines" }, ...lines.map((line) => element("li", {}, line)), more ? element("li", {}, `and ${whole(more)} more`) : null), true) : null);
  const grouped = (title, pairs, open = false) => (pairs.length ? folded(title, facts(pairs), open) : null);
  return element("div", { className: "card folds" },
    listed("Warnings", data.warnings, data.warnings_left_out), listed("Notes", data.notes), listed("Waivers that nothing needed", data.waivers),
    grouped("Precision", data.precision, true), grouped("Model", data.models, true), grouped("Environment", data.environment, true), grouped("Saved", data.saved),
    data.plan ? folded("Plan", element("pre", {}, data.plan)) : null);
}
