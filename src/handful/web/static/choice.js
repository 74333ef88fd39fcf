// Keys that mark answers, and guards against saving unseen. The page works without any of this.

const SETTLE_MS = 300; // the second half of a double press or click lands on the next page, which nobody has read yet
const shownAt = performance.now();
const root = document.documentElement;
const status = document.querySelector("[role=status]");
const shortcuts = document.getElementById("shortcuts");
const pick = document.getElementById("pick");
const boxes = [...document.querySelectorAll("input[name=best]")];
const keys = new Map([...document.querySelectorAll("button[data-key], input[data-key]")].map((e) => [e.dataset.key, e]));
let sent = false;
root.classList.add("scripted");

function say(text) {
  if (status) status.textContent = text;
}

function show() {
  for (const box of boxes) {
    document.querySelector(`[data-answer="${box.value}"]`).classList.toggle("marked", box.checked);
  }
}

for (const box of boxes) box.addEventListener("change", show);
show();

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    const unmarked = form === pick && event.submitter?.name !== "none" && !boxes.some((box) => box.checked);
    if (sent || unmarked || (pick && performance.now() - shownAt < SETTLE_MS)) {
      event.preventDefault();
      if (unmarked && !sent) say("Mark at least one answer, or press “No difference”.");
      return;
    }
    sent = true;
    document.body.classList.add("sending");
    say("Saving…");
  });
}

// A page that comes back from the browser's memory may be used again.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  const target = event.target;
  if (target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === "Enter" && target instanceof HTMLElement && target.matches("a, button, summary")) return;
  if (shortcuts && !shortcuts.checked) return;
  const found = keys.get(event.key.toLowerCase());
  if (!found) return;
  event.preventDefault();
  found.click();
  if (boxes.includes(found)) say(`Answer ${found.value} ${found.checked ? "marked" : "not marked"}.`);
});

if (shortcuts) {
  // Single keys get in the way of speech input and some screen readers, so they can be turned off.
  shortcuts.checked = localStorage.getItem("shortcuts") !== "off";
  const apply = () => root.classList.toggle("no-keys", !shortcuts.checked);
  shortcuts.addEventListener("change", () => {
    localStorage.setItem("shortcuts", shortcuts.checked ? "on" : "off");
    apply();
  });
  apply();
}

// Reading starts at the question; the notice is set again so that screen readers say it.
document.querySelector("h1[tabindex]")?.focus({ preventScroll: true });
if (status?.textContent) {
  const notice = status.textContent;
  status.textContent = "";
  setTimeout(() => say(notice), 100);
}
if (location.search) history.replaceState(null, "", "/");
