"""Wrong requests of every kind, each with personal data: to every operation of the API, to every
RPC, and to gunicorn itself."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from attune_local.stack import Stack
from common.errors import DomainError
from common.rpc import channels
from common.rpc.identity import METADATA, VISITOR, Identity, Signer, acting_as
from common.services import GATEWAY
from tests.fuzzing import Rpc, rpcs
from tests.personal_data import seeds
from tests.personal_data.clinic import Caller

TYPED = f"{seeds.NAME} {seeds.EMAIL} {seeds.PHONE}"
PUBLISHED = ("practices", "physical-rooms", "service-types", "policies")
"""What is made there is shown to everybody, so that nothing personal may be sent, unless it is
refused."""
_PUBLISHING = ("CreatePractice", "CreateProvider", "CreatePhysicalRoom", "ServiceType")
_DEPTH = 4


def ask_all_operations(document: dict[str, Any], stranger: Caller, owner: Caller) -> int:
    """Call every operation of the OpenAPI document with seeds in its path, query, and body; return
    their number."""
    count = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            count += 1
            bodies = list(_bodies(path, operation, document))
            _ask(stranger, method, path, operation, bodies[0])
            if path.endswith("/logout"):
                continue  # the others want an owner who is signed in
            for body in bodies:
                _ask(owner, method, path, operation, body)
    return count


def _ask(
    caller: Caller, method: str, path: str, operation: dict[str, Any], body: bytes | None
) -> None:
    query = {}
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", TYPED)
        elif parameter["in"] == "query":
            query[parameter["name"]] = TYPED
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"{seeds.KEY} {seeds.EMAIL}"}
    caller.ask(method, path, params=query, data=body, headers=headers)


def _bodies(
    path: str, operation: dict[str, Any], document: dict[str, Any]
) -> Iterator[bytes | None]:
    if "requestBody" not in operation:
        yield None
        return
    [content] = operation["requestBody"]["content"].values()
    filled = _filled(content["schema"], document["components"]["schemas"])
    yield json.dumps({**filled, "nickname": TYPED}).encode()
    if not any(part in path for part in PUBLISHED):
        yield json.dumps(filled).encode()
    yield json.dumps({name: [TYPED] for name in filled}).encode()
    yield f'{{"name": "{TYPED}", '.encode() + b"\xff"


def _filled(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return a value that matches the schema, with seeds for all texts."""
    if reference := schema.get("$ref"):
        return _filled(schemas[reference.rpartition("/")[2]], schemas)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _filled(schema[choice][0], schemas)
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {}).items()
        return {name: _filled(part, schemas) for name, part in properties}
    if kind == "array":
        return [_filled(schema["items"], schemas)]
    return {"integer": 1, "number": 1, "boolean": True}.get(str(kind), TYPED)


def ask_all_rpcs(stack: Stack, practice_id: str, errors: list[str]) -> int:
    """Call every RPC of every service with seeds in all texts, as each permitted caller, and note
    the statuses. Return the number of RPCs."""
    signer = Signer(GATEWAY, stack.secrets.identity_keys[GATEWAY][0])
    callers = (
        VISITOR,
        Identity(f"account:{practice_id}", practice_id, frozenset({"owner"})),
        Identity(f"client:{practice_id}", practice_id, client_id=practice_id),
        Identity("service:gateway", practice_id),
    )
    found = rpcs()
    for rpc in found:
        address = f"127.0.0.1:{stack.ports[rpc.service][0]}"
        with channels.channel(f"ipv4:{address}", signer) as channel:
            publishes = any(part in rpc.path for part in _PUBLISHING)
            for caller in callers[:1] if publishes else callers:
                for request in (_message(rpc.request.DESCRIPTOR, w) for w in (seeds.WORD, TYPED)):
                    with acting_as(caller):
                        _call(channel, rpc, request, errors)
        _call_raw(address, rpc, errors)
    return len(found)


def _call(channel: grpc.Channel, rpc: Rpc, request: Message, errors: list[str]) -> None:
    call: Any = channel.unary_unary(
        rpc.path,
        request_serializer=rpc.request.SerializeToString,
        response_deserializer=rpc.response.FromString,
    )
    try:
        call(request)
    except DomainError as error:
        errors.append(f"{rpc} {error.reason} {error} {error.field} {error.details}")


def _call_raw(address: str, rpc: Rpc, errors: list[str]) -> None:
    """Send bytes that are no message, without a valid identity, with a trace of its own."""
    metadata = [
        (METADATA, f"{seeds.WORD}.{seeds.WORD}.{seeds.WORD}"),
        ("attune-origin", f"{seeds.WORD} {seeds.WORD}"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", f"{seeds.WORD}={seeds.WORD}"),
        ("baggage", f"{seeds.WORD}={seeds.WORD}"),
    ]
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(rpc.path)
        try:
            call(TYPED.encode(), metadata=metadata, timeout=10)
        except grpc.RpcError as error:
            told: Any = error
            errors.append(f"{rpc} {told.code()} {told.details()} {told.trailing_metadata()}")


def _message(kind: Any, text: str, depth: int = 0) -> Message:
    message: Any = message_factory.GetMessageClass(kind)()
    for one in kind.fields:
        if one.message_type is not None:
            if depth < _DEPTH and not one.message_type.GetOptions().map_entry:
                part = _message(one.message_type, text, depth + 1)
                if one.is_repeated:
                    getattr(message, one.name).append(part)
                else:
                    getattr(message, one.name).CopyFrom(part)
        elif one.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            value: Any = text.encode() if one.type == FieldDescriptor.TYPE_BYTES else text
            if one.is_repeated:
                getattr(message, one.name).append(value)
            else:
                setattr(message, one.name, value)
        elif one.cpp_type == FieldDescriptor.CPPTYPE_ENUM and not one.is_repeated:
            setattr(message, one.name, 1)
    filled: Message = message
    return filled


def ask_gunicorn(port: int, errors: list[str]) -> None:
    """Send lines that are not HTTP, and note the responses."""
    word = seeds.WORD
    good = "Host: 127.0.0.1"
    for lines in (
        [word],
        [f"GET /manage/{word} HTTP/9.9", good],
        [f"{word} /{word} HTTP/1.1 {word}", good],
        [f"{word}! /manage/{word} HTTP/1.1", good],
        [f"{word.upper()} /manage/{word} HTTP/1.1", good, "Connection: close"],
        [f"GET /manage/{word} HTTP/1.1", good, f"{word} {word}: x"],
        [f"GET /manage/{word} HTTP/1.1", good, f"X-{word}: \x01{word}"],
        [f"GET /manage/{word} HTTP/1.1", good, f"Content-Length: {word}"],
        ["POST /signin HTTP/1.1", good, f"Transfer-Encoding: {word}"],
        ["POST /signin HTTP/1.1", good, "Transfer-Encoding: chunked", "", word],
        [f"GET /manage/{word} HTTP/1.1", good, f"Expect: {word}"],
        [f"GET /{word * 2000} HTTP/1.1", good],
        [f"GET /manage/{word} HTTP/1.1", good, *(f"X-{word}-{n}: {n}" for n in range(100))],
        [f"GET /{word} HTTP/1.1", f"Host: {word}.example", "Connection: close"],
        [f"GET /{word} HTTP/1.1", f"Host: {word} {word}", "Connection: close"],
        [f"PROXY {word}", f"GET /{word} HTTP/1.1", good],
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(OSError):
                while part := connection.recv(65536):
                    answer += part
            errors.append(answer.decode("latin-1"))
