// Plots with uPlot: bars, curves, and pictures of grids that are painted under its axes.

const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"]
  .map((text) => [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16)));
const LOG2 = Math.log10(2);
const HIGHEST = 254, WITHOUT = 255;

function viridis(share) {
  const place = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1), at = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[at].map((low, channel) => Math.round(low + (VIRIDIS[at + 1][channel] - low) * (place - at)));
}

function channels(name) {
  const [red, green, blue] = colour(name).match(/[\d.]+/g).map(Number);
  return [red, green, blue];
}

// A grid of a report: levels of one byte, and what they stand for.
class Grid {
  constructor({ rows, columns, low, high, levels }) {
    Object.assign(this, { rows, columns, low, high });
    this.levels = Uint8Array.from(atob(levels), (letter) => letter.charCodeAt(0));
  }

  level(row, column) { return this.levels[row * this.columns + column]; }

  value(row, column) { return this.meaning(this.level(row, column)); }

  meaning(level) {
    if (level === 0 || level === WITHOUT) return level && Infinity;
    return this.low * (this.high / this.low) ** ((level - 1) / (HIGHEST - 1));
  }

  transposed() {
    const turned = Object.assign(Object.create(Grid.prototype), this, { rows: this.columns, columns: this.rows });
    turned.levels = this.levels.map((_, at) => this.level(at % this.rows, Math.floor(at / this.rows)));
    return turned;
  }

  // One pixel a cell; `zero` paints level 0, or leaves it transparent.
  image(zero) {
    const canvas = element("canvas", { width: Math.max(this.columns, 1), height: Math.max(this.rows, 1) });
    const context = canvas.getContext("2d"), picture = context.createImageData(canvas.width, canvas.height);
    const odd = channels("odd"), palette = Array.from({ length: 256 }, (_, level) =>
      level === 0 ? [...(zero ?? [0, 0, 0]), zero ? 255 : 0] : [...(level === WITHOUT ? odd : viridis((level - 1) / (HIGHEST - 1))), 255]);
    this.levels.forEach((level, at) => picture.data.set(palette[level], 4 * at));
    context.putImageData(picture, 0, 0);
    return canvas;
  }
}

// The frame of a plot: title, tools, the plot, and a line that says what is under the pointer.
class Plot {
  constructor(title, make, { height = 230, tools = [], wide = false } = {}) {
    this.make = make;
    this.height = height;
    this.title = element("h4", {}, title);
    this.canvas = element("div", { className: "canvas" });
    this.canvas.style.minHeight = `${height}px`;
    this.caption = element("p", { className: "caption" });
    this.tools = element("div", { className: "plottools" }, ...tools);
    this.place = element("figure", { className: wide ? "plot wide" : "plot" },
      element("header", {}, this.title, this.tools), this.canvas, this.caption);
    this.resized = new ResizeObserver(() => { if (this.drawn && this.width !== this.canvas.clientWidth) this.show(); });
    // What is drawn elsewhere may have moved the plot, which uPlot does not notice.
    this.canvas.addEventListener("pointermove", () => this.chart?.syncRect(), true);
    this.redraw = () => { if (this.drawn) this.show(); };
    whenNear(this.place, () => this.show(), () => this.hide());
  }

  show() {
    this.clear();
    this.width = this.canvas.clientWidth;
    if (!this.width) return;
    const made = this.make(this);
    this.drawn = true;
    this.place.dataset.drawn = "yes";
    schemeWatchers.add(this.redraw);
    this.resized.observe(this.canvas);
    if (made instanceof Node) return void this.canvas.append(made);
    const { options, data, caption } = made;
    this.rest = caption ?? "";
    this.say("");
    this.chart = new uPlot({ width: this.width, height: this.height, legend: { show: false }, ...options }, data, this.canvas);
  }

  say(text) { this.caption.textContent = text || this.rest; }

  clear() {
    this.chart?.destroy();
    this.chart = null;
    this.canvas.replaceChildren();
  }

  hide() {
    if (!this.drawn) return;
    this.clear();
    this.drawn = false;
    delete this.place.dataset.drawn;
    schemeWatchers.delete(this.redraw);
    this.resized.disconnect();
  }
}

const nothing = (text) => element("p", { className: "empty" }, text);

function axis(more = {}) {
  const line = colour("line");
  return {
    stroke: colour("soft"), font: "11px system-ui, sans-serif", labelFont: "11px system-ui, sans-serif", labelSize: 18, labelGap: 0, size: 26,
    grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }, gap: 4, ...more,
  };
}

// Whole powers of ten within a scale that holds logarithms.
function decades(low, high, room) {
  const first = Math.ceil(low - 1e-9), last = Math.floor(high + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / room));
  const found = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) found.push(at);
  return found;
}

const logAxis = (label, more = {}) => axis({
  label, splits: (chart, at, low, high) => decades(low, high, 7), values: (chart, splits) => splits.map(power), ...more,
});

const countAxis = () => axis({
  size: 46, label: "elements", splits: (chart, at, low, high) => decades(Math.log10(low), Math.log10(high), 5).map((each) => 10 ** each),
  values: (chart, splits) => splits.map((value) => power(Math.round(Math.log10(value)))),
});

