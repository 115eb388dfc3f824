"""What a fetch ends with: a page, or why there is none."""

from typing import Literal

from msgspec import Struct

FailureKind = Literal["dns", "connect", "tls", "status", "too-large", "timeout", "other"]


class Page(Struct, frozen=True, gc=False):
    """What a web server answered with status 200."""

    media_type: str
    """Of the Content-Type field, in lower case and without parameters; empty without one."""
    octets: bytes


class FetchFailed(Struct, frozen=True, gc=False):
    """There is no page."""

    reason: str
    """In words, for the log and for reports: ASCII, though a server may have said it."""
    kind: FailureKind = "other"
