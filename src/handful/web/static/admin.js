// Fresh figures every 15 seconds, unless somebody works in the page or has turned it off. Works without any of this.

const EVERY_MS = 15_000;
const box = document.getElementById("fresh");
const root = document.documentElement;
root.classList.add("scripted");

const parts = () => [...document.querySelectorAll("[data-live]")];
const busy = (part) => part.contains(document.activeElement) || !getSelection().isCollapsed;

async function refresh() {
  if (!box?.checked || document.hidden || parts().some(busy)) return;
  let text;
  try {
    const answer = await fetch(location.pathname + location.search, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    text = await answer.text();
  } catch {
    return; // no connection: the figures stay, and their time says how old they are
  }
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const part of parts()) {
    const other = fresh.getElementById(part.id);
    if (other && !busy(part)) part.replaceChildren(...document.adoptNode(other).childNodes);
  }
}

if (box) {
  box.checked = localStorage.getItem("fresh") !== "off";
  box.addEventListener("change", () => localStorage.setItem("fresh", box.checked ? "on" : "off"));
  setInterval(refresh, EVERY_MS);
}

// The notice in the address is shown once: a reload does not say it again.
if (new URLSearchParams(location.search).has("notice")) {
  const left = new URL(location.href);
  left.searchParams.delete("notice");
  history.replaceState(null, "", left);
}
