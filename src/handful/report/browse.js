// Filters of the page of every prompt. It hides what does not fit and counts what does; it changes no text.
"use strict";
(() => {
  const entries = [...document.querySelectorAll("article.entry")];
  const form = document.querySelector("form.filters");
  const count = document.querySelector("#count");
  form.hidden = false;
  const value = (name) => form.elements[name] ? form.elements[name].value : "";
  const variants = entries.filter((entry) => /(^|\t)variant_of:/.test(entry.dataset.tags)).length;
  const texts = new Map();
  const text = (entry) => {
    if (!texts.has(entry)) texts.set(entry, entry.textContent.toLowerCase());
    return texts.get(entry);
  };
  const fits = (entry, judge, baseline, outcome, tag, words) => {
    if (tag && !entry.dataset.tags.split("\t").includes(tag)) return false;
    if (judge || baseline || outcome) {
      const found = entry.dataset.said.split("\t").some((said) => {
        const [j, b, o] = said.split("|");
        return (!judge || j === judge) && (!baseline || b === baseline) && (!outcome || o === outcome);
      });
      if (!found) return false;
    }
    return words.every((word) => text(entry).includes(word));
  };
  const apply = () => {
    const words = value("text").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const entry of entries) {
      const keep = fits(entry, value("judge"), value("baseline"), value("outcome"), value("tag"), words);
      entry.hidden = !keep;
      shown += keep;
    }
    const of = variants ? `${entries.length - variants} prompts and ${variants} variants` : `${entries.length} prompts`;
    count.textContent = `${shown} of ${of}`;
  };
  let waiting = 0;
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); });
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  const step = (by) => {
    const shown = entries.filter((entry) => !entry.hidden);
    const tops = shown.map((entry) => entry.getBoundingClientRect().top - 90);
    const next = by > 0 ? tops.findIndex((top) => top > 4) : tops.findLastIndex((top) => top < -4);
    if (next >= 0) { shown[next].scrollIntoView(); shown[next].focus({ preventScroll: true }); }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") { event.preventDefault(); form.elements.text.focus(); }
  });
  apply();
})();
