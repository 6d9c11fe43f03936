"""The key ring."""

import pytest

from common import crypto

pytestmark = pytest.mark.req("PF-7")
INDEX_KEY = crypto.new_key()


def test_a_new_first_key_encrypts_and_the_old_one_still_decrypts() -> None:
    old = f"k1:{crypto.new_key()}"
    stored = crypto.KeyRing(old, INDEX_KEY).seal(b"text", "t.c:1")
    ring = crypto.KeyRing(f"k2:{crypto.new_key()},{old}", INDEX_KEY)
    assert ring.open(stored, "t.c:1") == b"text"
    assert not ring.is_current(stored)
    assert ring.is_current(ring.seal(b"text", "t.c:1"))


def test_a_lost_key_is_a_clear_error() -> None:
    stored = crypto.KeyRing(f"k1:{crypto.new_key()}", INDEX_KEY).seal(b"text", "t.c:1")
    with pytest.raises(crypto.UndecipherableError, match=r"t\.c:1: key 'k1' is not here"):
        crypto.KeyRing(f"k2:{crypto.new_key()}", INDEX_KEY).open(stored, "t.c:1")


def test_a_changed_value_is_refused() -> None:
    ring = crypto.KeyRing(f"k1:{crypto.new_key()}", INDEX_KEY)
    stored = bytearray(ring.seal(b"text", "t.c:1"))
    stored[-1] ^= 1
    with pytest.raises(crypto.UndecipherableError):
        ring.open(bytes(stored), "t.c:1")


def test_a_blind_index_depends_on_text_purpose_and_key() -> None:
    ring = crypto.KeyRing(f"k1:{crypto.new_key()}", INDEX_KEY)
    assert ring.index("a@b.example", "email") == ring.index("a@b.example", "email")
    assert ring.index("a@b.example", "email") != ring.index("a@b.example", "phone")
    other = crypto.KeyRing(f"k1:{crypto.new_key()}", crypto.new_key())
    assert ring.index("a@b.example", "email") != other.index("a@b.example", "email")
