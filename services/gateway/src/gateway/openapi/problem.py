"""The documented form of problem documents (`gateway.web.problems` writes them)."""

from pydantic import Field

from gateway.openapi.types import Answer


class Problem(Answer):
    """An error (RFC 9457). Switch on `reason`. The texts may change."""

    example = {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "Required.",
        "reason": "INVALID",
        "fields": {"client.email": "Required."},
        "trace_id": "8f0c2b7d5e914a63b1d7e2c09f6a4358",
    }

    type: str
    title: str
    status: int
    detail: str | None = None
    reason: str = Field(description="Stable, such as `SLOT_TAKEN`.")
    fields: dict[str, str] | None = Field(None, description="Each invalid field, with its error.")
    trace_id: str = Field(description="Identifies the request in logs and traces.")
