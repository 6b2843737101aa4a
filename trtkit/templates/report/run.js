// The page of one run: verdict, table, outputs, latency, and on what it rests.

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
  return tileGrid(all);
}

function runPage(data) {
  const cards = new Map(data.outputs.map((output) => [output, outputCard(output, data.pairs.length > 1)]));
  const table = data.outputs.length ? verdictTable(data, { filtered: (rows) => {
    const shown = new Set([...rows].map(({ output }) => output));
    cards.forEach((card, output) => { card.hidden = !shown.has(output); });
  } }) : null;
  const latency = latencyParts(data.runners);
  const head = pageHead(data, [data.model, data.pairs.length === 1 && data.pairs[0], moment(data.created)],
    [table && ["verdicts", "Verdicts"], table && ["outputs", "Outputs"], latency && ["latency", "Latency"], ["run", "Run"]].filter(Boolean));
  document.getElementById("page").append(...[
    head, tiles(data), data.error ? callout("bad", `${data.error.type}, exit code ${data.error.exit_code}`, [data.error.message]) : null,
    callout("bad", "Problems", data.problems),
    table ? section("verdicts", "Verdicts", table.place) : null,
    table ? section("outputs", "Outputs", ...cards.values()) : null, latency ? section("latency", "Latency", ...latency) : null,
    section("run", "Run", runFolds(data)),
  ].filter(Boolean));
  document.documentElement.dataset.ready = "yes";
}

runPage(JSON.parse(document.getElementById("data").textContent));
