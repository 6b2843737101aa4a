// The plots of one output: its errors by size, by magnitude, by position, and by iteration.

const BELOW = "below 2⁻⁸⁰", ABOVE = "2⁸⁰ and more";

// Edges of bins as powers of ten.
const edgesOf = (first, step, count) => Array.from({ length: count + 1 }, (_, at) => (first + at * step) * LOG2);
const between = (low, high) => `${figure(10 ** low, 2)} to ${figure(10 ** high, 2)}`;
const log10 = (value) => (value > 0 ? Math.log10(value) : -Infinity);

function tolerances(output) {
  const { thresholds = {} } = output.metrics.find(({ metric }) => metric === "simple") ?? {};
  const stands = thresholds.check_error_stat === "elemwise";
  return { atol: asNumber(thresholds.atol), rtol: asNumber(thresholds.rtol), stands };
}

function allEqual({ elements, equal, without_error: without }) {
  if (!elements) return nothing("No elements.");
  if (equal === elements) return element("p", { className: "empty good" }, `✓ ${elements === 1 ? "The value is" : `All ${counted(elements, "value")} are`} equal.`);
  if (without === elements) return nothing("No value has a finite error: NaN or infinity stands on one side.");
  return null;
}

function histogramPlot(output) {
  const data = output.pictures, { atol, rtol } = tolerances(output);
  let relative = 0;
  const switcher = choice("Error", ["absolute", "relative"], (at) => { relative = at; plot.show(); });
  const plot = new Plot("Error histogram", () => {
    const { log2_first: first, log2_step: step, counts, below, above } = relative ? data.rel_error : data.abs_error;
    const rest = [
      data.equal && `${counted(data.equal, "element")} of ${whole(data.elements)} equal`,
      data.without_error && `${whole(data.without_error)} without an error`,
      below && `${whole(below)} ${BELOW}`, above && `${whole(above)} ${relative ? "infinite" : ABOVE}`,
    ].filter(Boolean).join(", ");
    const empty = allEqual(data);
    if (empty || !counts.length) return empty ?? nothing(`No error fits the scale: ${rest}.`);
    const edges = edgesOf(first, step, counts.length);
    const limit = relative ? ["rtol", rtol] : ["atol", atol];
    return bars({
      plot, edges, counts, span: 2, xAxis: logAxis(relative ? "relative error" : "absolute error"),
      caption: rest || `${counted(data.elements, "element")}`,
      markers: limit[1] > 0 ? [{ at: log10(limit[1]), name: `${limit[0]} ${figure(limit[1])}` }] : [],
      text: (at) => `${counted(counts[at], "element")} from ${between(edges[at], edges[at + 1])}`,
    });
  }, { tools: [switcher] });
  return plot;
}

function densityPlot(output) {
  const data = output.pictures, { log2_error: low, log2_magnitude: left, log2_step: step, grid: packed } = data.density;
  const { atol, rtol, stands } = tolerances(output);
  const plot = new Plot("Error against magnitude", (self) => {
    const empty = allEqual(data);
    if (empty || !packed.rows) return empty ?? nothing("No element has both an error and an expected value other than 0.");
    const grid = new Grid(packed);
    const x = [left, left + step * grid.columns].map((each) => each * LOG2), y = [low, low + step * grid.rows].map((each) => each * LOG2);
    const floor = log10(stands ? atol : NaN), reach = Math.max(floor, log10(rtol) + x[1]);
    const top = reach > y[1] && reach < y[1] + 4 ? reach + 0.3 : y[1];
    const across = widened([x[0] - 0.1, x[1] + 0.1], 2), up = widened([y[0] - 0.1, Math.max(y[1] + 0.1, top)], 2);
    self.tools.replaceChildren(colourKey(grid, (value) => whole(Math.round(value))));
    return painted({
      plot: self, grid, image: grid.image(null), x, y, xRange: across, yRange: up,
      axes: [logAxis("|expected|"), logAxis("absolute error", { size: 50 })],
      caption: stands && (atol > 0 || rtol > 0) ? "dashed: the tolerance, max(atol, rtol × |expected|)" : "",
      draw: (chart) => {
        if (!stands) return;
        const [from, to] = across, at = (value) => [chart.valToPos(value, "x", true), chart.valToPos(Math.max(floor, log10(rtol) + value), "y", true)];
        const bend = floor - log10(rtol);
        const points = [from, ...(bend > from && bend < to ? [bend] : []), to];
        if (points.every((value) => Number.isFinite(Math.max(floor, log10(rtol) + value)))) dashed(chart, points.map(at));
      },
      text: (row, column) => {
        const number = Math.round(grid.value(row, column));
        const [error, size] = [[y, row, grid.rows], [x, column, grid.columns]].map(([range, place, count]) =>
          [place, place + 1].map((each) => range[0] + each * (range[1] - range[0]) / count));
        return `${number < 100 ? "" : "about "}${counted(number, "element")}: error ${between(...error)} at |expected| ${between(...size)}`;
      },
    });
  });
  return plot;
}

