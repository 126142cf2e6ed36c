/* The table of trials: filtered by words and state, sorted by a column, fifty rows at a time. */
const TRIALS = (() => {
  const STEP = 50;
  const byId = name => document.getElementById(name);
  let shown = STEP, sortedBy = 0, down = false, rows = [];

  /* Positions of the rows that have all the words, each looked up once in every distinct value. */
  function matching(columns) {
    const words = byId("trials-words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = byId("trials-state").value;
    let found = columns[0].codes.map((_, row) => row);
    if (state) found = found.filter(row => sedn.cell(columns[1], row).startsWith(state));
    for (const word of words) {
      const has = columns.map(column =>
        column.values.map(value => value.toLowerCase().includes(word)));
      found = found.filter(row => columns.some((column, i) => has[i][column.codes[row]]));
    }
    return found;
  }

  /* Rows without a number come last, whichever way is up. */
  function sorted(found, column) {
    const { codes, keys, values } = column, sign = down ? -1 : 1;
    if (!keys) return found.sort((a, b) => sign * values[codes[a]].localeCompare(values[codes[b]]));
    const key = row => keys[codes[row]];
    return found.sort((a, b) => (key(a) === null) - (key(b) === null) || sign * (key(a) - key(b)));
  }

  function made(name, content, fields = {}) {
    const element = Object.assign(document.createElement(name), fields);
    element.append(...[content].flat());
    return element;
  }

  function head(column, position) {
    const button = made("button", column.name.split(".").at(-1).replaceAll("_", " "), {
      type: "button",
      onclick: () => {
        down = sortedBy === position ? !down : position === 2;
        sortedBy = position;
        update();
        byId("trials-table").querySelectorAll("th button")[position].focus();
      },
    });
    const group = column.name.split(".").slice(0, -1).join(".");
    const th = made("th", group ? [made("span", group), button] : [button], {
      scope: "col", className: column.right ? "right" : "" });
    if (sortedBy === position) th.ariaSort = down ? "descending" : "ascending";
    return th;
  }

  function line(columns, row) {
    return made("tr", columns.map(column => made("td", sedn.cell(column, row), {
      className: column.right ? "right" : column.long ? "wide" : column.name.includes(".") ? "broken" : "" })),
      { className: sedn.cell(columns[1], row).includes("baseline") ? "marked" : "" });
  }

  function update() {
    const columns = sedn.trials();
    if (!columns.length || !byId("trials-table")) return;
    sortedBy = Math.min(sortedBy, columns.length - 1);
    rows = sorted(matching(columns), columns[sortedBy]);
    const few = rows.slice(0, shown), all = columns[0].codes.length;
    byId("trials-table").replaceChildren(
      made("thead", made("tr", columns.map(head))),
      made("tbody", few.map(row => line(columns, row))));
    byId("trials-count").textContent = rows.length === all
      ? `${all.toLocaleString("en")} trials` : `${rows.length.toLocaleString("en")} of ${all.toLocaleString("en")} trials`;
    byId("trials-more").parentElement.hidden = few.length === rows.length;
  }

  addEventListener("input", event => {
    if (["trials-words", "trials-state"].includes(event.target.id)) { shown = STEP; update(); }
  });
  addEventListener("click", event => {
    if (event.target.id === "trials-more") { shown += STEP; update(); }
  });
  addEventListener("DOMContentLoaded", update);
  return {
    update,
    /* The rows in sight and those below, as a file has them. */
    rows: () => {
      const columns = sedn.trials();
      return [columns.map(column => column.name),
        ...rows.map(row => columns.map(column => sedn.cell(column, row)))];
    },
  };
})();
