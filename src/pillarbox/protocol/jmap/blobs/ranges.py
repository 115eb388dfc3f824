"""The ranges of a blob that a client asks for: Range and If-Range (RFC 9110 §13.1.5, §14)."""

from typing import Final

from msgspec import Struct

MAX_RANGES: Final = 5
"""Of one request; who asks for more gets the whole (§14.2 lets a server ignore them)."""
_MAX_DIGITS: Final = 15


class Range(Struct, frozen=True, gc=False):
    """A range of octets."""

    start: int
    end: int
    """One past its last octet."""

    @property
    def size(self) -> int:
        """Octets."""
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """The value of Content-Range (§14.4); `size` is that of the whole."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


NOT_SATISFIABLE: Final[tuple[Range, ...]] = ()


def read(field: str | None, size: int) -> tuple[Range, ...] | None:
    """The ranges that a Range field asks for, of a blob with so many octets.

    None for the whole: there is no field, it is not in octets or not well-formed, asks for too many ranges, or for
    more together than there is. `NOT_SATISFIABLE`: all lie beyond the end.
    """
    if field is None:
        return None
    unit, equals, listed = field.partition("=")
    if not equals or unit.strip().lower() != "bytes" or listed.count(",") >= MAX_RANGES:
        return None
    found = []
    for item in listed.split(","):
        first, dash, last = item.strip(" \t").partition("-")
        if not dash or not (first or last) or not (_is_number(first) and _is_number(last)):
            return None
        if not first:
            start, end = max(0, size - int(last)), size
        else:
            start, end = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                return None
        if start < end:
            found.append(Range(start, end))
        elif not size and not first and int(last):
            return None  # the last octets of nothing are nothing, which no Content-Range can say
    if sum([one.size for one in found]) > size:
        return None
    return tuple(found)


def _is_number(text: str) -> bool:
    return not text or (len(text) <= _MAX_DIGITS and text.isascii() and text.isdigit())


def still_current(if_range: str | None, tag: str) -> bool:
    """Whether ranges may be sent, by If-Range: it is missing, or the blob's own entity tag.

    A date never is: blobs have none.
    """
    return if_range is None or if_range.strip(" \t") == tag


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has this blob already, by If-None-Match (§13.1.2)."""
    if if_none_match is None:
        return False
    tags = [one.strip(" \t").removeprefix("W/") for one in if_none_match.split(",")]
    return tag in tags or tags == ["*"]
