// A booking's own page: says what the time is on this device, if that is another than the zone shown.

const locale = document.documentElement.dataset.locale;
const start = document.getElementById("start");
const here = document.getElementById("here");
const select = document.getElementById("zone");
const zone = deviceZone();
const at = new Date(start.dateTime);
const shown = (timeZone) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short", timeZone }).format(at);

/** The zone of this device by the name that the page knows it by. */
function deviceZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return "";
  const options = [...select.options];
  const known = options.find((option) =>
    option.value === zone || option.dataset.old?.split(" ").includes(zone));
  if (known) return known.value;
  select.prepend(new Option(zone, zone));
  return zone;
}

if (zone && shown(zone) !== shown(select.value)) {
  here.replaceChildren(document.createElement("br"), `${zone.split("/").pop().replaceAll("_", " ")}: ${shown(zone)}`);
  here.hidden = false;
}

document.getElementById("zone-submit").hidden = true;
select.addEventListener("change", () => select.form.submit());
document.querySelector("h1[autofocus]")?.focus();
