// The page of a suite: verdicts, a table of all jobs that open at a click, their matrix, and on what it rests.

const countsOf = ({ counts }) => VERDICTS.filter((verdict) => verdict in counts).map((verdict) => [verdict, counts[verdict]]);

function suiteTiles(data) {
  const counts = countsOf(data), resumed = data.jobs.filter((job) => job.resumed).length, tones = { PASS: "good", XFAIL: "", RAN: "", "NOT RUN": "" };
  return tileGrid([
    ["Jobs", whole(data.jobs.length), resumed ? `${whole(resumed)} from before` : `in ${data.took}`],
    ...counts.map(([verdict, count]) => [verdict, whole(count), `${figure(100 * count / data.jobs.length, 2)} %`, tones[verdict] ?? "bad"]),
  ], "many");
}

// The verdicts as one bar, each as wide as its share.
function shareBar(data) {
  return element("div", { className: "share", ariaHidden: "true" }, ...countsOf(data).map(([verdict, count]) => {
    const part = element("i", { className: tone(verdict) });
    part.style.setProperty("--jobs", count);
    return part;
  }));
}

function jobTable(data) {
  const longest = Math.max(...data.jobs.map(({ seconds }) => seconds ?? 0)) || 1;
  const columns = [
    { title: "Verdict", text: (job) => job.verdict, cell: (job) => badge(job.verdict) },
    { title: "Job", kind: "name", text: (job) => job.name, cell: (job) => element("button", { type: "button", className: "opener" }, breakable(job.name)) },
    { title: "What happened", kind: "wide", text: (job) => job.message },
    { title: "Time", numeric: true, text: (job) => (job.seconds === null ? "" : duration(job.seconds)), sort: (job) => job.seconds ?? NaN,
      cell: (job) => (job.seconds === null ? "" : measured(duration(job.seconds), Math.max(job.seconds / longest, 0.01))) },
    { title: "Host", kind: "mono", text: (job) => job.host },
    { title: "Attempts", numeric: true, text: (job) => whole(job.attempts), sort: (job) => job.attempts },
    { title: "Resumed", text: (job) => (job.resumed ? "from before" : "") },
  ];
  return new ReportTable(columns, data.jobs, { verdict: (job) => job.verdict, noun: "job", detail: jobDetail });
}

// All that there is to see of one job.
function jobDetail(job) {
  const { run } = job, part = (title, ...children) => [element("h3", {}, title), ...children];
  const pages = job.pages.map(([path, target]) => element("a", { href: target }, path));
  const cards = run ? run.outputs.map((output, at) => ({ ...output, id: `${job.id}-${at}` })).filter(({ pictures }) => pictures) : [];
  const latency = run && latencyParts(run.runners);
  const more = run && runFolds({ ...run, models: [], environment: [], saved: [], plan: null });
  return element("div", { className: "job", id: job.id }, ...[
    facts([["command", element("code", {}, job.command)], ["message", job.message], ["exit code", job.exit_code],
      ["page", pages.length ? element("span", {}, ...pages.flatMap((link, at) => [at ? ", " : "", link])) : null]]),
    run ? callout("bad", "Problems", run.problems) : null,
    ...(job.log ? part("End of its log", element("pre", { className: "log", tabIndex: 0 }, job.log)) : []),
    ...(run?.outputs.length ? part("Outputs", verdictTable(run, { linked: false }).place) : []),
    ...cards.map((output) => outputCard(output, run.pairs.length > 1)),
    ...(latency ? part("Latency", element("div", { className: "latency" }, ...latency)) : []),
    ...(more?.childElementCount ? part("Run", more) : []),
  ].filter(Boolean));
}

function suitePage(data) {
  const table = jobTable(data);
  const pick = (jobs, name) => {
    table.only(jobs, name);
    document.getElementById("jobs").scrollIntoView();
  };
  const head = pageHead(data, [data.suite, moment(data.created)], [data.view && ["matrix", "Matrix"], ["jobs", "Jobs"], ["suite", "Suite"]].filter(Boolean));
  document.getElementById("page").append(...[
    head, suiteTiles(data), shareBar(data), data.view ? section("matrix", "Matrix", matrixView(data, pick)) : null, section("jobs", "Jobs", table.place),
    section("suite", "Suite", element("div", { className: "card folds" }, folded("Suite", facts(data.about), true),
      data.environment.length ? folded("Environment", facts(data.environment), true) : null)),
  ].filter(Boolean));
  // Heads of tables that scroll with the page stay below its own head.
  new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${head.offsetHeight}px`)).observe(head);
  document.documentElement.dataset.ready = "yes";
}

suitePage(JSON.parse(document.getElementById("data").textContent));
