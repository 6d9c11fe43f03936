"""The documented form of problem documents (`gateway.web.problems` writes them)."""

from pydantic import Field

from gateway.openapi.types import Answer


class Problem(Answer):
    """A failure (RFC 9457). Switch on `reason`; the texts may change."""

    type: str
    title: str
    status: int
    detail: str | None = None
    reason: str = Field(description="Stable, in capitals, such as `SLOT_TAKEN`.")
    fields: dict[str, str] | None = Field(None, description="The offending fields, and why.")
    trace_id: str = Field(description="Identifies this request in logs and traces.")
