"""Conversions between protobuf messages, rows, and the values of the domain."""

from availability.messages.hours import UnknownRoom, override, parse_blocks, weekly_hours
from availability.messages.policies import (
    effective_policies,
    parse_policies,
    policies_of,
    policy_settings,
)
from availability.messages.providers import practice, profile, provider, room
from availability.messages.service_types import (
    parse_service_type,
    parse_service_type_changes,
    service_type,
    service_type_row,
)
from availability.messages.slots import search_response, terms
from availability.messages.values import client_status, minute, mode

__all__ = [
    "UnknownRoom",
    "client_status",
    "effective_policies",
    "minute",
    "mode",
    "override",
    "parse_blocks",
    "parse_policies",
    "parse_service_type",
    "parse_service_type_changes",
    "policies_of",
    "policy_settings",
    "practice",
    "profile",
    "provider",
    "room",
    "search_response",
    "service_type",
    "service_type_row",
    "terms",
    "weekly_hours",
]
