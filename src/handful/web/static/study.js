// Keys, the next item at once, and answers that outlive a lost connection. Every page works without any of this.
//
// An answer is first put into this browser's storage and then sent. Its nonce makes sending it twice harmless, so it
// is sent until the server says that it has it. While that takes long, the page that was fetched ahead is shown.

const SETTLE_MS = 300; // the second half of a double press or click lands on the next item, which nobody has read yet
const PATIENCE_MS = 400; // how long an answer may be under way before the next item is shown regardless
const RETRY_MS = [1000, 2000, 5000, 10000, 20000];
const SENT_BY_SCRIPT = new Set(["/answer", "/skip"]);
const QUEUE = "handful.waiting";
const KEEP = "X-Answers"; // a reply with it has not read the answer: nobody is signed in here

let owner = null; // who answers here, once a page has said so: nobody sends what another person left in this browser
let watch = 0;

let shownAt = performance.now();
let ahead = null; // the page that comes next, as a document
let busy = false;
let sending = null;
let failures = 0;
let timer = 0;
let seenMs = 0; // how long the item was to be seen: not behind another tab
let seenSince = document.hidden ? null : performance.now();

const answered = new Set(); // marks of the items whose answers went through here

const task = () => document.querySelector("main.task");
const markOf = (page) => page?.querySelector("main.task")?.dataset.mark;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- what is kept in this browser

const memory = new Map(); // where storage is closed to us
const kept = {
  read(name) {
    try { return localStorage.getItem(name); } catch { return memory.get(name) ?? null; }
  },
  write(name, value) {
    try { localStorage.setItem(name, value); } catch { memory.set(name, value); }
  },
};

function queue() {
  try { return JSON.parse(kept.read(QUEUE) ?? "[]"); } catch { return []; }
}

const mine = () => queue().filter((entry) => owner && (entry.owner ?? owner) === owner);

function enqueue(entry) {
  kept.write(QUEUE, JSON.stringify([...queue().filter((other) => other.nonce !== entry.nonce), entry]));
}

function dequeue(nonce) {
  kept.write(QUEUE, JSON.stringify(queue().filter((entry) => entry.nonce !== nonce)));
}

// ---- sending

/** Send what waits, oldest first. Resolves to the last page that the server answered with, or null. */
function flush() {
  sending ??= sendAll().finally(() => { sending = null; });
  return sending;
}

