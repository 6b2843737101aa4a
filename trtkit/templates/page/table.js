// The nodes as a table: sorted by any column, filtered by the search, filled as one scrolls.

const CHUNK = 300;

class Table {
  constructor(place, graph, pick) {
    Object.assign(this, { place, graph, pick, order: 0, down: false });
    const nodes = graph.nodes.filter((item) => item.node);
    const has = (test) => nodes.some(({ node }) => test(node));
    const joined = (names) => names.filter(Boolean).join(", ");
    this.columns = [
      ["#", (item) => item.node.id], ["Name", ({ node }) => node.name], ["Type", ({ node }) => node.type],
      has((node) => node.status) && ["Status", ({ node }) => node.status ?? ""],
      has((node) => node.detail) && ["Change", ({ node }) => node.detail ?? ""],
      ["Precision", (item) => precision(item, graph)],
      has((node) => node.tactic) && ["Tactic", ({ node }) => node.tactic ?? ""],
      ["Inputs", ({ node }) => joined(node.inputs)], ["Outputs", ({ node }) => joined(node.outputs)],
    ].filter(Boolean);
    this.watcher = new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) this.more(); });
  }

  show(items, mode, selected) {
    Object.assign(this, { mode, selected });
    this.rows = items.filter((item) => item.node);
    const [, text] = this.columns[this.order];
    if (this.order) this.rows.sort((a, b) => text(a).localeCompare(text(b), undefined, { numeric: true }));
    if (this.down) this.rows.reverse();
    const heads = this.columns.map(([name], at) => {
      const arrow = at === this.order ? (this.down ? " ↓" : " ↑") : "";
      const head = element("th", { scope: "col" }, element("button", { type: "button", onclick: () => this.sort(at) }, name + arrow));
      if (arrow) head.ariaSort = this.down ? "descending" : "ascending";
      return head;
    });
    this.body = element("tbody");
    this.end = element("p", { className: "note" });
    this.place.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.body), this.end);
    this.place.scrollTop = 0;
    this.watcher.disconnect();
    this.more();
    this.watcher.observe(this.end);
  }

  sort(at) {
    this.down = at === this.order && !this.down;
    this.order = at;
    this.show([...this.rows].sort((a, b) => a.order - b.order), this.mode, this.selected);
  }

  more() {
    const from = this.body.rows.length;
    this.body.append(...this.rows.slice(from, from + CHUNK).map((item) => this.row(item)));
    const shown = this.body.rows.length;
    this.end.textContent = shown < this.rows.length ? "…" : `${shown} of ${this.graph.root.size} nodes`;
  }

  row(item) {
    const cells = this.columns.map(([name, text]) => element("td", {}, text(item)));
    cells[2].prepend(dot(paint(keyOf(item, this.mode, this.graph), this.mode, darkness.matches)));
    const row = element("tr", { tabIndex: 0, ariaSelected: String(item === this.selected) }, ...cells);
    row.onclick = () => {
      this.body.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
      row.ariaSelected = "true";
      this.pick(item);
    };
    row.onkeydown = (event) => { if (event.key === "Enter") row.click(); };
    return row;
  }
}
