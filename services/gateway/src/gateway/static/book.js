// The booking page made quicker. What its links and its list of times lead to is fetched and put in
// place of what is shown, so that every word comes from the server and the page is the same without
// this module. It also detects the zone, counts a hold down, and releases it when the page is left.

const byId = (id) => document.getElementById(id);
const page = () => byId("book-page");
const say = (words) => { byId("said").textContent = words ?? ""; };

let newest = 0; // the newest page asked for; older answers are dropped
let choosing = false; // a time is being held: a second tap must not hold another
let sending = false; // the details are on their way: their hold must stay
let isNative = false; // the next submission is the browser's own
let isZoneKnown = false; // the times shown are in the right zone
let held = null; // what `release` needs
let ticking;
const typed = new Map(); // what was entered, by field: it outlives the choice of another time

/** Fetch a page and show it in place of this one; the browser loads it if that fails. */
async function show(url, { body, push = true, tapped, focus } = {}) {
  const mine = ++newest;
  const busy = [tapped, byId("times-of-month")].filter(Boolean);
  for (const part of busy) part.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, body ? { method: "POST", body } : {});
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== newest) return;
    if (!next.getElementById("book-page")) throw new Error(`${answer.status}`);
    const isShown = !body || answer.redirected; // a refusal has no address of its own
    if (isShown) history[push ? "pushState" : "replaceState"]({}, "", answer.url);
    put(next, focus);
  } catch {
    if (mine !== newest) return;
    for (const part of busy) part.removeAttribute("aria-busy");
    if (tapped?.form) submitNatively(tapped);
    else location.assign(url);
  }
}

function submitNatively(button) {
  isNative = true;
  setTimeout(() => button.form.requestSubmit(button)); // not while the form is being submitted
}

/** Put the content of a fetched page in place. `focus` names an element of it. */
function put(next, focus) {
  const { step } = page().dataset;
  const active = document.activeElement;
  const kept = active?.dataset?.date ? `[data-date='${active.dataset.date}']` : active?.id && `#${active.id}`;
  const top = scrollY;
  keepTyped();
  document.title = next.title;
  page().replaceWith(document.adoptNode(next.getElementById("book-page")));
  setUp();
  const isNewStep = step !== page().dataset.step;
  scrollTo(0, isNewStep ? 0 : top);
  const goal = byId("problems") ?? byId(focus) ?? (isNewStep ? byId("about") ?? byId("when") : null);
  if (goal) goal.focus({ preventScroll: true });
  else if (kept) document.querySelector(kept)?.focus({ preventScroll: true });
  // Beside the calendar, on a wide screen, the times are in sight already.
  const isBelow = () => byId("times").getBoundingClientRect().top > byId("days").getBoundingClientRect().bottom;
  if (focus === "day" && isBelow()) byId("times").scrollIntoView({ block: "nearest" });
  byId("problems")?.scrollIntoView({ block: "nearest" });
}

function keepTyped() {
  for (const field of document.querySelectorAll(".fields [name]")) typed.set(field.name, field.value);
}

/** What is to be done whenever content has come. */
function setUp() {
  for (const field of document.querySelectorAll(".fields [name]")) {
    if (typed.get(field.name)) field.value = typed.get(field.name);
  }
  if (byId("days")) asGrid();
  say(byId("picker")?.dataset.announced);
  if (byId("form")) countDown(Number(byId("hold").dataset.seconds));
  if (isZoneKnown) byId("parts")?.classList.remove("guessed");
}

// The hold.

/** Count down what is left of the hold. It is read out once, and not at every second. */
function countDown(seconds) {
  clearInterval(ticking);
  const box = byId("hold");
  const words = byId("hold-words");
  const until = Date.now() + seconds * 1000;
  box.hidden = seconds <= 0;
  if (seconds <= 0) return;
  held = { path: page().dataset.path, hold: byId("hold-value").value, token: byId("form").csrf_token.value };
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    if (left) {
      const clock = document.createElement("strong");
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      const [before, after] = box.dataset.words.split("{left}");
      words.replaceChildren(before, clock, after);
    } else {
      words.textContent = box.dataset.over;
      words.setAttribute("role", "status");
      clearInterval(ticking);
    }
  };
  tick();
  ticking = setInterval(tick, 1000);
}

