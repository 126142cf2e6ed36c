"use strict";
/* Draws the figures of a page, and gives their data as CSV. */
const sedn = (() => {
  const PAPER = 700; /* pixels of the width of A4 between its margins */
  const HOVER = 90; /* characters of a line under the pointer */
  const OPTIONS = {
    displaylogo: false,
    responsive: true,
    /* Nothing on the page leaves the reader's machine. */
    showSendToCloud: false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const unseen = new IntersectionObserver(onSight, { rootMargin: "500px 0px" });
  let printing = false;

  const figures = () => [...document.querySelectorAll("figure[id^=figure-]")];
  const spec = figure => JSON.parse(figure.querySelector("script").textContent);

  /* The colours of the light page as their counterparts on dark; only where a colour is meant. */
  function darkened(value, isColour) {
    if (typeof value === "string") return isColour && value in DARK ? DARK[value] : value;
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(one => darkened(one, isColour));
    const made = {};
    for (const key in value) made[key] = darkened(value[key], isColour || /color/i.test(key));
    return made;
  }

  function draw(figure) {
    unseen.unobserve(figure);
    const plot = figure.querySelector(".plot"), least = Number(figure.dataset.least);
    let { data, layout } = spec(figure);
    for (const trace of data) if (trace.meta === "trials") tellTrials(trace);
    if (dark.matches && !printing) { data = darkened(data); layout = darkened(layout); }
    layout.uirevision = "kept"; /* what the reader zoomed to stays when new data come */
    delete layout.width;
    layout.autosize = !printing;
    if (printing) layout.width = Math.max(PAPER, least);
    plot.style.zoom = printing ? PAPER / layout.width : "";
    return Plotly.react(plot, data, layout, OPTIONS);
  }

  /* What appears under the pointer at the points of trials, from the table of trials. */
  function tellTrials(trace) {
    trace.text = trace.customdata.map(number => number === null ? "" : about(number));
    trace.hovertemplate ??= "%{text}<extra></extra>";
  }

  let columns = null, rowOf = new Map();
  function trials() {
    const data = document.getElementById("trials-data");
    if (columns === null && data) {
      columns = JSON.parse(data.textContent);
      columns[0].codes.forEach((code, row) => rowOf.set(Number(columns[0].values[code]), row));
    }
    return columns ?? [];
  }
  const cell = (column, row) => column.values[column.codes[row]];
  const plain = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function about(number) {
    const all = trials(), row = rowOf.get(number);
    if (row === undefined) return `<b>trial ${number}</b>`;
    const filled = all.slice(2).filter(column => !["–", ""].includes(cell(column, row)));
    return [`<b>trial ${number}</b> · ${plain(cell(all[1], row))}`].concat(filled.map(column =>
      `${plain(column.name)}: ${plain(cell(column, row).slice(0, HOVER))}`)).join("<br>");
  }

  function onSight(entries) {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  }
  const isDrawn = figure => figure.querySelector(".js-plotly-plot") !== null;
  const drawAll = async () => { await Promise.all(figures().map(draw)); };
  const redraw = () => figures().filter(isDrawn).forEach(draw);

  /* ---- tables of numbers as files ---- */

  const words = html => {
    const made = new DOMParser().parseFromString(html.replace(/<br>/g, "; "), "text/html");
    return made.body.textContent;
  };
  function quoted(value) {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }
  const csv = rows => rows.map(row => row.map(quoted).join(",") + "\r\n").join("");

  function named(axis) {
    const names = new Map();
    (axis?.tickvals ?? []).forEach((value, i) => names.set(value, words(String(axis.ticktext?.[i]))));
    return value => names.get(value) ?? value;
  }
  const axisOf = (layout, trace, name) =>
    layout[(trace[`${name}axis`] ?? name).replace(name, `${name}axis`)] ?? {};

  /* Each point of a figure as a row. */
  function figureRows(figure) {
    const { data, layout } = spec(figure);
    const rows = [["series", "x", "y", "value", "x less", "x more", "y less", "y more", "about"]];
    for (const trace of data.filter(one => one.hoverinfo !== "skip" || one.mode === "lines")) {
      if (trace.meta === "trials") tellTrials(trace);
      const xName = axisOf(layout, trace, "x").type === "log" ? value => value
        : named(axisOf(layout, trace, "x"));
      const yName = named(axisOf(layout, trace, "y"));
      const add = (x, y, value, at, note) => rows.push([
        trace.name, xName(x), yName(y), value, trace.error_x?.arrayminus?.[at],
        trace.error_x?.array?.[at], trace.error_y?.arrayminus?.[at], trace.error_y?.array?.[at],
        typeof note === "string" ? words(note) : ""]);
      if (trace.z) {
        trace.z.forEach((line, i) => line.forEach((value, j) =>
          add(trace.x?.[j] ?? j, trace.y?.[i] ?? i, value, -1, trace.customdata?.[i]?.[j])));
      } else {
        (trace.y ?? []).forEach((y, i) => {
          if (y !== null) add(trace.x?.[i] ?? i, y, "", i, trace.text?.[i] ?? trace.customdata?.[i]);
        });
      }
    }
    const used = rows[0].map((_, i) => i < 3 || rows.slice(1).some(row => quoted(row[i]) !== ""));
    return rows.map(row => row.filter((_, i) => used[i]));
  }

  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  addEventListener("click", event => {
    const button = event.target.closest?.("button[data-csv]");
    if (!button) return;
    const figure = button.closest("figure");
    save(button.dataset.csv, csv(figure ? figureRows(figure) : TRIALS.rows()));
  });
  /* Paper does not scroll: what is wider is made smaller. */
  function fitTables() {
    for (const table of document.querySelectorAll(".scroll > table")) {
      table.style.zoom = "";
      table.style.width = printing ? "min-content" : "";
      if (printing) table.style.zoom = Math.min(1, PAPER / table.offsetWidth);
      table.style.width = "";
    }
  }
  /* Paper cannot be clicked: what is folded is opened, and folded again afterwards. */
  let opened = [];
  function unfold() {
    if (printing) {
      opened.push(...document.querySelectorAll("details:not([open])"));
      opened.forEach(one => { one.open = true; });
    } else {
      opened.forEach(one => { one.open = false; });
      opened = [];
    }
  }
  function print(begins) {
    printing = begins;
    unfold();
    fitTables();
    if (printing) drawAll();
    else redraw();
  }
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  dark.addEventListener("change", redraw);
  addEventListener("DOMContentLoaded", () => figures().forEach(one => unseen.observe(one)));

  /* A part of the page has been replaced: what was drawn in it is drawn anew with its new data. */
  function arrived(part) {
    if (part.querySelector("#trials-data")) { columns = null; rowOf = new Map(); }
    for (const figure of part.querySelectorAll("figure[id^=figure-]")) {
      if (isDrawn(figure)) draw(figure);
      else unseen.observe(figure);
    }
  }
  return { drawAll, arrived, about, trials, cell, figureCsv: id => csv(figureRows(document.getElementById(id))) };
})();