const stretch = (cell, size, length) => (size === 1 ? String(cell) : `${cell * size} to ${Math.min((cell + 1) * size, length) - 1}`);

function mapPlot(output) {
  const data = output.pictures;
  const axes = [...new Set(data.maps.flatMap((each) => each.axes))];
  if (axes.length < 2) return profilePlot(output);
  const picked = axes.slice(-2);
  const menu = (place, label) => {
    const made = element("select", { ariaLabel: label, title: label }, ...axes.map((axis) =>
      element("option", { value: axis, selected: axis === picked[place] }, `axis ${axis} (${whole(data.shape[axis])})`)));
    made.onchange = () => {
      const axis = Number(made.value);
      if (axis === picked[1 - place]) picked[1 - place] = picked[place]; // the two change places
      picked[place] = axis;
      menus.forEach((each, at) => { each.value = picked[at]; });
      plot.show();
    };
    return made;
  };
  const menus = [menu(0, "Rows of the heatmap"), menu(1, "Columns of the heatmap")];
  const plot = new Plot("Error by position", (self) => {
    const empty = allEqual(data);
    if (empty) return empty;
    const { axes: pair, cell, grid: packed } = data.maps.find((each) => picked.every((axis) => each.axes.includes(axis)));
    const turned = pair[0] !== picked[0];
    const grid = turned ? new Grid(packed).transposed() : new Grid(packed), sizes = turned ? [...cell].reverse() : cell;
    const lengths = picked.map((axis) => data.shape[axis]);
    const key = colourKey(grid, (value) => figure(value), true);
    self.place.querySelector(".key")?.remove();
    self.caption.before(key);
    const others = axes.length > 2 ? ", the largest over the other axes" : "";
    const cells = sizes.some((size) => size > 1) ? `, ${sizes.join(" × ")} positions a cell` : "";
    return painted({
      plot: self, grid, image: grid.image(channels("zero")), x: [0, grid.columns * sizes[1]], y: [0, grid.rows * sizes[0]],
      xRange: [0, lengths[1]], yRange: [0, lengths[0]], dir: -1,
      axes: [positions(`axis ${picked[1]}`), positions(`axis ${picked[0]}`, 46)],
      caption: `largest absolute error${cells}${others}`,
      text: (row, column) => {
        const place = data.shape.map((length, axis) => {
          const at = picked.indexOf(axis);
          return at < 0 ? (length === 1 ? "0" : ":") : stretch([row, column][at], sizes[at], length);
        });
        const level = grid.level(row, column);
        const error = level === 0 ? "equal" : level === WITHOUT ? "an error that is not finite" : `error up to ${figure(grid.value(row, column))}`;
        return `[${place.join(", ")}]: ${error}`;
      },
    });
  }, { tools: [menus[0], element("span", { ariaHidden: "true" }, "×"), menus[1]] });
  return plot;
}

const positions = (label, size = 26) => axis({
  label, size, incrs: [1, 2, 5].flatMap((digit) => Array.from({ length: 12 }, (_, at) => digit * 10 ** at)).sort((a, b) => a - b),
  values: (chart, splits) => splits.map((value) => (Number.isInteger(value) ? (value >= 1e5 ? `${value / 1e3}k` : String(value)) : "")),
});

// Where only one axis is longer than 1: the largest error of each stretch of it.
function profilePlot(output) {
  const data = output.pictures;
  return new Plot("Error by position", (self) => {
    const empty = allEqual(data);
    if (empty || !data.maps.length) return empty ?? nothing("A single value, which has no position.");
    const [{ axes: [only], cell: [size], grid: packed }] = data.maps;
    const grid = new Grid(packed), length = data.shape[only];
    const values = Array.from(grid.levels, (level) => (level ? log10(grid.meaning(level)) : null));
    const finite = values.filter((value) => value !== null && value < Infinity);
    if (!finite.length) return nothing("No value has a finite error other than 0.");
    const low = Math.floor(Math.min(...finite) - 0.2), high = Math.max(...finite) + 0.2;
    const shown = values.map((value) => (value === Infinity ? high : value));
    return {
      caption: `largest absolute error along axis ${only}${size > 1 ? `, ${size} positions a cell` : ""}`,
      data: [values.map((_, at) => at * size), shown],
      options: {
        scales: { x: { time: false, range: () => [-size * 0.5, Math.max(length, 2) - size * 0.5] }, y: { range: () => [low, high] } },
        axes: [positions(`axis ${only}`), logAxis("absolute error", { size: 50 })],
        series: [{}, {
          width: 0, fill: colour("bar"), points: { show: false }, paths: uPlot.paths.bars({ size: [0.92, Infinity] }), fillTo: () => low,
        }],
        cursor: { ...follow(self, true), x: false },
        hooks: { setCursor: [following(self, (x) => {
          const at = Math.round(x / size);
          return at < 0 || at >= values.length ? null
            : `[${stretch(at, size, length)}]: ${values[at] === null ? "equal" : values[at] === Infinity ? "an error that is not finite" : `error up to ${figure(10 ** values[at])}`}`;
        })] },
      },
    };
  });
}

