"use strict";
// Hides the rows that do not match the words, or that passed everywhere.
const rows = [...document.querySelectorAll("tr.case")];
const words = document.getElementById("words");
const bad = document.getElementById("bad");
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    const hide = (bad.checked && row.dataset.passed === "true") || !wanted.every((word) => text.includes(word));
    row.hidden = hide;
    shown += hide ? 0 : 1;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} cases`;
}
words.addEventListener("input", filter);
bad.addEventListener("change", filter);
filter();