/** Hold the time of the details once more, or say what became of it. */
async function renew() {
  const form = byId("form");
  if (!form || "closed" in byId("details").dataset) return;
  const mine = newest;
  try {
    const body = new FormData(form);
    const answer = await fetch(`${page().dataset.path}/hold`, { method: "POST", body });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== newest || form !== byId("form") || sending) return;
    const hold = next.getElementById("hold-value")?.value;
    if (hold) {
      byId("hold-value").value = hold;
      countDown(Number(next.getElementById("hold").dataset.seconds));
    } else if (next.getElementById("book-page")) {
      put(next);
    }
  } catch {
    // Offline for a moment: booking needs no hold.
  }
}

/** Release the hold when the page is left; the request outlives the page. */
function release() {
  if (!held || sending) return;
  const body = new FormData();
  body.set("csrf_token", held.token);
  body.set("hold", held.hold);
  navigator.sendBeacon(`${held.path}/release`, body);
  held = null;
}

addEventListener("pagehide", release);

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sending = false;
  for (const button of document.querySelectorAll("#form button")) button.disabled = false;
  if (byId("picker")) show(location.href, { push: false });
  else renew();
});

// The days as a grid: one stop for Tab, arrows between the days that have times.

const days = () => [...byId("days").querySelectorAll("a.day")];

function asGrid() {
  byId("days").closest("table").setAttribute("role", "grid");
  const all = days();
  const stop = all.find((day) => day.getAttribute("aria-current")) ?? all[0];
  for (const day of all) day.tabIndex = day === stop ? 0 : -1;
}

function move(event) {
  const day = event.target.closest?.("a.day");
  if (!day) return;
  const all = days();
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
  const month = { PageUp: "earlier", PageDown: "later" }[event.key];
  let goal;
  if (month) {
    event.preventDefault();
    const link = byId(month);
    if (link.href) show(link.href, { tapped: link }).then(() => days().find((other) => !other.tabIndex)?.focus());
  } else if (event.key === "Home" || event.key === "End") {
    const row = all.filter((other) => other.closest("tr") === day.closest("tr"));
    goal = event.key === "Home" ? row[0] : row.at(-1);
  } else if (step) {
    const date = new Date(`${day.dataset.date}T00:00:00Z`);
    date.setUTCDate(date.getUTCDate() + step);
    const wanted = date.toISOString().slice(0, 10);
    goal = step > 0
      ? all.find((other) => other.dataset.date >= wanted) ?? all.at(-1)
      : all.findLast((other) => other.dataset.date <= wanted) ?? all[0];
  }
  if (!goal) return;
  event.preventDefault();
  day.tabIndex = -1;
  goal.tabIndex = 0;
  goal.focus();
}

document.addEventListener("keydown", move);

// What the page's own links and forms do from now on.

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-visit]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain) return;
  event.preventDefault();
  const isDay = link.dataset.date || link.closest("#parts");
  show(link.href, { tapped: link, focus: isDay ? "day" : link.id });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "form") {
    sending = true;
    // Enough to keep a double click from sending twice; the key makes twice the same as once.
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; });
  } else if (form.id === "parts" && !isNative) {
    event.preventDefault();
    if (!choosing) choose(form, event.submitter);
  }
});

async function choose(form, button) {
  choosing = true;
  say(byId("picker").dataset.pending.replace("{time}", button.innerText.trim()));
  await show(form.action, { body: new FormData(form, button), tapped: button });
  choosing = false;
}

addEventListener("popstate", async (event) => {
  if (!event.state) return; // a link within the page
  await show(location.href, { push: false });
  renew();
});

// Now: the zone of this device, and what is shown already.

/** Return the zone of this device, which the server may not know; empty if there is none. */
function deviceZone() {
  try {
    return new Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  } catch {
    return "";
  }
}

const zone = deviceZone();
const { zone: shown, zoneAsked } = page().dataset;
const loaded = performance.getEntriesByType("navigation")[0]?.type;
if (/^[\w+/-]+$/.test(zone)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `attune_zone=${zone}; Path=/book/; Max-Age=2592000; SameSite=Lax${secure}`;
}
const isOther = zoneAsked === undefined && zone && !shown.split(" ").includes(zone);
isZoneKnown = !isOther;
history.replaceState({}, "");
setUp();
byId("problems")?.focus();
if (isOther) {
  isZoneKnown = true; // of what comes
  const url = new URL(location.href);
  url.searchParams.set("tz", zone);
  show(url.href, { push: false });
}
if (byId("form")) {
  // What a cookie tells of a hold may have been true until the page was left a moment ago.
  const isTold = location.search.includes("start=") && !byId("hold").hidden;
  if (isTold || loaded === "reload" || loaded === "back_forward") renew();
  else if (byId("hold").hidden) byId("form").addEventListener("focusin", renew, { once: true });
}
