"""The key ring."""

import base64

import pytest

from common.config import Misconfigured
from common.db import encryption

pytestmark = pytest.mark.req("PF-7")
INDEX_KEY = base64.b64encode(bytes(range(32))).decode()


def test_a_new_first_key_encrypts_and_the_old_one_still_decrypts() -> None:
    old = f"k1:{encryption.new_key()}"
    stored = encryption.KeyRing(old, INDEX_KEY).seal(b"text", "t.c:1")
    ring = encryption.KeyRing(f"k2:{encryption.new_key()},{old}", INDEX_KEY)
    assert ring.open(stored, "t.c:1") == b"text"
    assert not ring.is_current(stored)
    assert ring.is_current(ring.seal(b"text", "t.c:1"))


def test_a_lost_key_is_a_clear_error() -> None:
    stored = encryption.KeyRing(f"k1:{encryption.new_key()}", INDEX_KEY).seal(b"text", "t.c:1")
    with pytest.raises(encryption.KeyMissing) as raised:
        encryption.KeyRing(f"k2:{encryption.new_key()}", INDEX_KEY).open(stored, "t.c:1")
    assert (raised.value.reason, str(raised.value)) == (
        "KEY_MISSING",
        "t.c:1: key 'k1' is not here",
    )


@pytest.mark.parametrize("position", [-1, -20, 4])
def test_a_changed_value_is_refused(position: int) -> None:
    ring = encryption.KeyRing(f"k1:{encryption.new_key()}", INDEX_KEY)
    stored = bytearray(ring.seal(b"text", "t.c:1"))
    stored[position] ^= 1
    with pytest.raises(encryption.UndecipherableError) as raised:
        ring.open(bytes(stored), "t.c:1")
    assert raised.value.reason == "UNDECIPHERABLE"


@pytest.mark.parametrize("place", ["t.c:2", "t.d:1", "u.c:1"])
def test_a_value_from_elsewhere_is_refused(place: str) -> None:
    ring = encryption.KeyRing(f"k1:{encryption.new_key()}", INDEX_KEY)
    with pytest.raises(encryption.UndecipherableError) as raised:
        ring.open(ring.seal(b"text", "t.c:1"), place)
    assert str(raised.value) == (
        f"{place}: the value does not belong here, or is under another key 'k1'"
    )


@pytest.mark.parametrize("stored", [b"", b"\x02k", b"\x02k1 cut off", b"\x00", b"Ottilie was here"])
def test_what_was_never_encrypted_is_not_quoted(stored: bytes) -> None:
    ring = encryption.KeyRing(f"k1:{encryption.new_key()}", INDEX_KEY)
    with pytest.raises(encryption.UndecipherableError) as raised:
        ring.open(stored, "t.c:1")
    assert str(raised.value) == "t.c:1: this is no encrypted value"


KEY = "QXR0dW5lJ3Mgb3duIGtleSwgd2hpY2ggaXMgYSBzZWNyZXQ="  # 35 bytes, which is too many
SHAPE = "must look like NAME:BASE64, the name of up to 31 letters, digits, '.', '_' and '-'"


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        ("", f"ENCRYPTION_KEYS: entry 1 {SHAPE}"),
        (KEY, f"ENCRYPTION_KEYS: entry 1 {SHAPE}"),
        (f":{KEY}", f"ENCRYPTION_KEYS: entry 1 {SHAPE}"),
        (f"k 1:{KEY}", f"ENCRYPTION_KEYS: entry 1 {SHAPE}"),
        (f"{'k' * 32}:{KEY}", f"ENCRYPTION_KEYS: entry 1 {SHAPE}"),
        ("k1:", "ENCRYPTION_KEYS: k1 must have 32 bytes, not 0"),
        (f"k1:{KEY}", "ENCRYPTION_KEYS: k1 must have 32 bytes, not 35"),
        (f"k1:{KEY[:-1]}", "ENCRYPTION_KEYS: k1 is not Base64"),
        (f"k1:*{KEY}", "ENCRYPTION_KEYS: k1 is not Base64"),
        (f"k1:é{KEY}", "ENCRYPTION_KEYS: k1 is not Base64"),
        (f"k1:{INDEX_KEY},", f"ENCRYPTION_KEYS: entry 2 {SHAPE}"),
        (f"k1:{INDEX_KEY},k2:{KEY}", "ENCRYPTION_KEYS: k2 must have 32 bytes, not 35"),
        (f"k1:{INDEX_KEY},k1:{INDEX_KEY}", "ENCRYPTION_KEYS: there are two keys 'k1'"),
    ],
)
def test_a_malformed_ring_ends_the_process_with_a_line_that_names_it(ring: str, said: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        encryption.KeyRing(ring, INDEX_KEY)
    assert str(raised.value) == said
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "BLIND_INDEX_KEY must have 32 bytes, not 0"),
        ("x", "BLIND_INDEX_KEY is not Base64"),
        (KEY, "BLIND_INDEX_KEY must have 32 bytes, not 35"),
    ],
)
def test_a_malformed_index_key_is_named_too(key: str, said: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        encryption.KeyRing(f"k1:{encryption.new_key()}", key)
    assert str(raised.value) == said


def test_names_and_values_keep_apart() -> None:
    """The key `k1` is not mistaken for `k11`."""
    short, long = f"k1:{encryption.new_key()}", f"k11:{encryption.new_key()}"
    ring = encryption.KeyRing(f"{short},{long}", INDEX_KEY)
    other = encryption.KeyRing(f"{long},{short}", INDEX_KEY)
    stored = other.seal(b"text", "t.c:1")
    assert not ring.is_current(stored)
    assert (ring.current, ring.names, encryption.key_of(stored)) == ("k1", ["k1", "k11"], "k11")


def test_a_blind_index_depends_on_text_purpose_and_key() -> None:
    ring = encryption.KeyRing(f"k1:{encryption.new_key()}", INDEX_KEY)
    assert ring.index("a@b.example", "email") == ring.index("a@b.example", "email")
    assert ring.index("a@b.example", "email") != ring.index("a@b.example", "phone")
    other = encryption.KeyRing(f"k1:{encryption.new_key()}", encryption.new_key())
    assert ring.index("a@b.example", "email") != other.index("a@b.example", "email")