// The figures of a metric over iterations; where there are many, the hardest of each stretch.
function iterationPlot(metric) {
  const { per, failed, figures, samples } = metric.iterations_data, names = Object.keys(figures);
  let chosen = 0;
  const tools = names.length > 1 ? [choice("Figure", names, (at) => { chosen = at; plot.show(); })] : [];
  const plot = new Plot(`${metric.metric} by iteration`, (self) => {
    const values = figures[names[chosen]].map(asNumber), finite = values.filter(Number.isFinite), positive = finite.filter((value) => value > 0);
    if (!finite.length) return nothing("No iteration has a finite figure.");
    const logarithmic = positive.length && Math.min(...finite) >= 0 && Math.max(...positive) / Math.min(...positive) > 30;
    const scaled = (value) => (Number.isFinite(value) ? (logarithmic ? (value > 0 ? log10(value) : null) : value) : null);
    const good = values.map((value, at) => (failed[at] ? null : scaled(value))), bad = values.map((value, at) => (failed[at] ? scaled(value) : null));
    const all = [...good, ...bad].filter((value) => value !== null), span = Math.max(...all) - Math.min(...all) || Math.abs(all[0]) || 1;
    const dots = (tone, size) => ({ paths: () => null, stroke: colour(tone), points: { show: true, size, fill: colour(tone), stroke: colour(tone) } });
    return {
      caption: `${counted(failed.reduce((sum, each) => sum + each, 0), "iteration")} of ${whole(metric.iterations)} failed${per > 1 ? `; each dot is the hardest of ${per}` : ""}`,
      data: [values.map((_, at) => at * per), good, bad],
      options: {
        scales: { x: { time: false, range: () => [-0.5 * per, (values.length - 0.5) * per] }, y: { range: () => [Math.min(...all) - 0.12 * span, Math.max(...all) + 0.12 * span] } },
        axes: [positions("iteration"), logarithmic ? logAxis(names[chosen], { size: 56 }) : axis({ label: names[chosen], size: 62, values: (chart, splits) => splits.map((value) => figure(value)) })],
        series: [{}, dots("bar", 5), dots("fail", 7)],
        cursor: { ...follow(self, true), x: false },
        hooks: { setCursor: [following(self, (x) => {
          const at = Math.round(x / per);
          if (!(at in values)) return null;
          return `iteration ${stretch(at, per, metric.iterations)}${samples?.[at] ? ` (${samples[at]})` : ""}: ${figure(values[at])}${failed[at] ? ", failed" : ""}`;
        })] },
      },
    };
  }, { height: 150, tools, wide: true });
  return plot;
}

// Options that would let something pass; each stays together with its value.
function flags(text) {
  const parts = text.split(/(--[\w-]+ (?!--)\S+)/);
  return element("span", {}, ...parts.map((part, at) => (at % 2 ? element("span", { className: "together" }, part) : part)));
}

// The worst iterations of a metric by the names of their feeds; open where it failed.
const worstSamples = ({ samples, verdict }) => (samples.length ? element("details", { className: "samples", open: verdict !== "PASS" },
  element("summary", {}, `Worst samples (${whole(samples.length)})`),
  element("ul", { className: "lines" }, ...samples.map((line) => element("li", {}, line)))) : null);

// All that there is to see of one output; with `several` comparisons, which of them it is from.
function outputCard(output, several) {
  const body = element("div", { className: "plots" });
  const card = element("article", { className: `card output ${output.verdict}`, id: output.id },
    element("header", {}, badge(output.verdict), element("h3", {}, output.name), element("span", { className: "type" }, output.type),
      several ? element("span", { className: "type" }, output.pair) : null),
    element("ul", { className: "found" }, ...output.metrics.map((metric) => element("li", {},
      element("b", {}, metric.metric), " ", metric.line,
      metric.required ? element("span", { className: "would" }, metric.required.startsWith("--") ? "would pass with " : "", element("code", {}, flags(metric.required))) : null,
      metric.waiver ? element("span", { className: "would" }, metric.waiver) : null, worstSamples(metric))),
    ...output.notes.map((note) => element("li", { className: "note" }, note))), body);
  let made = false;
  whenNear(card, () => {
    if (made) return;
    made = true;
    const plots = output.pictures ? [histogramPlot(output), densityPlot(output), mapPlot(output)] : [];
    plots.push(...output.metrics.filter((metric) => metric.iterations_data).map(iterationPlot));
    body.append(...plots.map(({ place }) => place));
    body.classList.add("made");
    const { pictures } = output;
    if (pictures && output.iterations > 1) {
      body.before(element("p", { className: "which" }, `Errors of iteration ${pictures.iteration}${pictures.sample ? ` (${pictures.sample})` : ""}, the worst of ${whole(output.iterations)}`));
    }
    if (!pictures && output.type) body.append(nothing("The report holds no errors to draw; they are recorded where the run is asked for a page (--report)."));
  });
  const curves = output.metrics.filter((metric) => metric.iterations_data).length;
  body.style.minHeight = `${(output.pictures ? 296 : 0) + 208 * curves}px`; // so that drawing moves little of the page
  return card;
}
