"""The API's names for the fields of protobuf messages."""

_NAMES = {
    "start_time": "start",
    "hold_id": "hold",
    "first_minute": "from",
    "end_minute": "to",
    "from_time": "from",
    "to_time": "to",
    "from_date": "from",
    "provider_id": "provider",
    "client_id": "client",
    "statuses": "status",
    "page_size": "limit",
    "page_token": "cursor",
    "room_id": "place",
    "currency_code": "currency",
}
# Messages whose fields the API has at the top level.
_WRAPPERS = frozenset({"service_type", "hours", "override", "physical_room"})


def api_name(path: str) -> str:
    """Return the API's name of a field: `hours.blocks[3].room_id` is `blocks[3].place`."""
    parts = path.split(".")
    if parts[0] in _WRAPPERS and len(parts) > 1:
        del parts[0]
    return ".".join(_NAMES.get(part, part) for part in parts)
