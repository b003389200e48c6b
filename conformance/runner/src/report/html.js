"use strict";
// Hides the rows that do not fit the words and the choice, and what is left without rows.
const rows = [...document.querySelectorAll("tr.case")];
const texts = rows.map((row) => row.textContent.toLowerCase());
const words = document.getElementById("words");
const show = document.getElementById("show");
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const states = { all: ["passed", "open", "failed"], open: ["open", "failed"], failed: ["failed"] }[show.value];
  let shown = 0;
  rows.forEach((row, place) => {
    row.hidden = !states.includes(row.dataset.state) || !wanted.every((word) => texts[place].includes(word));
    shown += row.hidden ? 0 : 1;
  });
  for (const area of document.querySelectorAll("tr.area")) {
    let row = area.nextElementSibling;
    while (row && row.hidden && row.matches(".case")) row = row.nextElementSibling;
    area.hidden = !row || !row.matches(".case");
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("tr.case:not([hidden])");
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} cases`;
}
if (rows.some((row) => row.dataset.state === "failed")) show.value = "failed";
words.addEventListener("input", filter);
show.addEventListener("change", filter);
filter();
