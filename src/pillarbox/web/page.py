"""What a fetch ends with: a page, or why there is none."""

from typing import Final, Literal

from msgspec import Struct

FailureKind = Literal["dns", "connect", "tls", "status", "too-large", "timeout", "other"]

MAX_RETRY_AFTER_OCTETS: Final = 64
"""A date has 29."""


class Page(Struct, frozen=True, gc=False):
    """What a web server answered with status 200, or to POST with any of 2xx."""

    media_type: str
    """Of the Content-Type field, in lower case and without parameters; empty without one."""
    octets: bytes


class FetchFailed(Struct, frozen=True, gc=False):
    """There is no page."""

    reason: str
    """In words, for the log and for reports: ASCII, though a server may have said it."""
    kind: FailureKind = "other"
    status: int = 0
    """Of the answer, where that is why; 0 otherwise."""
    retry_after: str = ""
    """What the answer's Retry-After field says (RFC 9110 §10.2.3), of so many octets at most: `MAX_RETRY_AFTER_OCTETS`;
    empty without one."""
