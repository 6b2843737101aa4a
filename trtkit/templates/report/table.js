// A table of any number of rows: sorted by a click on a column's head, filtered by text and by verdict, filled as one
// scrolls. Columns are { title, text, sort, cell, numeric }, of which only title and text have to be there.

const ROWS_AT_ONCE = 250;
const VERDICTS = ["ERROR", "FAIL", "XFAIL", "RAN", "PASS"];

class ReportTable {
  constructor(columns, rows, { verdict, filtered = () => {}, noun = "row" }) {
    Object.assign(this, { columns, rows, verdict, filtered, noun, column: null, down: false, words: "", shown: new Set(VERDICTS) });
    this.search = rows.map((row) => columns.map(({ text }) => text(row)).join("\n").toLowerCase());
    this.query = element("input", { type: "search", placeholder: "Filter", ariaLabel: `Filter ${noun}s`, oninput: () => this.filter() });
    this.counter = element("output", { className: "counter", ariaLive: "polite" });
    this.body = element("tbody");
    this.end = element("p", { className: "end" });
    this.heads = columns.map((column, at) => element("th", { scope: "col", className: column.numeric ? "number" : "" },
      element("button", { type: "button", onclick: () => this.sort(at) }, column.title)));
    this.scroller = element("div", { className: "scroller", tabIndex: 0 },
      element("table", {}, element("thead", {}, element("tr", {}, ...this.heads)), this.body), this.end);
    const tools = element("div", { className: "tools" }, this.query, this.chips(), this.counter);
    this.place = element("div", { className: "card table" }, rows.length > 1 ? tools : null, this.scroller);
    new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) this.more(); },
      { root: this.scroller, rootMargin: "200px" }).observe(this.end);
    this.order = rows.map((_, at) => at).sort((a, b) => VERDICTS.indexOf(verdict(rows[a])) - VERDICTS.indexOf(verdict(rows[b])));
    this.filter();
  }

  chips() {
    const counts = VERDICTS.map((name) => [name, this.rows.filter((row) => this.verdict(row) === name).length]);
    const some = counts.filter(([, count]) => count);
    if (some.length < 2) return null;
    return element("div", { className: "chips", role: "group", ariaLabel: "Verdicts" }, ...some.map(([name, count]) => {
      const chip = element("button", { type: "button", className: `chip ${name}`, ariaPressed: "true", onclick: () => {
        if (!this.shown.delete(name)) this.shown.add(name);
        chip.ariaPressed = String(this.shown.has(name));
        this.filter();
      } }, element("i", { ariaHidden: "true" }, SIGNS[name]), name, element("small", {}, whole(count)));
      return chip;
    }));
  }

  filter() {
    const words = this.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (at) => this.shown.has(this.verdict(this.rows[at])) && words.every((word) => this.search[at].includes(word));
    this.visible = this.order.filter(fits);
    this.draw();
    this.filtered(new Set(this.visible.map((at) => this.rows[at])));
  }

  sort(at) {
    this.down = at === this.column && !this.down;
    this.column = at;
    const { text, sort } = this.columns[at];
    const key = (row) => (sort ?? text)(this.rows[row]);
    const compare = sort
      ? (a, b) => (Number.isNaN(key(a)) - Number.isNaN(key(b))) || key(a) - key(b)
      : (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    this.order.sort((a, b) => (this.down ? compare(b, a) : compare(a, b)) || a - b);
    this.heads.forEach((head, place) => { head.ariaSort = place !== at ? null : this.down ? "descending" : "ascending"; });
    this.filter();
  }

  draw() {
    this.body.replaceChildren();
    this.scroller.scrollTop = 0;
    this.counter.textContent = this.visible.length === this.rows.length ? counted(this.rows.length, this.noun)
      : `${whole(this.visible.length)} of ${counted(this.rows.length, this.noun)}`;
    this.more();
  }

  more() {
    const from = this.body.rows.length;
    this.body.append(...this.visible.slice(from, from + ROWS_AT_ONCE).map((at) => this.row(this.rows[at])));
    const left = this.visible.length - this.body.rows.length;
    this.end.textContent = left ? "…" : this.visible.length ? "" : "Nothing fits the filter.";
  }

  row(row) {
    return element("tr", {}, ...this.columns.map(({ text, cell, numeric, kind }) =>
      element("td", { className: [numeric ? "number" : "", kind ?? ""].join(" ").trim() }, cell ? cell(row) : text(row))));
  }
}
