// The booking page made quicker: days and times come from the API without loading the page again,
// the zone is detected, a chosen time is held at once. Whatever fails here falls back to the link
// or form that does the same without this module.

const state = JSON.parse(document.getElementById("state").textContent);
const locale = document.documentElement.dataset.locale;
const byId = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
let asked = 0; // the newest question to the API; older answers are dropped
const gone = new Set(); // starts that were lost to others: a search may not know it yet
let ticking;

// Dates are "YYYY-MM-DD", months "YYYY-MM": as in the API and in addresses.
const utc = (date) => new Date(`${date}T00:00:00Z`);
const format = (options) => new Intl.DateTimeFormat(locale, options);
const longDate = (date) => format({ dateStyle: "full", timeZone: "UTC" }).format(utc(date));
const monthName = (month) =>
  format({ year: "numeric", month: "long", timeZone: "UTC" }).format(utc(`${month}-01`));
const clock = (instant) =>
  format({ timeStyle: "short", timeZone: state.tz }).format(new Date(instant));
const shifted = (month, by) => {
  const first = utc(`${month}-01`);
  first.setUTCMonth(first.getUTCMonth() + by);
  return first.toISOString().slice(0, 7);
};
const short = (instant) => new Date(instant).toISOString().replace(".000Z", "Z");

/** The hour and the UTC offset in minutes at an instant, in the chosen zone. */
function local(instant) {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-US", {
      timeZone: state.tz, hourCycle: "h23",
      year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
    }).formatToParts(new Date(instant)).map((part) => [part.type, Number(part.value)]),
  );
  const wall = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute);
  const date = new Date(wall).toISOString().slice(0, 10);
  return { hour: parts.hour, date, offset: Math.round((wall - Date.parse(instant)) / 60000) };
}

/** "Berlin time (UTC+1)": the offset at that instant, as it changes over the year. */
function zoneWords(instant) {
  const { offset } = local(instant);
  const size = Math.abs(offset);
  const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  const shift = offset ? `UTC${offset > 0 ? "+" : "−"}${Math.floor(size / 60)}${rest}` : "UTC";
  if (!state.tz.includes("/") || state.tz.startsWith("Etc/")) return shift; // no place's name
  const place = state.tz.split("/").pop().replaceAll("_", " ");
  return fill(state.texts.zone, { place, shift });
}

function address(changes) {
  const wanted = {
    tz: state.tz, service: state.service, mode: state.mode, month: state.month, date: state.date,
    ...changes,
  };
  const query = Object.entries(wanted).filter(([, value]) => value);
  return `${state.path}?${new URLSearchParams(query)}`;
}

