// A booking's own page: shows the time in the zone of this device, if the page shows another zone.

const locale = document.documentElement.dataset.locale;
const start = document.getElementById("start");
const here = document.getElementById("here");
const select = document.getElementById("zone");
const device = deviceOption();
const at = new Date(start.dateTime);
const shown = (timeZone) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short", timeZone }).format(at);

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

if (device && shown(device.value) !== shown(select.value)) {
  const [name] = device.text.split(/ – | \(/); // as the server names the zone
  here.replaceChildren(document.createElement("br"), `${name}: ${shown(device.value)}`);
  here.hidden = false;
}

document.getElementById("zone-submit").hidden = true;
select.addEventListener("change", () => select.form.submit());
document.querySelector("h1[autofocus]")?.focus();
