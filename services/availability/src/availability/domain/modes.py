"""Modes: how a session takes place."""

from enum import StrEnum


class Mode(StrEnum):
    """How a session takes place."""

    TELEHEALTH = "telehealth"
    IN_PERSON = "in_person"
    PHONE = "phone"


ALL_MODES = frozenset(Mode)
