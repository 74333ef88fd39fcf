"use strict";
const buttons = [...document.querySelectorAll("button[data-toggle]")];
function show(button, shown) {
  button.setAttribute("aria-pressed", String(shown));
  for (const cell of document.querySelectorAll('[data-epoch="' + button.dataset.toggle + '"]')) cell.hidden = !shown;
}
function isShown(button) { return button.getAttribute("aria-pressed") === "true"; }
function all() { for (const button of buttons) show(button, true); }
for (const button of buttons) button.addEventListener("click", () => show(button, !isShown(button)));
document.getElementById("all").addEventListener("click", all);
const prompts = [...document.querySelectorAll("section")];
function go(step) {
  const above = prompts.filter((section) => section.getBoundingClientRect().top < 80).length;
  const next = prompts[Math.max(0, Math.min(prompts.length - 1, step > 0 ? above : above - 2))];
  if (next) { next.scrollIntoView(); next.querySelector("h2").focus({ preventScroll: true }); }
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const button = buttons.find((each) => each.dataset.key && each.dataset.key === event.key);
  if (button) show(button, !isShown(button));
  else if (event.key === "a") all();
  else if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
});
