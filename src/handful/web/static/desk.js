// Keys, and the checklist while one types. The desk works without any of this.

const SETTLE_MS = 300; // the second half of a double press lands on the next text, which nobody has read yet
const CHECK_MS = 600;
const shownAt = performance.now();
const root = document.documentElement;
const status = document.querySelector("[role=status]");
const shortcuts = document.getElementById("shortcuts");
const decide = document.getElementById("decide");
let sent = false;
let typed = false;
root.classList.add("scripted");

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (sent || (form === decide && performance.now() - shownAt < SETTLE_MS)) {
      event.preventDefault();
      return;
    }
    sent = true;
    typed = false;
    document.body.classList.add("sending");
    if (status) status.textContent = "Saving…";
  });
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// What was typed and not saved is not lost without a question.
for (const area of document.querySelectorAll("textarea")) area.addEventListener("input", () => { typed = true; });
addEventListener("beforeunload", (event) => {
  if (typed && !sent) event.preventDefault();
});

const writing = (target) => target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");

function open(details) {
  details.open = !details.open;
  if (!details.open) return;
  const first = details.id === "edit" ? [...details.querySelectorAll("textarea")].at(-1) : details.querySelector("button");
  first?.focus();
  details.scrollIntoView({ block: "nearest" });
}

function found(key) {
  for (const button of document.querySelectorAll("[data-key]")) {
    if (button.dataset.key !== key) continue;
    const within = button.dataset.within;
    if (!within || document.getElementById(within)?.open) return button;
  }
  return null;
}

addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || event.altKey) return;
  const target = event.target;
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const button = found("ctrl+enter");
    if (button && (!decide || document.getElementById("edit")?.open)) {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && target instanceof HTMLElement) {
    target.closest("details")?.querySelector("summary")?.focus();
    if (writing(target)) target.blur();
    return;
  }
  if (writing(target)) {
    if (event.key === "Enter" && decide && target.matches("input")) event.preventDefault(); // no decision by accident
    return;
  }
  if (shortcuts && !shortcuts.checked) return;
  if (event.key === "Enter" && target instanceof HTMLElement && target.matches("a, button, summary")) return;
  const key = event.key.toLowerCase();
  const details = document.querySelector(`[data-open="${CSS.escape(key)}"]`);
  const field = document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  const button = found(key);
  if (!details && !field && !button) return;
  event.preventDefault();
  if (details) open(details);
  else if (field) field.focus();
  else if (button.matches("input")) button.focus();
  else button.click();
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

const checks = document.getElementById("checks");
if (checks) {
  const form = document.querySelector("#decide, #write");
  let waiting = 0;
  let asked = 0;
  const ask = async () => {
    const areas = [...form.querySelectorAll("textarea")];
    if (areas.some((area) => !area.value.trim())) return;
    const body = new URLSearchParams();
    for (const name of ["token", "id"]) if (form.elements[name]) body.set(name, form.elements[name].value);
    for (const area of areas) body.append("turn", area.value);
    const number = ++asked;
    try {
      const answer = await fetch(checks.dataset.live, { method: "POST", body, credentials: "same-origin" });
      if (!answer.ok || number !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      checks.replaceChildren(...document.adoptNode(page.body).childNodes);
    } catch { /* no connection: the list stays as it was */ }
  };
  form.addEventListener("input", (event) => {
    if (!event.target.matches("textarea")) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, CHECK_MS);
  });
}

document.querySelector("h1[tabindex]")?.focus({ preventScroll: true });
if (status?.textContent) {
  const notice = status.textContent;
  status.textContent = "";
  setTimeout(() => { status.textContent = notice; }, 100);
}
if (new URLSearchParams(location.search).has("notice")) {
  const left = new URL(location.href);
  left.searchParams.delete("notice");
  history.replaceState(null, "", left);
}
