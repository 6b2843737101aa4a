// A table of any number of rows: sorted by a click on a column's head, filtered by text and by verdict, filled as one
// scrolls. Columns are { title, text, sort, cell, numeric }, of which only title and text have to be there. With
// `detail`, a row opens at a click, and what it then shows is made at the first time; cells may have a button .opener.

const ROWS_AT_ONCE = 250;

class ReportTable {
  constructor(columns, rows, { verdict, filtered = () => {}, noun = "row", detail = null }) {
    Object.assign(this, { columns, rows, verdict, filtered, noun, detail, column: null, down: false, shown: new Set(VERDICTS), chosen: null });
    Object.assign(this, { details: new Map(), open: new Set() });
    this.search = rows.map((row) => columns.map(({ text }) => text(row)).join("\n").toLowerCase());
    this.query = element("input", { type: "search", placeholder: "Filter", ariaLabel: `Filter ${noun}s`, oninput: () => this.filter() });
    this.counter = element("output", { className: "counter", ariaLive: "polite" });
    this.body = element("tbody");
    this.end = element("p", { className: "end" });
    this.heads = columns.map((column, at) => element("th", { scope: "col", className: column.numeric ? "number" : "" },
      element("button", { type: "button", onclick: () => this.sort(at) }, column.title)));
    this.scroller = element("div", { className: "scroller", tabIndex: 0 },
      element("table", {}, element("thead", {}, element("tr", {}, ...this.heads)), this.body), this.end);
    this.choice = element("button", { type: "button", className: "chip chosen", hidden: true, onclick: () => this.only(null) });
    const tools = element("div", { className: "tools" }, this.query, this.chips(), this.choice, this.counter);
    this.place = element("div", { className: detail ? "card table whole" : "card table" }, rows.length > 1 ? tools : null, this.scroller);
    this.watcher = new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) this.more(); },
      { root: detail ? null : this.scroller, rootMargin: "200px" });
    this.order = rows.map((_, at) => at).sort((a, b) => VERDICTS.indexOf(verdict(rows[a])) - VERDICTS.indexOf(verdict(rows[b])));
    this.filter();
  }

  chips() {
    const counts = VERDICTS.map((name) => [name, this.rows.filter((row) => this.verdict(row) === name).length]);
    const some = counts.filter(([, count]) => count);
    if (some.length < 2) return null;
    this.switches = new Map(some.map(([name, count]) => [name, element("button", { type: "button", className: `chip ${tone(name)}`, ariaPressed: "true", onclick: () => {
      if (!this.shown.delete(name)) this.shown.add(name);
      this.switches.get(name).ariaPressed = String(this.shown.has(name));
      this.filter();
    } }, sign(name), name, element("small", {}, whole(count)))]));
    return element("div", { className: "chips", role: "group", ariaLabel: "Verdicts" }, ...this.switches.values());
  }

  filter() {
    const words = this.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (at) => (!this.chosen || this.chosen.has(this.rows[at])) && this.shown.has(this.verdict(this.rows[at])) && words.every((word) => this.search[at].includes(word));
    this.visible = this.order.filter(fits);
    this.draw();
    this.filtered(new Set(this.visible.map((at) => this.rows[at])));
  }

  // Show these rows alone, whatever was filtered before, under a name with which they are let go; null for all. One is opened.
  only(rows, name) {
    this.chosen = rows && new Set(rows);
    this.choice.hidden = !rows;
    this.choice.replaceChildren(...(rows ? [name, element("i", { ariaLabel: "show all" }, "✕")] : []));
    this.query.value = "";
    this.shown = new Set(VERDICTS);
    this.switches?.forEach((chip) => { chip.ariaPressed = "true"; });
    if (rows?.length === 1) this.open.add(rows[0]);
    this.filter();
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
    this.drawn = 0;
    this.scroller.scrollTop = 0;
    this.counter.textContent = this.visible.length === this.rows.length ? counted(this.rows.length, this.noun)
      : `${whole(this.visible.length)} of ${counted(this.rows.length, this.noun)}`;
    this.more();
  }

  more() {
    const next = this.visible.slice(this.drawn, this.drawn + ROWS_AT_ONCE).map((at) => this.rows[at]);
    this.body.append(...next.flatMap((row) => (this.open.has(row) ? [this.row(row), this.opened(row)] : [this.row(row)])));
    this.drawn += next.length;
    const left = this.visible.length - this.drawn;
    this.watcher.unobserve(this.end); // anew, since it may be seen again before it was noticed to be out of sight
    if (left) this.watcher.observe(this.end);
    this.end.textContent = left ? "…" : this.visible.length ? "" : "Nothing fits the filter.";
  }

  row(row) {
    const made = element("tr", {}, ...this.columns.map(({ text, cell, numeric, kind }) =>
      element("td", { className: [numeric ? "number" : "", kind ?? ""].join(" ").trim() }, cell ? cell(row) : text(row))));
    if (!this.detail) return made;
    made.className = `opens ${tone(this.verdict(row))}`;
    const tell = () => made.querySelector(".opener")?.setAttribute("aria-expanded", String(this.open.has(row)));
    tell();
    made.onclick = ({ target }) => {
      if (target.closest("a") || !getSelection().isCollapsed) return;
      if (this.open.delete(row)) this.opened(row).remove();
      else {
        this.open.add(row);
        made.after(this.opened(row));
      }
      tell();
    };
    return made;
  }

  // The row below an open one.
  opened(row) {
    if (!this.details.has(row)) {
      this.details.set(row, element("tr", { className: `detail ${tone(this.verdict(row))}` }, element("td", { colSpan: this.columns.length }, this.detail(row))));
    }
    return this.details.get(row);
  }
}