// What follows the pointer: `say` is called with both values, in the scales' units, or with nothing.
const follow = (plot, text) => ({
  drag: { x: false, y: false }, points: { show: false }, x: true, y: false, bind: { dblclick: () => null },
  ...(text ? { dataIdx: (chart, series, nearest) => nearest } : {}),
});
const following = (plot, text) => (chart) => {
  const { left, top } = chart.cursor;
  plot.say(left < 0 ? "" : text(chart.posToVal(left, "x"), chart.posToVal(top, "y")) ?? "");
};

function dashed(chart, points, name = "limit") {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.beginPath();
  points.forEach(([x, y], at) => ctx[at ? "lineTo" : "moveTo"](x, y));
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.strokeStyle = colour(name);
  ctx.stroke();
  ctx.restore();
}

// A line over the whole height with text beside it.
function marker(chart, value, text, name = "limit", row = 0) {
  const { ctx, bbox, scales } = chart;
  if (!(value >= scales.x.min && value <= scales.x.max)) return;
  const x = chart.valToPos(value, "x", true), right = x > bbox.left + bbox.width * 0.7;
  dashed(chart, [[x, bbox.top], [x, bbox.top + bbox.height]], name);
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillStyle = colour(name);
  ctx.textAlign = right ? "right" : "left";
  ctx.textBaseline = "top";
  ctx.fillText(text, x + (right ? -5 : 5) * devicePixelRatio, bbox.top + (3 + 14 * row) * devicePixelRatio);
  ctx.restore();
}

// A range of at least a span, about the same middle.
function widened([low, high], span) {
  const more = Math.max(span - (high - low), 0) / 2;
  return [low - more, high + more];
}

// Bars over bins of equal width: `edges` has one more than `counts`; the axis is `span` long at least.
function bars({ plot, edges, counts, xAxis, markers = [], text, caption, span = 0 }) {
  const width = edges[1] - edges[0], most = Math.max(...counts, 1);
  const places = markers.map(({ at }) => at).filter(Number.isFinite);
  const reach = places.filter((at) => at > edges[0] - 3 * (edges.at(-1) - edges[0]) && at < edges.at(-1) + 3 * (edges.at(-1) - edges[0]));
  const range = widened([Math.min(edges[0], ...reach) - 0.6 * width, Math.max(edges.at(-1), ...reach) + 0.6 * width], span);
  const bin = (value) => Math.floor((value - edges[0]) / width);
  return {
    caption,
    data: [counts.map((_, at) => edges[at] + width / 2), counts.map((count) => count || null)],
    options: {
      scales: { x: { time: false, range: () => range }, y: { distr: 3, range: () => [0.6, most * 1.8] } },
      axes: [xAxis, countAxis()],
      series: [{}, {
        fill: colour("bar"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.9, Infinity], radius: 0.1 }),
      }],
      cursor: { ...follow(plot, true), x: false },
      hooks: {
        draw: [(chart) => markers.forEach(({ at, name, tone }, row) => marker(chart, at, name, tone, row))],
        setCursor: [following(plot, (x) => { const at = bin(x); return counts[at] ? text(at) : null; })],
      },
    },
  };
}

// A picture of a grid from x[0] to x[1] and from y[0], its first row, to y[1].
function painted({ plot, grid, image, x, y, axes, text, caption, draw = () => {}, yRange = y, xRange = x, dir = 1 }) {
  return {
    caption,
    data: [[x[0], x[1]], [y[0], y[1]]],
    options: {
      scales: { x: { time: false, range: () => xRange }, y: { range: () => yRange, dir } },
      axes,
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { ...follow(plot), y: true },
      hooks: {
        drawAxes: [(chart) => {
          const [left, right] = x.map((value) => chart.valToPos(value, "x", true));
          const [first, last] = y.map((value) => chart.valToPos(value, "y", true));
          const { ctx } = chart;
          ctx.save();
          ctx.imageSmoothingEnabled = false;
          if (last < first) { ctx.translate(0, first + last); ctx.scale(1, -1); }
          ctx.drawImage(image, left, Math.min(first, last), right - left, Math.abs(last - first));
          ctx.restore();
        }],
        draw: [draw],
        setCursor: [following(plot, (across, up) => {
          const column = Math.floor((across - x[0]) / (x[1] - x[0]) * grid.columns);
          const row = Math.floor((up - y[0]) / (y[1] - y[0]) * grid.rows);
          return column >= 0 && column < grid.columns && row >= 0 && row < grid.rows ? text(row, column) : null;
        })],
      },
    },
  };
}

// What the colours of a grid stand for.
function colourKey(grid, words, odd = false) {
  const strip = element("canvas", { width: 120, height: 1 }), context = strip.getContext("2d");
  for (let at = 0; at < 120; at += 1) {
    context.fillStyle = `rgb(${viridis(at / 119).join(" ")})`;
    context.fillRect(at, 0, 1, 1);
  }
  const some = grid.low !== null;
  return element("div", { className: "key" },
    ...(!some ? [] : grid.low === grid.high ? [element("span", {}, words(grid.low))]
      : [element("span", {}, words(grid.low)), strip, element("span", {}, words(grid.high))]),
    odd && grid.levels.includes(WITHOUT) ? element("span", { className: "swatch odd" }, "not finite") : null,
    odd && grid.levels.includes(0) ? element("span", { className: "swatch zero" }, "equal") : null);
}
