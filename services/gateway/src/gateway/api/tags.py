"""The chapters of the OpenAPI document that several resources share."""

from gateway.openapi.operation import Tag

PROVIDERS = Tag("Providers", "What anybody may see of a provider, and free slots.")
BOOKINGS = Tag("Bookings", "Holds and bookings: from a slot to a session.")
PRACTICE = Tag("Practice", "What the practice decides: policies, physical rooms.")
