"""What the response to a download says of itself: RFC 8620 §6.2, RFC 9110 §14.

The client chooses the type that it is sent with, and octets are anybody's: HTML or SVG that a browser showed as a page
of ours could do all that its user can. So the type is as asked, but a browser may take it for nothing else, runs
nothing in it, and shows only what cannot run: pictures made of dots, sound, video, plain text. All else it saves.
"""

from typing import Final

from msgspec import Struct

from pillarbox.protocol.jmap.blobs.file_name import disposition
from pillarbox.protocol.jmap.blobs.ranges import Range

UNKNOWN_TYPE: Final = "application/octet-stream"
MAX_TYPE: Final = 255
"""Characters of a media type with its parameters."""
_TOKEN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
_SHOWN: Final = frozenset(
    (
        "text/plain",
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/bmp",
        "image/apng",
    )
)
_SHOWN_KINDS: Final = ("audio/", "video/")

_ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "sandbox; default-src 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
)
_CACHED: Final = ("cache-control", "private, immutable, max-age=31536000")

Fields = list[tuple[str, str]]


class Parts(Struct, frozen=True):
    """A body of several ranges, each below its own header (RFC 9110 §14.6)."""

    headers: tuple[bytes, ...]
    """What comes before each range, in their order."""
    end: bytes
    """And what after the last."""

    def size(self, ranges: tuple[Range, ...]) -> int:
        """Octets of the body."""
        return sum(map(len, self.headers)) + sum([one.size for one in ranges]) + len(self.end)


def media_type(asked: str | None) -> str:
    """The type as asked, if it is one (RFC 9110 §8.3.1); else `UNKNOWN_TYPE`."""
    if not asked or len(asked) > MAX_TYPE or not all(" " <= letter <= "~" for letter in asked):
        return UNKNOWN_TYPE
    kind, slash, subtype = essence(asked).partition("/")
    is_type = bool(slash and kind and subtype) and _TOKEN.issuperset(kind + subtype)
    return asked.strip() if is_type else UNKNOWN_TYPE


def essence(type_: str) -> str:
    """A media type without its parameters, in lower case."""
    return type_.partition(";")[0].strip().lower()


def entity_tag(blob_id: str) -> str:
    """The octets behind an id never change, so it is their entity tag (RFC 9110 §8.8.3)."""
    return f'"{blob_id}"'


def fields(type_: str, name: str, tag: str) -> Fields:
    """Of any response with octets of the blob. `type_`: as `media_type` gives it."""
    kind = essence(type_)
    shown = kind in _SHOWN or kind.startswith(_SHOWN_KINDS)
    return [
        ("content-type", type_),
        ("content-disposition", disposition("inline" if shown else "attachment", name)),
        *known(tag),
        *_ALWAYS,
    ]


def known(tag: str) -> Fields:
    """Of the response that the client has it already: 304."""
    return [("etag", tag), _CACHED, ("accept-ranges", "bytes")]


def not_satisfiable(size: int) -> Fields:
    """Of the response that all ranges lie beyond the end: 416 (RFC 9110 §15.5.17)."""
    return [("content-range", f"bytes */{size}"), ("content-type", "text/plain"), *_ALWAYS]


def parts(ranges: tuple[Range, ...], size: int, type_: str, boundary: str) -> Parts:
    """What stands between several ranges. `boundary`: must occur nowhere in the octets."""
    mark = f"\r\n--{boundary}\r\ncontent-type: {type_}\r\ncontent-range: "
    headers = [f"{mark}{one.content_range(size)}\r\n\r\n".encode() for one in ranges]
    return Parts(tuple(headers), f"\r\n--{boundary}--\r\n".encode())
