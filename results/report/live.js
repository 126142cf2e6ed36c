/* Keeps the page up to the search: asks its server what has changed, and puts that in place. */
(() => {
  const EVERY = 2000; /* milliseconds */
  const digests = JSON.parse(document.getElementById("digests").textContent);
  const status = document.body.appendChild(document.createElement("div"));
  status.className = "live";
  status.setAttribute("role", "status");

  /* What the reader has opened, written and scrolled to stays. */
  function keep(old, fresh) {
    const pairs = words => [...old.querySelectorAll(words)].map(
      (one, i) => [one, fresh.querySelectorAll(words)[i]]).filter(([, made]) => made);
    for (const [one, made] of pairs("details")) made.open = one.open;
    for (const [one, made] of pairs("input, select")) made.value = one.value;
    for (const figure of old.querySelectorAll("figure[id]")) {
      const plot = fresh.querySelector(`#${CSS.escape(figure.id)} .plot`);
      const drawn = figure.querySelector(".plot.js-plotly-plot");
      if (!plot || !drawn) continue;
      drawn.style.height = plot.style.height;
      drawn.style.minWidth = plot.style.minWidth;
      plot.replaceWith(drawn);
    }
    const scrolled = pairs(".scroll").map(([one, made]) => [made, one.scrollLeft]);
    return () => scrolled.forEach(([made, left]) => { made.scrollLeft = left; });
  }

  function swap(name, html) {
    const old = document.getElementById(name);
    const made = document.createElement("template");
    made.innerHTML = html;
    const fresh = made.content.firstElementChild;
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    const cursor = focus?.selectionStart;
    const scrollBack = keep(old, fresh);
    old.replaceWith(fresh);
    sedn.arrived(fresh);
    if (name === "trials") TRIALS.update();
    scrollBack();
    if (focus?.id) {
      const again = document.getElementById(focus.id);
      again?.focus({ preventScroll: true });
      if (cursor !== undefined && cursor !== null) again?.setSelectionRange(cursor, cursor);
    }
  }

  /* The section in sight stays where it is, whatever grows above it. */
  function inPlace(change) {
    const anchor = [...document.querySelectorAll("main > section")].find(
      one => one.getBoundingClientRect().bottom > 0);
    const before = anchor?.getBoundingClientRect().top;
    change();
    const after = anchor && document.getElementById(anchor.id)?.getBoundingClientRect().top;
    if (scrollY > 0 && after !== undefined) scrollBy(0, after - before);
  }

  async function look() {
    try {
      const answer = await fetch(`changes?known=${Object.values(digests).join(",")}`);
      if (!answer.ok) throw new Error(await answer.text());
      const changes = await answer.json();
      const names = Object.keys(changes).filter(name => document.getElementById(name));
      /* The table of trials first: what appears under the pointer of figures comes from it. */
      names.sort((a, b) => (b === "trials") - (a === "trials"));
      if (names.length) inPlace(() => names.forEach(name => swap(name, changes[name].html)));
      for (const name of names) digests[name] = changes[name].digest;
      status.textContent = "";
    } catch (error) {
      status.textContent = `No longer up to date: ${error.message}`;
    }
    setTimeout(look, EVERY);
  }
  setTimeout(look, EVERY);
})();
