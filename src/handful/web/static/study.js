// Keys for the choices, and guards against answering a pair unseen. The page works without any of this.

const SETTLE_MS = 300; // the second half of a double press or click lands on the next pair, which nobody has read yet
const shownAt = performance.now();
const status = document.querySelector("[role=status]");
const shortcuts = document.getElementById("shortcuts");
const buttons = new Map([...document.querySelectorAll("button[data-key]")].map((b) => [b.dataset.key, b]));
let sent = false;

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    const early = buttons.size > 0 && performance.now() - shownAt < SETTLE_MS;
    if (sent || early) {
      event.preventDefault();
      return;
    }
    sent = true;
    document.body.classList.add("sending");
    if (status) status.textContent = "Saving…";
  });
}

// A page that comes back from the browser's memory may be used again.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (event.target instanceof HTMLElement && event.target.matches("input:not([type=checkbox]), textarea, select")) return;
  if (shortcuts && !shortcuts.checked) return;
  const button = buttons.get(event.key.toLowerCase());
  if (!button) return;
  event.preventDefault();
  button.click();
});

if (shortcuts) {
  // Single keys get in the way of speech input and some screen readers, so they can be turned off.
  document.documentElement.classList.add("scripted");
  shortcuts.checked = localStorage.getItem("shortcuts") !== "off";
  const apply = () => document.documentElement.classList.toggle("no-keys", !shortcuts.checked);
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
  setTimeout(() => { status.textContent = notice; }, 100);
}
if (location.search) history.replaceState(null, "", "/");
