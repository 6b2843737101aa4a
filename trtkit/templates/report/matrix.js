// Jobs over two axes of their matrix: in each cell how many there are of each verdict.

function matrixView(data, pick) {
  const { axes } = data, picked = [...data.view];
  const grid = element("div", { className: "scroller" });
  const without = element("p", { className: "caption" });

  const draw = () => {
    const [rows, columns] = picked.map((at) => axes[at]);
    const cells = rows.labels.map(() => columns.labels.map(() => []));
    let left = 0;
    for (const job of data.jobs) {
      const [row, column] = picked.map((at) => job.place[at]);
      if (row === null || column === null) left += 1;
      else cells[row][column].push(job);
    }
    // Labels that no job has on the other axis would be empty rows and columns.
    const inRow = rows.labels.map((_, row) => cells[row].flat()), inColumn = columns.labels.map((_, column) => cells.flatMap((line) => line[column]));
    const kept = columns.labels.map((_, column) => column).filter((column) => inColumn[column].length);
    const head = (label, jobs, scope) => element("th", { scope }, element("button", { type: "button", onclick: () => pick(jobs, label) }, label));
    const lines = rows.labels.map((label, row) => inRow[row].length && element("tr", {}, head(label, inRow[row], "row"), ...kept.map((column) =>
      element("td", {}, matrixCell(cells[row][column], `${label} × ${columns.labels[column]}`, pick)))));
    grid.replaceChildren(element("table", { className: "matrix" },
      element("thead", {}, element("tr", {}, element("th", { className: "corner" }, element("span", {}, `${rows.name} × ${columns.name}`)),
        ...kept.map((column) => head(columns.labels[column], inColumn[column], "col")))),
      element("tbody", {}, ...lines.filter(Boolean))));
    without.textContent = left ? `${counted(left, "job")} not shown, without one of the two axes` : "";
  };

  const menu = (place, label) => {
    const made = element("select", { ariaLabel: label, title: label }, ...axes.map(({ name }, at) => element("option", { value: at, selected: at === picked[place] }, name)));
    made.onchange = () => {
      const at = Number(made.value);
      if (at === picked[1 - place]) picked[1 - place] = picked[place]; // the two change places
      picked[place] = at;
      menus.forEach((each, other) => { each.value = picked[other]; });
      draw();
    };
    return made;
  };
  const menus = [menu(0, "Rows of the matrix"), menu(1, "Columns of the matrix")];
  const tools = element("div", { className: "tools plottools" }, menus[0], element("span", { ariaHidden: "true" }, "×"), menus[1], without);
  const card = element("div", { className: "card table" }, tools, grid);
  let made = false;
  whenNear(card, () => {
    if (made) return;
    made = true;
    draw();
  });
  return card;
}

// The verdicts of the jobs of one cell; with several of one, how many.
function matrixCell(jobs, name, pick) {
  if (!jobs.length) return null;
  const found = VERDICTS.map((verdict) => jobs.filter((job) => job.verdict === verdict)).filter((each) => each.length);
  return element("button", { type: "button", className: "cell", title: jobs.length === 1 ? jobs[0].name : name, onclick: () => pick(jobs, jobs.length === 1 ? jobs[0].name : name) },
    ...found.map((each) => element("span", { className: `badge ${tone(each[0].verdict)}` }, sign(each[0].verdict), jobs.length === 1 ? each[0].verdict : `${whole(each.length)} ${each[0].verdict}`)));
}
