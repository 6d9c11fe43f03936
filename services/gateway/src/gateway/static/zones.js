// The list of time zones made quicker: it is filtered while one types.

const find = document.getElementById("find");
const rows = [...document.querySelectorAll(".zones li")].map((row) => ({
  row, words: words(`${row.innerText} ${row.dataset.old}`),
}));

function words(text) {
  return text.toLowerCase().replaceAll("_", " ").replaceAll("-", "−").split(/[^\p{L}\p{N}+:−]+/u).filter(Boolean);
}

function filter() {
  const wanted = words(find.value);
  for (const { row, words } of rows) {
    row.hidden = !wanted.every((part) => words.some((word) => word.startsWith(part)));
  }
  for (const section of document.querySelectorAll("section")) {
    const isRepeated = section.id === "suggested" && wanted.length;
    section.hidden = isRepeated || !section.querySelector("li:not([hidden])");
  }
  document.getElementById("none").hidden = Boolean(document.querySelector("section:not([hidden])"));
}

document.getElementById("find-submit").hidden = true;
document.getElementById("find-form").addEventListener("submit", (event) => event.preventDefault());
find.addEventListener("input", filter);
if (find.value) filter();
find.focus();
