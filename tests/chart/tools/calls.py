"""Whom each service connects to, read from its code: channels, events, database, and mail."""

import ast
import importlib
from dataclasses import MISSING, Field, fields
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

from common.services import GATEWAY, SERVICES, package

ALL = (*SERVICES, GATEWAY)
_TARGET = "_target"


@cache
def settings_class(service: str) -> Any:
    """Return the class of a service's settings."""
    return importlib.import_module(f"{package(service)}.settings").Settings


def settings_fields(service: str) -> dict[str, Field[Any]]:
    """Return the fields of a service's settings by the variable that each is read from."""
    return {field.name.upper(): field for field in fields(settings_class(service))}


def targets(service: str) -> set[str]:
    """Return the services whose addresses are among a service's settings."""
    names = (field.name for field in fields(settings_class(service)))
    return {_service(name) for name in names if name.endswith(_TARGET)}


def channels(service: str) -> set[str]:
    """Return the services to which a service's code opens channels.

    The gateway makes its channels in one loop, over a table of targets; the others make each by
    `service.channel(settings.<name>_target)`.
    """
    found = set()
    for node in _nodes(service):
        match node:
            case ast.Call(func=ast.Attribute(attr="channel"), args=[target, *_]):
                found |= _targets_in(target)
            case ast.Assign(targets=[ast.Attribute(attr="targets")], value=ast.Dict() as table):
                found |= _targets_in(*table.values)
    return found


def mentioned(service: str) -> set[str]:
    """Return the services whose targets a service's code reads at all."""
    return _targets_in(*_nodes(service))


def uses_nats(service: str) -> bool:
    """Return whether a service connects to NATS: `common.service.Service` does."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Service"
        for node in _nodes(service)
    )


def subscribes(service: str) -> set[str]:
    """Return the subjects of the events that a service handles with its durable consumer."""
    name = f"{package(service)}.events"
    if util.find_spec(name) is None:
        return set()
    return set(importlib.import_module(name).handlers.by_subject)


def emits(service: str) -> set[str]:
    """Return the subjects of a service's own events that its code names."""
    name = f"attune.{package(service)}.v1.events_pb2"
    if service == GATEWAY or util.find_spec(name) is None:
        return set()
    named = {node.id for node in _nodes(service) if isinstance(node, ast.Name)}
    events = importlib.import_module(name).DESCRIPTOR.message_types_by_name
    return {event.full_name for kind, event in events.items() if kind in named}


def sends_mail(service: str) -> bool:
    """Return whether a service has a mail server among its settings."""
    return "SMTP_URL" in settings_fields(service)


def has_database(service: str) -> bool:
    """Return whether a service cannot start without a database."""
    return settings_fields(service)["DATABASE_URL"].default is MISSING


def _service(name: str) -> str:
    return name.removesuffix(_TARGET).replace("_", "-")


def _targets_in(*nodes: ast.AST) -> set[str]:
    return {
        _service(node.attr)
        for node in nodes
        if isinstance(node, ast.Attribute) and node.attr.endswith(_TARGET)
    }


@cache
def _nodes(service: str) -> list[Any]:
    """Return all nodes of the syntax trees of a service's code."""
    (folder,) = importlib.import_module(package(service)).__path__
    trees = (ast.parse(path.read_text()) for path in sorted(Path(folder).rglob("*.py")))
    return [node for tree in trees for node in ast.walk(tree)]
