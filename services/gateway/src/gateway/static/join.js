// The join page: shows times in the zone of this device and a countdown, and reloads the page when the
// room opens.

const locale = document.documentElement.dataset.locale;
const byId = (id) => document.getElementById(id);
const select = byId("zone");
const asked = new URLSearchParams(location.search).get("tz");
const zone = asked || deviceOption()?.value;

/** Return the option for the zone of this device; undefined if the page has none, or if this browser
 * cannot format the zone. */
function deviceOption() {
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = [...select.options].find((option) =>
    option.value === timeZone || option.dataset.old?.split(" ").includes(timeZone));
  try {
    Intl.DateTimeFormat(locale, { timeZone: known?.value });
    return known;
  } catch {
    return undefined;
  }
}

function show(timeZone) {
  const write = (options, at) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone }).format(new Date(at));
  const { at } = byId("date").dataset;
  byId("date").textContent = write({ dateStyle: "full" }, at);
  byId("span").textContent =
    `${write({ timeStyle: "short" }, at)} – ${write({ timeStyle: "short" }, byId("span").dataset.end)}`;
  const opens = byId("opens");
  if (opens) opens.textContent = write({ timeStyle: "short" }, opens.dataset.at);
  const shift = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "shortOffset" })
    .formatToParts(new Date(at)).find((part) => part.type === "timeZoneName").value
    .replace("GMT", "UTC").replace("-", "−");
  const [name] = select.selectedOptions[0].text.split(/ – | \(/); // as the server names the zone
  byId("zone-words").textContent = name.startsWith("UTC") ? shift : `${name} (${shift})`;
}

if (!asked && zone && zone !== select.value) {
  select.value = zone;
  show(zone);
}

byId("zone-submit").hidden = true;
select.addEventListener("change", () => select.form.submit());

const box = byId("countdown");
if (box) {
  const until = performance.now() + Number(box.dataset.seconds) * 1000;
  const shown = box.querySelector("span");
  box.hidden = false;
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const [days, hours] = [Math.floor(left / 86400), Math.floor((left % 86400) / 3600)];
    const two = (number) => String(number).padStart(2, "0");
    const rest = `${two(Math.floor((left % 3600) / 60))}:${two(left % 60)}`;
    const unit = (value, name) =>
      new Intl.NumberFormat(locale, { style: "unit", unit: name, unitDisplay: "long" }).format(value);
    if (days) shown.textContent = unit(days, "day");
    else shown.textContent = hours ? `${hours}:${rest}` : rest;
    if (left) return;
    clearInterval(timer);
    location.reload();
  };
  const timer = setInterval(tick, 1000);
  tick();
}
