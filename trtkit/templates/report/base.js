// What every page of reports needs: elements, numbers as text, and the colours of the scheme in force.

const SCHEMES = ["auto", "light", "dark"];

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A name that breaks between its parts rather than within them.
const breakable = (name) => element("span", {}, ...name.split(/(?<=[./_:=])/).flatMap((part, at) => (at ? [element("wbr"), part] : [part])));

const digits = new Intl.NumberFormat("en");
const whole = (number) => digits.format(number);
const counted = (number, noun) => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

// NaN and the infinities are text in a report.
const asNumber = (value) => (typeof value === "number" ? value : { Infinity, "-Infinity": -Infinity }[value] ?? NaN);

function figure(value, precision = 3) {
  const number = asNumber(value);
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number > 0 ? "∞" : "−∞";
  if (number === 0) return "0";
  const size = Math.abs(number);
  const text = size >= 1e-3 && size < 1e6 ? String(Number(number.toPrecision(precision)))
    : number.toExponential(precision - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  return text.replaceAll("-", "−");
}

function duration(seconds) {
  const [unit, factor] = seconds >= 0.9995 ? ["s", 1] : seconds >= 0.9995e-3 ? ["ms", 1e3] : ["µs", 1e6];
  return `${Number((seconds * factor).toPrecision(3))} ${unit}`;
}

// A power of ten for an axis: plain near 1, with a raised exponent elsewhere.
function power(exponent) {
  if (Math.abs(exponent) <= 2) return String(Number((10 ** exponent).toPrecision(1)));
  return `10${String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
}

// A colour of the style sheet as a canvas takes it.
const probe = element("i", { hidden: true });
function colour(name) {
  probe.style.color = `var(--${name})`;
  if (!probe.isConnected) document.body.append(probe);
  return getComputedStyle(probe).color;
}

const schemeWatchers = new Set();
function setScheme(name) {
  if (name === "auto") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = name;
  schemeWatchers.forEach((redraw) => redraw());
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => schemeWatchers.forEach((redraw) => redraw()));

// Buttons of which one is chosen; `pick` is called with its place.
function choice(label, names, pick, chosen = 0) {
  const buttons = names.map((name, at) => element("button", { type: "button", ariaPressed: String(at === chosen), onclick: () => {
    buttons.forEach((button, other) => { button.ariaPressed = String(other === at); });
    pick(at);
  } }, name));
  const made = element("div", { className: "switch", role: "group", ariaLabel: label }, ...buttons);
  return made;
}

// Verdicts, those to look at first.
const SIGNS = {
  FAIL: "✕", ERROR: "!", CRASH: "!", TIMEOUT: "!", MEMORY: "!", LOST: "!", "NOT RUN": "–", XFAIL: "~", RAN: "▸", PASS: "✓",
};
const VERDICTS = Object.keys(SIGNS);
const tone = (verdict) => verdict.replace(" ", "-");
const sign = (verdict) => element("i", { ariaHidden: "true" }, SIGNS[verdict]);
const badge = (verdict) => element("span", { className: `badge ${tone(verdict)}` }, sign(verdict), verdict);

// Calls `show` when an element comes near to what is on the screen, and `hide` when it is far again.
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) (isIntersecting ? target.show : target.hide)?.();
}, { rootMargin: "400px 0px" });

function whenNear(target, show, hide) {
  Object.assign(target, { show, hide });
  near.observe(target);
}

const section = (id, title, ...children) =>
  element("section", { id }, element("h2", {}, title), ...children);

// Pairs of text as a table of two columns; what is null is left out.
function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { className: "facts" }, ...rows.flatMap(([key, value]) =>
    [element("dt", {}, key), element("dd", {}, value instanceof Node ? value : String(value))]));
}

function folded(title, content, open = false) {
  return element("details", { open }, element("summary", {}, title), content);
}

// The head of a page: the verdict, what it is about, links to the sections, and the switch of colours.
function pageHead({ verdict, text }, about, links) {
  return element("header", { className: `top ${tone(verdict)}` },
    element("div", { className: "verdict" }, badge(verdict), element("div", {}, element("h1", {}, text),
      element("p", {}, ...about.filter(Boolean).flatMap((each, at) => [at ? " · " : "", element("span", {}, each)])))),
    element("nav", {}, ...links.map(([id, title]) => element("a", { href: `#${id}` }, title)),
      choice("Colours", SCHEMES, (at) => setScheme(SCHEMES[at]))));
}

const moment = (created) => created && `${created.replace("T", " ").replace("Z", "")} UTC`;

// Figures at a glance: title, value, what else there is to say, and its tone.
const tileGrid = (tiles, kind = "") => (tiles.length ? element("div", { className: `tiles ${kind}` }, ...tiles.map(([title, value, more, look]) =>
  element("div", { className: `tile ${look ?? ""}` }, element("span", {}, title), element("b", {}, value), element("small", {}, more)))) : null);

const callout = (kind, title, lines) => (lines.length ? element("div", { className: `callout ${kind}` }, element("b", {}, title),
  element("ul", {}, ...lines.map((line) => element("li", {}, line)))) : null);

// A number with a bar below, as long as its share of the largest.
function measured(text, share) {
  const meter = element("i", { className: "meter", ariaHidden: "true" });
  meter.style.setProperty("--share", `${100 * share}%`);
  return element("span", { className: "measured" }, text, meter);
}
