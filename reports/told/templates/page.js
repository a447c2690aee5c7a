"use strict";
// Comfort only: filters that the address remembers, keys in the matrix, buttons that copy.
(() => {
  const at = (id) => document.getElementById(id);
  const rows = [...document.querySelectorAll("[data-row]")];
  const filter = at("filter");
  const controls = filter ? { op: at("filter-op"), status: at("filter-status"), q: at("filter-text") } : {};
  const words = (row) => (row.dataset.status || "").split("|").filter(Boolean);

  const offer = (select, names) => {
    for (const name of [...new Set(names)].filter(Boolean).sort()) select.add(new Option(name));
  };

  // The hash is an anchor, then the filters: #matrix&op=convolution&q=stride
  const read = () => {
    const [anchor, ...rest] = location.hash.slice(1).split("&");
    return { anchor, wanted: new URLSearchParams(rest.join("&")) };
  };
  const write = (anchor) => {
    const wanted = new URLSearchParams();
    for (const [name, control] of Object.entries(controls)) {
      if (control.value) wanted.set(name, control.value);
    }
    const hash = [anchor, wanted.toString()].filter((part, n) => part || !n).join("&");
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", "#" + hash);
  };

  const apply = () => {
    if (!filter) return;
    const text = controls.q.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const { op } = row.dataset;
      row.hidden =
        (controls.op.value && op !== controls.op.value) ||
        (controls.status.value && !words(row).includes(controls.status.value)) ||
        (text && !row.textContent.toLowerCase().includes(text));
      shown += !row.hidden;
    }
    const filtered = shown < rows.length;
    for (const table of document.querySelectorAll("table")) {
      const [tally] = table.getElementsByClassName("tally");
      const own = [...table.querySelectorAll("tr[data-row]")];
      if (!tally || !own.length) continue;
      const kept = own.filter((row) => !row.hidden).length;
      tally.textContent = filtered ? `(${kept} of ${own.length} rows)` : "";
    }
    at("filter-said").textContent = filtered ? `${shown} of ${rows.length} entries shown` : "";
  };

  const reveal = (anchor) => {
    const target = anchor && at(anchor);
    if (!target) return;
    const row = target.closest("[data-row]");
    if (row) row.hidden = false; // a link leads there whatever the filters say
    for (let up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    target.scrollIntoView();
  };

  const restore = () => {
    const { anchor, wanted } = read();
    for (const [name, control] of Object.entries(controls)) {
      if (wanted.has(name)) control.value = wanted.get(name);
    }
    apply();
    write(anchor);
    reveal(anchor);
  };

  if (filter) {
    offer(controls.op, rows.map((row) => row.dataset.op));
    offer(controls.status, rows.flatMap(words));
    for (const control of Object.values(controls)) {
      control.addEventListener("input", () => {
        apply();
        write(read().anchor);
      });
    }
    const reset = () => {
      for (const control of Object.values(controls)) control.value = "";
      apply();
      write(read().anchor);
    };
    at("filter-reset").addEventListener("click", reset);
    filter.addEventListener("keydown", (event) => event.key === "Escape" && reset());
    filter.hidden = false;
  }
  addEventListener("hashchange", restore);

  // Tab goes to one cell of the matrix, arrows from there to the others.
  const lines = [...document.querySelectorAll(".heat tbody tr")].map((row) => [...row.querySelectorAll("td")]);
  const cell = (r, c) => lines[r]?.[c]?.querySelector(".cell");
  cell(0, 0)?.setAttribute("tabindex", "0");
  lines.forEach((line, r) => line.forEach((td, c) => td.addEventListener("keydown", (event) => {
    const [down, across] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] || [];
    const next = down === undefined ? null : cell(r + down, c + across);
    if (!next) return;
    event.preventDefault();
    next.focus();
  })));

  const put = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  for (const button of document.querySelectorAll(".copy")) {
    const name = button.title;
    const say = (words) => {
      button.title = words;
      button.setAttribute("aria-label", words);
      button.classList.toggle("done", words !== name);
    };
    button.hidden = false;
    button.addEventListener("click", async () => {
      await put(button.nextElementSibling.textContent);
      button.focus();
      say("Copied");
      setTimeout(say, 2000, name);
    });
  }

  restore();
})();
