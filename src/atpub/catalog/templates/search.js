"use strict";
const form = document.getElementById("filters");
const count = document.getElementById("count");
const cards = [...document.querySelectorAll("#cards > li")].map((card) => ({
  card,
  text: card.textContent.toLowerCase(),
  tag: [...card.querySelectorAll("[data-tag]")].map((item) => item.dataset.tag),
  license: [card.dataset.license],
  storage: [card.dataset.storage],
  size: [card.dataset.size],
}));
const NAMES = ["tag", "license", "storage", "size"];

function filter() {
  const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = NAMES.filter((name) => form.elements[name].value);
  let shown = 0;
  for (const item of cards) {
    const fits = words.every((word) => item.text.includes(word))
      && chosen.every((name) => item[name].includes(form.elements[name].value));
    item.card.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown.toLocaleString("en")} of ${cards.length.toLocaleString("en")} shown`;
}

function remember() {
  const found = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  history.replaceState(null, "", `#${found}`);
}

function restore() {
  const found = new URLSearchParams(location.hash.slice(1));
  for (const name of ["q", ...NAMES]) form.elements[name].value = found.get(name) ?? "";
  for (const name of NAMES) if (form.elements[name].selectedIndex < 0) form.elements[name].value = "";
  filter();
}

form.addEventListener("input", () => { filter(); remember(); });
form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", restore);
form.hidden = false;
restore();
