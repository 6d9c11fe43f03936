"""The chapters of the OpenAPI document that several resources share."""

from gateway.openapi.operation import Tag

PROVIDERS = Tag("Providers", "Public profiles and open slots.")
BOOKINGS = Tag("Bookings", "From a slot to a session: hold, book, approve, cancel, and complete.")
PRACTICE = Tag("Practice", "Policies and rooms of the practice.")