async function ask(path, values) {
  const query = new URLSearchParams({
    service: state.service, mode: state.mode, tz: state.tz, ...values,
  });
  if (state.revision) query.set("revision", state.revision);
  const answer = await fetch(`${state.api}/${path}?${query}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** Show what `changes` choose; `push` makes it a step that one can go back from. */
async function show(changes, { push = true, say = true } = {}) {
  const fallback = address(changes);
  const mine = ++asked;
  Object.assign(state, changes);
  markMode();
  byId("times-of-month").setAttribute("aria-busy", "true");
  try {
    const found = await look(state.month, state.date);
    if (mine !== asked) return;
    state.month = found.month;
    state.date = found.date;
    drawMonth(found.counts);
    drawTimes(found.times, found.next);
    if (say) byId("said").textContent = found.words;
    remember(push);
  } catch {
    if (mine === asked) location.assign(fallback);
  } finally {
    if (mine === asked) byId("times-of-month").removeAttribute("aria-busy");
  }
}

/** The month's days and one day's times: of the date, else of the first free one. */
async function look(month, date) {
  if (!date && !state.monthAsked) {
    const [first] = (await ask("slots/next", { count: 1 })).slots;
    if (first) date = local(first.start).date;
    if (first) month = date.slice(0, 7);
  }
  const [days, slots] = await Promise.all([ask("days", { month }), date ? timesOf(date) : []]);
  const counts = new Map(days.days.map((day) => [day.date, day.slots]));
  const free = [...counts.keys()].filter((day) => counts.get(day));
  const words = fill(state.texts.loaded, { month: monthName(month), n: free.length });
  if (!free.length) {
    const [next] = (await ask("slots/next", { count: 1 })).slots;
    return { month, date: "", counts, times: [], next, words };
  }
  if (slots.length) return { month, date, counts, times: slots, words };
  return { month, date: free[0], counts, times: await timesOf(free[0]), words };
}

async function timesOf(date) {
  const [day] = (await ask("slots", { from: date, to: date })).days;
  return day.slots.filter(({ start }) => !gone.has(short(start)));
}

function markMode() {
  for (const link of document.querySelectorAll("[data-mode]")) {
    if (link.dataset.mode === state.mode) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const byPhone = state.mode === "phone";
  byId("phone").required = byPhone;
  byId("phone-hint").hidden = !byPhone;
  byId("phone-optional").hidden = byPhone;
}

function remember(push) {
  const url = address({});
  if (url === location.pathname + location.search) return;
  history[push ? "pushState" : "replaceState"]({ ...picked() }, "", url);
  for (const link of document.querySelectorAll("[data-mode]")) {
    link.href = address({ mode: link.dataset.mode });
  }
  byId("change-time").href = url;
}

const picked = () => ({ tz: state.tz, mode: state.mode, month: state.month, date: state.date });

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function drawMonth(counts) {
  byId("month").textContent = monthName(state.month);
  arrow("earlier", shifted(state.month, -1), state.month > state.firstMonth);
  arrow("later", shifted(state.month, 1), state.month < state.lastMonth);
  const today = local(new Date().toISOString()).date;
  const cells = [...counts.keys()].sort().map((date) => dayCell(date, counts.get(date), today));
  const lead = (utc(`${state.month}-01`).getUTCDay() - 1 - state.weekStart + 14) % 7;
  cells.unshift(...Array.from({ length: lead }, () => element("td")));
  while (cells.length % 7) cells.push(element("td"));
  const rows = [];
  while (cells.length) rows.push(element("tr", {}, ...cells.splice(0, 7)));
  const focused = document.activeElement?.dataset?.date;
  byId("days").replaceChildren(...rows);
  asGrid();
  if (focused) days().find((day) => day.dataset.date === focused)?.focus();
}

function dayCell(date, count, today) {
  const number = String(Number(date.slice(8)));
  const look = date === today ? "day today" : "day";
  if (!count) return element("td", {}, element("span", { class: look }, number));
  const { oneTime, manyTimes } = state.texts;
  const link = element("a", {
    class: look,
    href: address({ date }),
    "data-date": date,
    "aria-current": date === state.date ? "date" : null,
    "aria-label": fill(count === 1 ? oneTime : manyTimes, { date: longDate(date), n: count }),
  }, number);
  return element("td", {}, link);
}

function arrow(id, month, possible) {
  const icon = byId(id).firstElementChild;
  const label = fill(state.texts[id], { month: monthName(month) });
  const made = possible
    ? element("a", { id, href: address({ month, date: "" }), "aria-label": label }, icon)
    : element("span", { id }, icon);
  const focused = document.activeElement?.id === id;
  byId(id).replaceWith(made);
  if (focused) (possible ? made : byId("month-grid")?.querySelector("[tabindex='0']"))?.focus();
}

function drawTimes(times, next) {
  const { texts } = state;
  const title = state.date ? longDate(state.date) : fill(texts.noMonth, { month: monthName(state.month) });
  byId("day").textContent = title;
  byId("zone-words").textContent = zoneWords(times[0]?.start ?? new Date().toISOString());
  const parts = [[], [], []];
  for (const { start } of times) {
    const { hour } = local(start);
    parts[(hour >= 12) + (hour >= 17)].push(timeItem(start));
  }
  const drawn = parts.flatMap((items, part) =>
    items.length
      ? [element("section", { class: "part" }, element("h4", {}, texts.parts[part]), element("ul", {}, ...items))]
      : [],
  );
  if (!drawn.length) drawn.push(nothing(next));
  byId("parts").replaceChildren(...drawn);
}

function timeItem(start) {
  const instant = short(start);
  const link = { class: "time", href: address({ start: instant }), "data-start": instant };
  return element("li", {}, element("a", link, clock(instant)));
}

function nothing(next) {
  if (state.date) return element("p", { class: "part" }, state.texts.noTimes);
  if (!next) return element("p", { class: "part" }, state.texts.never);
  const { date } = local(next.start);
  const when = format({
    weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "numeric",
    timeZone: state.tz,
  }).format(new Date(next.start));
  const link = element(
    "a",
    { class: "button second", href: address({ date, month: date.slice(0, 7) }), "data-date": date },
    fill(state.texts.next, { when }),
  );
  return element("p", { class: "part" }, link);
}

// The days as a grid: one stop for Tab, arrows between the days that have times.

const days = () => [...byId("days").querySelectorAll("a.day")];

function asGrid() {
  const table = byId("days").closest("table");
  table.setAttribute("role", "grid");
  table.id = "month-grid";
  const all = days();
  const stop = all.find((day) => day.getAttribute("aria-current")) ?? all[0];
  for (const day of all) day.tabIndex = day === stop ? 0 : -1;
}

/** To the month before or after, if one can book in it. */
function turn(by) {
  const month = shifted(state.month, by);
  if (month < state.firstMonth || month > state.lastMonth) return null;
  return show({ month, date: "", monthAsked: true });
}

function move(event) {
  const day = event.target.closest("a.day");
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
  const all = days();
  const at = all.indexOf(day);
  if (!day || at < 0) return;
  let goal;
  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    turn(event.key === "PageUp" ? -1 : 1)?.then(() => days().find((other) => !other.tabIndex)?.focus());
    return;
  } else if (event.key === "Home" || event.key === "End") {
    const row = all.filter((other) => other.closest("tr") === day.closest("tr"));
    goal = event.key === "Home" ? row[0] : row.at(-1);
  } else if (step) {
    const date = utc(day.dataset.date);
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

// A time is chosen: hold it, then the details.

async function choose(start, fallback, { push = true } = {}) {
  let answer;
  try {
    answer = await fetch(`${state.api}/holds`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ service: state.service, mode: state.mode, start }),
    });
  } catch {
    location.assign(fallback);
    return;
  }
  if (answer.status === 409) {
    const problem = await answer.json();
    if (problem.reason === "SLOT_TAKEN") {
      gone.add(start);
      await show({}, { push: false, say: false });
      byId("said").textContent = state.texts.taken;
      warn(state.texts.taken);
      return;
    }
  }
  if (!answer.ok) {
    location.assign(fallback);
    return;
  }
  const hold = await answer.json();
  state.revision = hold.revision;
  const seconds = (Date.parse(hold.expires_at) - Date.parse(answer.headers.get("Date") ?? Date())) / 1000;
  openDetails(start, hold.hold, seconds);
  history[push ? "pushState" : "replaceState"]({ ...picked(), start }, "", fallback);
}

function warn(words) {
  byId("warning")?.remove();
  const box = element("div", { class: "notice bad", id: "warning", role: "alert" });
  box.append(element("div", {}, element("p", {}, words)));
  byId("times-of-month").before(box);
}

function openDetails(start, hold, seconds) {
  byId("warning")?.remove();
  byId("alternatives")?.remove();
  byId("problems")?.remove();
  const end = new Date(Date.parse(start) + state.minutes * 60000).toISOString();
  byId("start-value").value = start;
  byId("hold-value").value = hold;
  byId("zone-value").value = state.tz;
  byId("mode-value").value = state.mode;
  byId("when-date").textContent = longDate(local(start).date);
  byId("when-time").textContent = `${clock(start)} – ${clock(end)}`;
  byId("when-zone").textContent = zoneWords(start);
  byId("book").closest(".buttons").hidden = false;
  byId("when-words").classList.remove("lost");
  byId("where").hidden = state.mode !== "in_person" || !byId("where").querySelector("dd").textContent;
  for (const words of document.querySelectorAll("[data-mode-words]")) {
    words.textContent = document.querySelector(`[data-mode='${state.mode}']`)?.dataset.words ?? words.textContent;
  }
  countDown(seconds);
  turnTo("details");
  byId("about").focus({ preventScroll: true });
}

/** Back to the times, among them the one that was held until now. */
async function openPicker(changes) {
  clearInterval(ticking);
  turnTo("picker");
  byId("when").focus({ preventScroll: true });
  const hold = byId("hold-value").value;
  byId("hold-value").value = "";
  if (hold) {
    await fetch(`${state.api}/holds/${encodeURIComponent(hold)}`, { method: "DELETE" }).catch(() => {});
  }
  await show(changes, { push: false, say: false });
}

function turnTo(view) {
  byId("picker").hidden = view !== "picker";
  byId("details").hidden = view !== "details";
  const steps = [...document.querySelectorAll(".steps li")];
  steps.forEach((step) => {
    const now = step.dataset.step === (view === "picker" ? "time" : "details");
    if (now) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
    step.classList.toggle("done", step.dataset.step === "service" || (view === "details" && step.dataset.step === "time"));
  });
  document.querySelector(".steps").scrollIntoView({ block: "start" });
}

/** What is left of the hold. It is read out once, and not at every second. */
function countDown(seconds) {
  clearInterval(ticking);
  const box = byId("hold");
  const until = Date.now() + seconds * 1000;
  box.hidden = seconds <= 0;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    const words = byId("hold-words");
    if (left) {
      const minutes = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      words.replaceChildren(...around(state.texts.kept, "{left}", element("strong", {}, minutes)));
    } else {
      words.textContent = state.texts.lapsed;
      words.setAttribute("role", "status");
      clearInterval(ticking);
    }
  };
  if (seconds > 0) {
    tick();
    ticking = setInterval(tick, 1000);
  }
}

function around(text, mark, inside) {
  const [before, after] = text.split(mark);
  return [before, inside, after];
}

// What the page's own links and controls do from now on.

const plain = (event) =>
  event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

byId("picker").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || !plain(event)) return;
  const { date, start, mode } = link.dataset;
  const isMonth = link.id === "earlier" || link.id === "later";
  if (!date && !start && !mode && !isMonth) return;
  event.preventDefault();
  if (start) {
    choose(start, link.href);
  } else if (date) {
    show({ date, month: date.slice(0, 7) }).then(() => toTimes());
  } else if (isMonth) {
    turn(link.id === "later" ? 1 : -1);
  } else {
    show({ mode });
  }
});

/** On a phone the times are below the calendar. */
function toTimes() {
  if (matchMedia("(max-width: 859px)").matches) {
    byId("day").scrollIntoView({ block: "start", behavior: "smooth" });
  }
  byId("day").focus({ preventScroll: true });
}

byId("days").addEventListener("keydown", move);

byId("zone").addEventListener("change", () => {
  state.zoneAsked = true;
  show({ tz: byId("zone").value, date: "", monthAsked: false });
});

for (const id of ["change-time", "time-step"]) {
  byId(id).addEventListener("click", (event) => {
    if (!plain(event)) return;
    event.preventDefault();
    if (byId("details").hidden) return;
    history.pushState(picked(), "", address({}));
    openPicker({});
  });
}

byId("form").addEventListener("submit", (event) => {
  // Enough to keep a double click from sending twice; the key makes twice the same as once.
  setTimeout(() => { for (const button of event.target.querySelectorAll("button")) button.disabled = true; });
});

addEventListener("pageshow", (event) => {
  if (event.persisted) for (const button of byId("form").querySelectorAll("button")) button.disabled = false;
});

addEventListener("popstate", (event) => {
  const was = event.state;
  if (!was) return; // a link within the page
  if (was.lost) {
    turnTo("details");
  } else if (was.start) {
    Object.assign(state, { tz: was.tz, mode: was.mode, month: was.month, date: was.date });
    choose(was.start, location.href, { push: false });
  } else {
    byId("zone").value = was.tz;
    openPicker({ tz: was.tz, mode: was.mode, month: was.month, date: was.date, monthAsked: true });
  }
});

/** The zone of this device by the name that the page knows it by. */
function deviceZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return "";
  const select = byId("zone");
  const options = [...select.options];
  const known = options.find((option) =>
    option.value === zone || option.dataset.old?.split(" ").includes(zone));
  if (known) return known.value;
  select.prepend(new Option(zone, zone));
  return zone;
}

byId("zone-submit").hidden = true;
asGrid();
if (state.step === "details") {
  const seconds = Number(byId("hold").dataset.seconds);
  history.replaceState({ ...picked(), start: byId("start-value").value, lost: state.lost }, "");
  countDown(state.lost ? 0 : seconds);
  byId("problems")?.focus();
} else {
  history.replaceState(picked(), "");
  const zone = state.zoneAsked ? "" : deviceZone();
  if (zone && zone !== state.tz) {
    byId("zone").value = zone;
    const first = document.querySelector("a.time")?.dataset.start;
    state.tz = zone;
    const date = first && !state.dateAsked && !state.monthAsked ? local(first).date : state.date;
    show({ date, month: date.slice(0, 7) || state.month }, { push: false, say: false });
  }
}
