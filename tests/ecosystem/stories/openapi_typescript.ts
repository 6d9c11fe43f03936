// Search, hold, book, and cancel with the types that openapi-typescript generates.
// Arguments: the address of Attune, and a provider's username.

import process from "node:process";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const [baseUrl, username] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl });
const visitor = { "X-Visitor-Id": "a-visitor-of-fetch" };

const found = await client.GET("/api/v1/providers/{username}/slots", {
  params: {
    path: { username },
    query: { service: "session", mode: "telehealth", tz: "Europe/Berlin" },
  },
});
const start = found.data?.days.flatMap((day) => day.slots).at(-3)?.start;
if (start === undefined) throw new Error(found.error?.reason ?? "no slots");

const hold = await client.POST("/api/v1/providers/{username}/holds", {
  params: { path: { username }, header: visitor },
  body: { service: "session", mode: "telehealth", start },
});
if (hold.error) throw new Error(hold.error.reason);

const booking = await client.POST("/api/v1/providers/{username}/bookings", {
  params: { path: { username }, header: { ...visitor, "Idempotency-Key": "a-key-of-fetch" } },
  body: {
    service: "session",
    mode: "telehealth",
    start,
    client: { name: "Jane Roe", email: "jane.fetch@mail.example", timezone: "Europe/Berlin" },
    hold: hold.data.hold,
  },
});
if (booking.error) throw new Error(booking.error.reason);

const token = booking.data.manage_url?.split("/").at(-1) ?? "";
const cancelled = await client.POST("/api/v1/bookings/{booking_id}/cancel", {
  params: { path: { booking_id: booking.data.id } },
  headers: { Authorization: `Manage ${token}` },
  body: { reason_text: "I cannot come." },
});
if (cancelled.error) throw new Error(cancelled.error.reason);

const same = Date.parse(booking.data.start) === Date.parse(start);
console.log(JSON.stringify([booking.data.status, cancelled.data.status, same]));
