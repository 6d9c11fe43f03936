// Reads emails and calendars by programs that Attune does not use itself: `node mails.mjs FILE…`
// prints, for each file, what postal-mime finds in an email, and what ical.js and node-ical find in
// a calendar: a file of its own, or a part of an email.

import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";
import PostalMime from "postal-mime";

const decoder = new TextDecoder("utf-8", { fatal: true });

async function email(path) {
  const read = await PostalMime.parse(readFileSync(path));
  const { from, to, replyTo, subject, messageId, date, text, html } = read;
  const headers = Object.fromEntries(read.headers.map(({ key, value }) => [key, value]));
  const attachments = read.attachments.map(({ filename, mimeType, disposition, method, content }) => ({
    filename, mimeType, disposition, method,
    ...calendar(typeof content === "string" ? content : decoder.decode(content)),
  }));
  return { from, to, replyTo, subject, messageId, date, text, html, headers, attachments };
}

const calendar = (text) => ({ icalJs: byIcalJs(text), nodeIcal: byNodeIcal(text) });

function byIcalJs(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  const value = (of, name) => of.getFirstPropertyValue(name);
  const person = (property) => property && {
    address: property.getFirstValue(), ...property.jCal[1],
  };
  const time = (event, name) => {
    const at = value(event, name);
    if (at.zone !== ICAL.Timezone.utcTimezone) throw new Error(`${name} is not in UTC`);
    return at.toJSDate().toISOString();
  };
  return {
    method: value(calendar, "method"),
    events: calendar.getAllSubcomponents("vevent").map((event) => ({
      uid: value(event, "uid"), sequence: value(event, "sequence"), status: value(event, "status"),
      start: time(event, "dtstart"), end: time(event, "dtend"), summary: value(event, "summary"),
      description: value(event, "description"), location: value(event, "location"),
      url: value(event, "url"), organizer: person(event.getFirstProperty("organizer")),
      attendees: event.getAllProperties("attendee").map(person),
    })),
  };
}

function byNodeIcal(text) {
  const found = Object.values(nodeIcal.sync.parseICS(text));
  const person = (read) => read && {
    address: read.val,
    ...Object.fromEntries(
      Object.entries(read.params).map(([name, value]) => [name.toLowerCase(), value]),
    ),
  };
  return {
    method: found.find(({ type }) => type === "VCALENDAR")?.method ?? found[0].method ?? null,
    events: found.filter(({ type }) => type === "VEVENT").map((event) => ({
      uid: event.uid, sequence: Number(event.sequence), status: event.status,
      start: event.start.toISOString(), end: event.end.toISOString(), summary: event.summary,
      description: event.description ?? null, location: event.location ?? null,
      url: event.url ?? null, organizer: person(event.organizer),
      attendees: event.attendee ? [event.attendee].flat().map(person) : [],
    })),
  };
}

const read = {};
for (const path of process.argv.slice(2)) {
  read[path] = path.endsWith(".eml")
    ? await email(path) : calendar(readFileSync(path, "utf-8"));
}
process.stdout.write(JSON.stringify(read));
