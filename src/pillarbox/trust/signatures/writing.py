"""A signature field as octets: folded (RFC 5322 §2.2.3), with `b=` as its last tag.

RFC 6376 §3.7: what is signed includes the field itself, with its folds, and `b=` without a value.
"""

import binascii
from collections.abc import Sequence
from typing import Final

from pillarbox.trust.signatures.arithmetic import sha256, sign
from pillarbox.trust.signatures.signed_header import Canonicalization, own_field
from pillarbox.trust.signatures.signing_key import SigningKey

MAX_LINE_OCTETS: Final = 76
"""A line, without CRLF; a word that is longer has one for itself (RFC 5322 §2.1.1 wants 78 at most)."""


def base64(octets: bytes) -> str:
    """On one line."""
    return binascii.b2a_base64(octets, newline=False).decode()


class FoldedField:
    """A field that is written word by word."""

    def __init__(self, name: bytes) -> None:
        self._lines: list[bytes] = []
        self._line = name + b":"

    def word(self, word: bytes, *, glued: bool = False) -> None:
        """Adds a word, after a blank or, `glued`, after nothing; at a fold there is always one."""
        if len(self._line) + len(word) + (not glued) > MAX_LINE_OCTETS and self._line.strip():
            self._lines.append(self._line)
            self._line = b" " + word
        else:
            self._line += word if glued else b" " + word

    def tag(self, tag: str) -> None:
        """Adds a tag, `d=example.org`."""
        self.word(tag.encode() + b";")

    def names(self, names: Sequence[bytes]) -> None:
        """Adds `h=`."""
        last = len(names) - 1
        for place, name in enumerate(names):
            self.word(
                (b"" if place else b"h=") + name + (b";" if place == last else b":"),
                glued=bool(place),
            )

    def text(self, text: bytes) -> None:
        """Adds what may be folded anywhere, as base64."""
        while text:
            room = MAX_LINE_OCTETS - len(self._line)
            self._line += text[:room]
            text = text[room:]
            if text:
                self._lines.append(self._line)
                self._line = b" "

    def octets(self) -> bytes:
        """The field, with the CRLF at its end."""
        return b"\r\n".join([*self._lines, self._line, b""])

    def signed(self, key: SigningKey, covered: bytes) -> bytes:
        """The field with its signature, of what it covers and itself, in relaxed form."""
        self.word(b"b=")
        own = own_field(self.octets(), Canonicalization.RELAXED)
        self.text(base64(sign(key.key, sha256(covered + own))).encode())
        return self.octets()
