"""The names of the services, in the order in which they start."""

SERVICES = (
    "availability",
    "booking",
    "telehealth-rooms",
    "notifications",
    "billing",
    "calendar-sync",
)
GATEWAY = "gateway"
OPERATOR = "operator"
"""The issuer of the `attune` command's calls to services."""


def package(service: str) -> str:
    """Return the name of a service's Python package and database, such as `telehealth_rooms`."""
    return service.replace("-", "_")
