"use strict";
// Filters the table of events. Without it, the page shows all of them.
(function () {
  const shownAtFirst = 100;
  const rows = Array.from(document.querySelectorAll("#events tbody tr"));
  const form = document.getElementById("filters");
  if (!rows.length || !form) return;
  const severities = ["info", "warning", "error", "critical"];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const levels = rows.map((row) => severities.indexOf(row.cells[1].textContent));
  const search = document.getElementById("search");
  const severity = document.getElementById("severity");
  const said = document.getElementById("matches");
  const all = document.getElementById("all");
  let most = shownAtFirst;

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = Number(severity.value);
    let matching = 0;
    for (let at = 0; at < rows.length; at++) {
      const matches = levels[at] >= least && words.every((word) => texts[at].includes(word));
      matching += matches;
      const hidden = !matches || matching > most;
      if (rows[at].hidden !== hidden) rows[at].hidden = hidden;
    }
    const shown = Math.min(matching, most);
    said.textContent = shown + " of " + matching + " matching events are shown; the report has " + rows.length + ".";
    all.hidden = matching <= most;
  }

  function showAll() {
    most = rows.length;
    show();
  }

  function reveal() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.hidden) {
      row.hidden = false;
      row.scrollIntoView();
    }
  }

  form.hidden = false;
  search.addEventListener("input", show);
  severity.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  all.addEventListener("click", showAll);
  window.addEventListener("beforeprint", showAll);
  window.addEventListener("hashchange", reveal);
  show();
  reveal();
})();
