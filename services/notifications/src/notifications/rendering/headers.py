"""The form of an email's headers."""

from email.header import Header
from email.headerregistry import Address
from email.policy import SMTP, EmailPolicy
from typing import Any, Final

_LINE = 76  # characters (RFC 2047 §2)


class HeaderPolicy(EmailPolicy):
    """SMTP's policy, but for texts that need encoded words.

    The email package of Python 3.11 drops the spaces between two encoded words of one text
    (python/cpython#92081): readers join such words (RFC 2047 §6.2).
    """

    def _fold(self, name: str, value: Any, refold_binary: bool = False) -> str:
        addresses = getattr(value, "addresses", None)
        if addresses is not None and any(_needs_words(a.display_name) for a in addresses):
            listed = ", ".join(self._address(name, address) for address in addresses)
            return f"{name}: {listed}{self.linesep}"
        if addresses is None and isinstance(value, str) and _needs_words(value):
            return f"{name}: {self._encoded(name, value)}{self.linesep}"
        folded: str = super()._fold(name, value, refold_binary)  # type: ignore[misc]  # private
        return folded

    def _address(self, name: str, address: Address) -> str:
        if not _needs_words(address.display_name):
            return str(address)
        # On a line of its own: an encoded word may be as long as a line.
        words = self._encoded(name, address.display_name)
        return f"{words}{self.linesep} <{address.addr_spec}>"

    def _encoded(self, name: str, text: str) -> str:
        header = Header(text, "utf-8", header_name=name, maxlinelen=_LINE)
        return header.encode(linesep=self.linesep)


def _needs_words(text: str) -> bool:
    """Return whether a text needs encoded words: also one that readers take for an encoded word,
    even between quotes."""
    return not text.isascii() or "=?" in text


# Seven bits: the same bytes pass every server, whether or not it offers 8BITMIME.
POLICY: Final = HeaderPolicy(
    linesep=SMTP.linesep, max_line_length=SMTP.max_line_length, cte_type="7bit"
)
