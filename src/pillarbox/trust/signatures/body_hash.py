"""Hashes of the body in canonical form, of octets as they come (RFC 6376 §3.4.3, §3.4.4, §3.7).

    bodies = BodyHashes()
    wanted = bodies.add(Canonicalization.RELAXED)
    for piece in body:
        bodies.update(piece)
    bodies.finish()
    wanted.digest(), wanted.covers_all

The body is brought into each canonical form once, for all signatures that use it; `l=` only cuts what is hashed. Where
the body is cut into pieces makes no difference. Lines are not looked at one by one: what a form changes (white space)
is found by searches that run in C, a slice at a time.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from pillarbox.mail.slices import SLICE_OCTETS
from pillarbox.trust.signatures.signed_header import Canonicalization

_CRLF: Final = b"\r\n"
_MANY: Final = 16 * 1024
_MANY_CRLFS: Final = _CRLF * _MANY
# Reversed octets: the lines that are empty at the end, and a CR whose LF may come
_EMPTY_LINES: Final = re.compile(rb"\r?(?:\n\r)*")


class BodyHash:
    """The hash of one form of the body, up to a length."""

    __slots__ = ("_left", "_sha256", "limit", "octets")

    def __init__(self, limit: int | None) -> None:
        self._sha256 = hashlib.sha256(usedforsecurity=False)
        self.limit = limit
        """Octets of the canonical form that are hashed (`l=`); `None` for all."""
        self._left = limit
        self.octets = 0
        """Octets of the canonical form."""

    @property
    def covers_all(self) -> bool:
        """No octet of the body is left out."""
        return self.limit is None or self.limit >= self.octets

    @property
    def lacks(self) -> bool:
        """The body is shorter than the length that was to be hashed, which RFC 6376 §3.5 forbids."""
        return self.limit is not None and self.limit > self.octets

    def digest(self) -> bytes:
        """The SHA-256 of what was covered."""
        return self._sha256.digest()

    def feed(self, octets: bytes) -> None:
        """Octets of the canonical form."""
        self.octets += len(octets)
        if self._left is None:
            self._sha256.update(octets)
        elif self._left:
            self._sha256.update(octets[: self._left])
            self._left = max(0, self._left - len(octets))


class BodyHashes:
    """All hashes of one body that its signatures need."""

    __slots__ = ("_forms", "_hashes")

    def __init__(self) -> None:
        self._hashes: dict[tuple[Canonicalization, int | None], BodyHash] = {}
        self._forms: dict[Canonicalization, _Simple] = {}

    def add(self, form: Canonicalization, limit: int | None = None) -> BodyHash:
        """The hash of this form. To be called before the first octet comes."""
        wanted = self._hashes.get((form, limit))
        if wanted is None:
            wanted = self._hashes[form, limit] = BodyHash(limit)
            if form not in self._forms:
                self._forms[form] = _Relaxed() if form is Canonicalization.RELAXED else _Simple()
            self._forms[form].hashes.append(wanted)
        return wanted

    def update(self, octets: bytes) -> None:
        """The next octets of the body. Empty lines that came before, and were held back, are hashed with them."""
        if len(octets) <= SLICE_OCTETS:
            for form in self._forms.values():
                form.update(octets)
            return
        for at in range(0, len(octets), SLICE_OCTETS):
            piece = octets[at : at + SLICE_OCTETS]
            for form in self._forms.values():
                form.update(piece)

    def finish(self) -> None:
        """The body is complete. To be called once."""
        for form in self._forms.values():
            form.finish()


def digest_of_pieces(body: Iterable[bytes]) -> bytes:
    """The SHA-256 of a body that is there in pieces, in relaxed form."""
    bodies = BodyHashes()
    found = bodies.add(Canonicalization.RELAXED)
    for piece in body:
        bodies.update(piece)
    bodies.finish()
    return found.digest()


def body_digest(body: bytes) -> bytes:
    """The SHA-256 of a whole body in relaxed form."""
    return digest_of_pieces((body,))


class _Simple:
    """RFC 6376 §3.4.3: empty lines at the end become one CRLF."""

    __slots__ = ("_begun", "_cr", "_empty_lines", "hashes")

    def __init__(self) -> None:
        self.hashes: list[BodyHash] = []
        self._empty_lines = 0
        """CRLFs that came last: they count only if something follows them. A number, however many they are."""
        self._cr = False
        """A CR came last, whose LF may come."""
        self._begun = False
        """Something else than CRLFs has come."""

    def update(self, octets: bytes) -> None:
        if self._cr:
            octets = b"\r" + octets
        rest = len(octets.rstrip(_CRLF))
        held = _EMPTY_LINES.match(octets[rest:][::-1])
        assert held is not None
        kept, self._cr = len(octets) - held.end(), octets.endswith(b"\r")
        if kept:
            self._flush()
            self._feed(octets if kept == len(octets) else octets[:kept])
            self._begun = True
        self._empty_lines += (held.end() - self._cr) // 2

    def finish(self) -> None:
        if self._cr:
            self._flush()
            self._feed(b"\r")
            self._begun = True
        if self._begun or self._counts_empty():
            self._feed(_CRLF)

    def _counts_empty(self) -> bool:
        """Whether a body without any text counts as an empty line."""
        return True

    def _feed(self, octets: bytes) -> None:
        for each in self.hashes:
            each.feed(octets)

    def _flush(self) -> None:
        """Lines that turned out not to be the last."""
        lines, self._empty_lines = self._empty_lines, 0
        while lines > _MANY:
            self._feed(_MANY_CRLFS)
            lines -= _MANY
        if lines:
            self._feed(_CRLF * lines)


class _Relaxed(_Simple):
    """RFC 6376 §3.4.4: and white space within lines is one blank, at their ends none."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        super().__init__()
        self._held = b""
        """A blank that came last, maybe with a CR: a line may end here. At most two octets."""

    def update(self, octets: bytes) -> None:
        octets = self._held + octets if self._held else octets
        if b"\t" in octets:
            octets = octets.replace(b"\t", b" ")
        while b"  " in octets:  # each turn halves the longest run
            octets = octets.replace(b"  ", b" ")
        if b" \r\n" in octets:
            octets = octets.replace(b" \r\n", _CRLF)
        if octets.endswith((b" ", b" \r")):
            self._held = octets[octets.rindex(b" ") :]
            octets = octets[: -len(self._held)]
        else:
            self._held = b""
        super().update(octets)

    def finish(self) -> None:
        if self._held == b" \r":  # a CR without LF ends no line
            super().update(self._held)
        super().finish()

    def _counts_empty(self) -> bool:
        return False
