// Live conversations: shows a reply as it appears, keys for the grades, and keeps a message that is being written.
// The page works without any of this: it then asks every few seconds whether the reply is there.

const SETTLE_MS = 300; // the second half of a double press lands on a page that nobody has read yet
const shownAt = performance.now();
const status = document.querySelector("[role=status]");
const reply = document.getElementById("reply");
const text = document.getElementById("text");
const draft = `draft-${document.querySelector("main")?.dataset.draft}`;
const buttons = new Map([...document.querySelectorAll("button[data-key]")].map((b) => [b.dataset.key, b]));
let sent = false;
document.documentElement.classList.add("scripted");

function toEnd() {
  document.getElementById("last")?.scrollIntoView({ block: "end" });
}

if (reply) {
  const source = new EventSource(reply.dataset.from);
  const atEnd = () => innerHeight + scrollY > document.documentElement.scrollHeight - 160;
  source.addEventListener("start", (event) => { reply.textContent = JSON.parse(event.data); toEnd(); });
  source.addEventListener("message", (event) => {
    const follow = atEnd(); // a reader who has scrolled back stays there
    reply.append(JSON.parse(event.data));
    if (follow) scrollTo(0, document.documentElement.scrollHeight);
  });
  source.addEventListener("done", () => { source.close(); location.reload(); });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    else if (status) status.textContent = "The connection is lost. Trying again…";
  });
  source.addEventListener("open", () => { if (status) status.textContent = ""; });
} else {
  toEnd();
}

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    const early = buttons.size > 0 && performance.now() - shownAt < SETTLE_MS;
    if (sent || early) {
      event.preventDefault();
    } else if (!navigator.onLine) {
      event.preventDefault();
      if (status) status.textContent = "There is no connection. What you wrote is kept; send it when you are back.";
    } else {
      sent = true;
      document.body.classList.add("sending");
      if (form.contains(text)) sessionStorage.removeItem(draft);
    }
  });
}

if (text) {
  text.value = text.value || sessionStorage.getItem(draft) || "";
  text.addEventListener("input", () => sessionStorage.setItem(draft, text.value));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) text.form.requestSubmit();
  });
  text.focus({ preventScroll: true });
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (event.target instanceof HTMLElement && event.target.matches("input, textarea, select")) return;
  if (localStorage.getItem("shortcuts") === "off") return; // as chosen at the questions
  const button = buttons.get(event.key.toLowerCase());
  if (!button) return;
  event.preventDefault();
  button.click();
});

// A page that comes back from the browser's memory may show what is long past.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

if (!reply && !text) document.querySelector("#last, h1[tabindex]")?.focus({ preventScroll: true });
if (location.search) history.replaceState(null, "", "/talk");
