"""Ids and path values that examples of the API share.

The examples themselves stand with the models in `gateway.schemas`, as `example`.
"""

from collections.abc import Mapping

PROVIDER = "demo"
SERVICE = "therapy-session"
BOOKING_ID = "019a3f52-6c1e-7b3a-9d55-1f0e6a2b8c41"
CLIENT_ID = "019a3f52-6c1e-7d08-8a1f-52c9e07b6d13"
PRACTICE_ID = "019a3f4e-01f2-7a05-8e3c-5d7b9c0a4f61"
PROVIDER_ID = "019a3f4e-02b7-7c44-b6a3-0d9f4e81c27a"
HOLD_ID = "019a3f51-90d4-7a65-a0c8-6b1f3d2e9475"
SERVICE_TYPE_ID = "019a3f4e-0311-7e90-9b07-c4a6d8f1325e"
OVERRIDE_ID = "019a3f55-4f60-7f12-8cd3-7e9a0b4d61f8"
ROOM_ID = "019a3f4e-0377-7138-bb52-3a6c1e8f9d04"
SESSION_ID = "019a3f50-1ae9-7266-9f84-e1d07c5b3a92"
NOTICE_ID = "019a3f58-d3c2-7431-a2e7-9b5f0c8d6e13"
VISITOR = "4Jq0Zt8sVfXw2LbN"
KEY = "5b0f3c9e-8a67-4c1d-9f21-0d6f2a7be413"
TOKEN = "q8Zk3vTn6bYp1cRw"  # noqa: S105  # of no account

PATH: Mapping[str, tuple[str, str]] = {
    "username": ("The provider's username.", PROVIDER),
    "booking_id": ("The booking's id.", BOOKING_ID),
    "client_id": ("The client's id.", CLIENT_ID),
    "hold_id": ("The hold's id.", HOLD_ID),
    "service_type_id": ("The service type's id.", SERVICE_TYPE_ID),
    "override_id": ("The override's id.", OVERRIDE_ID),
    "session_id": ("The session's id.", SESSION_ID),
    "notice_id": ("The notice's id.", NOTICE_ID),
    "token": ("The token of the feed, part of its private address.", TOKEN),
}
"""Parameter of a path → its description and example."""
