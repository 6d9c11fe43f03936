// The way into a video room: times on this device's clock, a countdown, and the page again once the
// room opens.

const locale = document.documentElement.dataset.locale;
const byId = (id) => document.getElementById(id);
const select = byId("zone");
const asked = new URLSearchParams(location.search).get("tz");
const zone = asked || Intl.DateTimeFormat().resolvedOptions().timeZone;

function show(timeZone) {
  const write = (options, at) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone }).format(new Date(at));
  const { at } = byId("date").dataset;
  byId("date").textContent = write({ dateStyle: "full" }, at);
  byId("span").textContent =
    `${write({ timeStyle: "short" }, at)} – ${write({ timeStyle: "short" }, byId("span").dataset.end)}`;
  byId("opens").textContent = write({ timeStyle: "short" }, byId("opens").dataset.at);
  const name = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: "longOffset" })
    .formatToParts(new Date(at)).find((part) => part.type === "timeZoneName").value;
  byId("zone-words").textContent = `${timeZone.split("/").pop().replaceAll("_", " ")} (${name})`;
}

if (!asked && zone && zone !== select.value) {
  if (![...select.options].some((option) => option.value === zone)) {
    select.prepend(new Option(zone, zone));
  }
  select.value = zone;
  show(zone);
}

byId("zone-submit").hidden = true;
select.addEventListener("change", () => select.form.submit());

const box = byId("countdown");
if (box) {
  const until = performance.now() + Number(box.dataset.seconds) * 1000;
  box.hidden = false;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const [days, hours] = [Math.floor(left / 86400), Math.floor((left % 86400) / 3600)];
    const two = (number) => String(number).padStart(2, "0");
    const rest = `${two(Math.floor((left % 3600) / 60))}:${two(left % 60)}`;
    const unit = (value, name) =>
      new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
    if (days) box.textContent = unit(days, "day");
    else box.textContent = hours ? `${hours}:${rest}` : rest;
    if (left) return;
    clearInterval(timer);
    location.reload();
  };
  const timer = setInterval(tick, 1000);
  tick();
}
