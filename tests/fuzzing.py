"""All RPCs of the contracts, and random messages for them, from plausible ones with a fault or two
to pure noise. New RPCs and fields are found automatically."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

import attune
from common.services import SERVICES, package

Pool = Mapping[str, Sequence[Any]]
"""Values that mean something, by the name of the field they belong to."""

_NOBODY = "00000000-0000-0000-0000-000000000000"
_TEXTS = [
    *("", " ", "\0", "a\0b", "\t", "a\r\nBcc: b@c.example", "\x1b[31m", "\x7f", "\u0085", "\u2028"),
    *("\u202egnp.exe", "\U0001f642" * 50, "e\u0301", "\ufeff", "\uffff", "\U0010ffff", "İßﬁ"),
    *("x" * 300, "x" * 5_000, "é" * 70_000, "9" * 400, "-1", "0", "NaN", "1e309", "null", "{}"),
    # Digits, for those who do not say which.
    *("\u0663", "\u00b2", "\u2167", "\uff11\uff12:\uff10\uff10", "\u0661\u0660:\u0660\u0660"),
    *("\uff10" * 32, _NOBODY, f"{{{_NOBODY}}}", f"urn:uuid:{_NOBODY}", "0x", "1_0", " 1", "+1"),
    *("Mars/Olympus", "../etc/passwd", "/etc/passwd", "localtime", "posixrules", "UTC\0", "utc"),
    *("24:00", "24:01", "25:61", "9:00", "2024-02-30", "0000-00-00", "9999-12-31", "2100-12-31"),
    *("a@b", "a@b.c", "@", f"{'a' * 64}@{'b' * 190}.example", '"a b"@c.example', "a@[1.2.3.4]"),
    *("a@xn--.example", "é@é.example", "+", "+1", "+" + "1" * 38, "tel:+12125550100;ext=1"),
    *("'; DROP TABLE bookings; --", "%s", "${x}", "{0}", "<b>", "=?utf-8?q?x?=", "a" * 129),
    *("AAAA", "A" * 32, "====", "-_-_", "MA", "MTk3MC0wMS0wMSBub25l", "9" * 15, "9" * 15 + ".1"),
    *(".", "1.", ".1", "1.2.3", "-1.-1"),
]
_SECONDS = [
    *(0, 1, -1, 59, 60, 946_684_799, 946_684_800, 4_133_980_799, 4_133_980_800),
    *(-62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800),
    *(2**31, 2**53, 2**63 - 1, -(2**63)),
]
_NANOS = [0, 0, 0, 1, -1, 999_999_999, 1_000_000_000, 2**31 - 1, -(2**31)]
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
}
_FRACTIONS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


@dataclass(frozen=True)
class Rpc:
    """One RPC of one service."""

    service: str  # as in common.services.SERVICES
    path: str
    request: type[Message]
    response: type[Message]

    def __str__(self) -> str:
        return f"{self.service}/{self.path.rpartition('/')[2]}"


def rpcs() -> list[Rpc]:
    """Return every RPC of the contracts, once for each service that serves it."""
    by_package = {package(name): (name,) for name in SERVICES}
    return [
        Rpc(
            name,
            f"/{service.full_name}/{method.name}",
            message_factory.GetMessageClass(method.input_type),
            message_factory.GetMessageClass(method.output_type),
        )
        for service, method in _methods()
        for name in by_package.get(service.file.package.split(".")[1], SERVICES)
    ]


def _methods() -> Iterator[tuple[Any, MethodDescriptor]]:
    generated = Path(next(iter(attune.__path__)))
    for path in sorted(generated.rglob("*_pb2.py")):
        name = ".".join(path.relative_to(generated.parent).with_suffix("").parts)
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                yield service, method


def payloads(kind: type[Message], pool: Pool) -> SearchStrategy[bytes]:
    """Return a strategy for serialized messages; a few are damaged, and a few are random bytes."""
    sound = messages(kind, pool).map(lambda made: made.SerializeToString())
    return st.integers(0, 19).flatmap(
        lambda n: sound if n > 2 else damaged(sound) if n else st.binary(max_size=60)
    )


@st.composite
def damaged(draw: DrawFn, whole: SearchStrategy[bytes]) -> bytes:
    """Draw a payload of which a few bytes were changed, cut off, or doubled."""
    payload = bytearray(draw(whole)[:2_000])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(payload)))
        end = min(len(payload), at + draw(st.integers(0, 4)))
        payload[at:end] = draw(
            st.one_of(st.binary(max_size=4), st.just(bytes(payload[at:end] * 2)))
        )
    return bytes(payload)


@st.composite
def messages(draw: DrawFn, kind: type[Message], pool: Pool) -> Any:
    """Draw a message whose fields are plausible, except for a share that the draw makes strange."""
    strange = draw(st.sampled_from([0, 0, 5, 10, 25, 50, 100]))  # per cent of the fields
    return _message(draw, kind.DESCRIPTOR, pool, strange)


def _message(draw: DrawFn, kind: Any, pool: Pool, strange: int) -> Any:
    message: Any = message_factory.GetMessageClass(kind)()
    if kind.full_name == "google.protobuf.Timestamp":
        odd = draw(st.integers(1, 100)) <= strange
        known = pool.get("seconds", (0,))
        message.seconds = draw(st.sampled_from(_SECONDS if odd else known))
        message.nanos = draw(st.sampled_from(_NANOS)) if odd else 0
        return message
    for field in kind.fields:
        odd = draw(st.integers(1, 100)) <= strange
        if odd and draw(st.booleans()):
            continue  # left out
        if field.is_repeated:
            many = draw(st.sampled_from([0, 1, 2, 17, 300])) if odd else draw(st.integers(0, 2))
            one = _value(draw, field, pool, strange, odd)
            if field.message_type is not None:
                getattr(message, field.name).extend([one] * many)
            else:
                rest = [_value(draw, field, pool, strange, odd) for _ in range(min(many, 3))]
                getattr(message, field.name).extend([*rest, *[one] * (many - len(rest))])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(_value(draw, field, pool, strange, odd))
        else:
            setattr(message, field.name, _value(draw, field, pool, strange, odd))
    return message


def _value(draw: DrawFn, field: FieldDescriptor, pool: Pool, strange: int, odd: bool) -> Any:
    if field.message_type is not None:
        return _message(draw, field.message_type, pool, strange)
    if not odd and field.name in pool:
        return draw(st.sampled_from(pool[field.name]))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return draw(st.booleans())
    if field.cpp_type in _FRACTIONS:
        return draw(st.floats(width=32))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return draw(_text(field.type == FieldDescriptor.TYPE_BYTES, pool, odd))
    least, most = _RANGES[field.cpp_type]
    if field.enum_type is not None and not odd:
        return draw(st.sampled_from([value.number for value in field.enum_type.values[1:]]))
    if not odd:
        return draw(st.sampled_from([5, 15, 60]))
    return draw(st.one_of(st.sampled_from([least, most, 0, 1, 99]), st.integers(least, most)))


def _text(binary: bool, pool: Pool, odd: bool) -> SearchStrategy[Any]:
    if binary:
        return st.binary(max_size=100)
    if not odd:
        return st.sampled_from(["", "Words"])
    # What is right elsewhere, such as another kind's id, reaches further than noise.
    elsewhere = [v for values in pool.values() for v in values if isinstance(v, str)]
    return st.one_of(
        st.sampled_from(_TEXTS),
        st.sampled_from(elsewhere or [""]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    )
