"""The ways in which a session can take place."""

from enum import StrEnum


class Mode(StrEnum):
    """How client and provider meet."""

    TELEHEALTH = "telehealth"
    IN_PERSON = "in_person"
    PHONE = "phone"


ALL_MODES = frozenset(Mode)