async function sendAll() {
  clearTimeout(timer);
  let page = null;
  for (let entry; (entry = mine()[0]); ) {
    let reply;
    try {
      reply = await fetch(entry.to, {
        method: "POST",
        body: new URLSearchParams(entry.fields),
        signal: AbortSignal.timeout?.(30000),
      });
      if (reply.status >= 500 || reply.status === 429) throw new Error(String(reply.status));
      page = new DOMParser().parseFromString(await reply.text(), "text/html");
      if (reply.headers.has(KEEP)) return shutOut(page);
    } catch {
      timer = setTimeout(retry, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
      return null;
    }
    failures = 0;
    answered.add(entry.mark);
    dequeue(entry.nonce);
  }
  return page;
}

/** The link was replaced: answers wait for the new one. */
function shutOut(page) {
  const count = mine().length;
  const kept = page.createElement("p");
  kept.textContent = `${count} ${count === 1 ? "answer is" : "answers are"} kept in this browser, and sent once you open your newest link here.`;
  page.querySelector("main")?.append(kept);
  return page;
}

async function retry() {
  if (mine().length) settle(await flush());
}

function say(text, waiting = false) {
  const status = document.querySelector("[role=status]");
  if (!status) return;
  status.classList.toggle("waiting", waiting);
  if (status.textContent === text) status.textContent = "";
  setTimeout(() => { status.textContent = text; }, 50); // a change is what screen readers say
}

function sayWaiting() {
  const count = mine().length;
  if (count) say(`No connection: ${count} ${count === 1 ? "answer is" : "answers are"} kept here and will be sent.`, true);
}

// ---- showing

/** Put `page` on the screen, in place of what is there. */
function show(page) {
  document.title = page.title;
  document.body.replaceChildren(...page.body.cloneNode(true).childNodes);
  document.body.classList.remove("sending");
  busy = false;
  ahead = null;
  arrive();
}

/** The server's page has come late: what is on the screen is being read, so only the bar above it is renewed. */
function settle(page) {
  if (!page) return sayWaiting();
  if (!task() || !markOf(page) || answered.has(markOf(document))) return show(page);
  const [bar, fresh] = [document.querySelector(".bar"), page.querySelector(".bar")];
  if (bar && fresh) bar.replaceWith(fresh);
  say(fresh?.querySelector("[role=status]")?.textContent ?? "");
  fetchAhead();
}

function showWaiting() {
  const page = document.implementation.createHTMLDocument("Waiting for the connection");
  page.body.innerHTML = `<main class="sheet"><h1 tabindex="-1">Waiting for the connection</h1>
    <p>Your answers are kept in this browser, and are sent as soon as it is online again. Leave this page open, or come
    back to it in this browser.</p><p class="hint" role="status"></p></main>`;
  show(page);
}

async function fetchAhead() {
  const from = markOf(document);
  if (!from || document.querySelector("form[action='/practice']")) return;
  try {
    const reply = await fetch("/ahead");
    if (reply.status !== 200) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (markOf(document) === from && markOf(page) !== from) ahead = page;
  } catch { /* no connection: then there is nothing ahead */ }
}

/** On a page that waits: whether there is something to do again. */
async function lookAgain() {
  if (document.hidden || !document.querySelector("main[data-again]")) return;
  try {
    const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
    if (!page.querySelector("main[data-again]") && page.querySelector("main")) location.reload();
  } catch { /* no connection: next time */ }
}

/** What every page that comes up needs, however it came. */
function arrive() {
  shownAt = performance.now();
  seenMs = 0;
  seenSince = document.hidden ? null : performance.now();
  owner = document.querySelector("[data-owner]")?.dataset.owner ?? owner;
  clearInterval(watch);
  const again = Number(document.querySelector("main")?.dataset.again);
  if (again) watch = setInterval(lookAgain, again * 1000);
  applyKeys();
  const plainly = document.getElementById("plainly");
  if (plainly) plainly.checked = kept.read("plainly") === "on";
  scrollTo(0, 0);
  (document.querySelector("[autofocus]") ?? document.querySelector("h1[tabindex]"))?.focus({ preventScroll: true });
  const notice = document.querySelector("[role=status]")?.textContent;
  if (notice) say(notice);
  if (location.search) history.replaceState(null, "", location.pathname);
  if (mine().length) sayWaiting();
  else fetchAhead();
}

// ---- answering

async function answer(form, button) {
  const fields = [...new FormData(form, button)].filter(([name]) => name !== "ms");
  const seen = Math.round(seenMs + (seenSince === null ? 0 : performance.now() - seenSince));
  const nonce = form.elements.nonce.value;
  enqueue({ nonce, owner, mark: markOf(document), to: form.getAttribute("action"), fields: [...fields, ["ms", String(seen)]] });
  const sent = flush();
  const page = await Promise.race([sent, wait(navigator.onLine ? PATIENCE_MS : 0).then(() => "late")]);
  if (page && page !== "late") return show(page);
  if (ahead) show(ahead);
  else showWaiting();
  if (page === "late") settle(await sent); // else `retry` goes on
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const early = task() && performance.now() - shownAt < SETTLE_MS;
  if (busy || early) {
    event.preventDefault();
    return;
  }
  const action = form.getAttribute("action");
  if (!SENT_BY_SCRIPT.has(action) && !navigator.onLine) {
    event.preventDefault();
    say("No connection just now. Try again when it is back.", true);
    return;
  }
  if (!SENT_BY_SCRIPT.has(action) && mine().length && task()) {
    event.preventDefault(); // an undo or a farewell would overtake the answers that wait
    sayWaiting();
    flush().then(settle);
    return;
  }
  busy = true;
  document.body.classList.add("sending");
  if (SENT_BY_SCRIPT.has(action)) {
    event.preventDefault();
    answer(form, event.submitter);
  }
});

// ---- keys

function applyKeys() {
  const shortcuts = document.getElementById("shortcuts");
  const off = kept.read("shortcuts") === "off";
  document.documentElement.classList.add("scripted");
  document.documentElement.classList.toggle("no-keys", off);
  if (shortcuts) shortcuts.checked = !off;
}

function typing(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
  if (event.key === "Escape") return closeDetails(event.target);
  if (typing(event.target) || kept.read("shortcuts") === "off") return;
  const found = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!found) return;
  event.preventDefault();
  if (found.matches("details")) toggle(found);
  else found.click();
});

function toggle(details) {
  details.open = !details.open;
  const first = details.querySelector("textarea, input:not([type=hidden])");
  (details.open && first ? first : details.querySelector("summary")).focus();
  if (details.open) details.scrollIntoView({ block: "nearest" });
}

function closeDetails(target) {
  const details = target instanceof HTMLElement ? target.closest("details[open]") : null;
  if (details) toggle(details);
}

document.addEventListener("change", (event) => {
  if (event.target.id === "shortcuts") {
    kept.write("shortcuts", event.target.checked ? "on" : "off");
    applyKeys();
  }
  if (event.target.id === "plainly") kept.write("plainly", event.target.checked ? "on" : "off");
});

// ---- coming and going

document.addEventListener("visibilitychange", () => {
  if (document.hidden && seenSince !== null) {
    seenMs += performance.now() - seenSince;
    seenSince = null;
  } else if (!document.hidden) {
    seenSince ??= performance.now();
    lookAgain();
  }
});

// A page that comes back from the browser's memory may be used again, but what it shows may be answered.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

addEventListener("online", retry);

arrive();
retry();
