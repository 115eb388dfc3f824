"""What a check found, in the form that is kept with the message, shown to people and written as a header field.

RFC 8601 §2.2 and §2.7: a method, its result, a reason, and properties that say what was examined.
"""

from enum import StrEnum

from msgspec import Struct


class Result(StrEnum):
    """Results of all methods (RFC 8601 §2.7); which of them a method has, its RFC says."""

    __hash__ = str.__hash__

    NONE = "none"
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    DECLINED = "declined"
    """Of BIMI only, as `skipped` is (draft-brand-indicators-for-message-identification §7.7)."""
    SKIPPED = "skipped"


class Property(Struct, frozen=True, gc=False):
    """What was examined (RFC 8601 §2.3): `smtp.mailfrom=example.org`."""

    kind: str
    """`smtp`, `header`, `body` or `policy`."""
    name: str
    value: str


class MethodResult(Struct, frozen=True, gc=False):
    """The result of one method."""

    method: str
    """`spf`, `dkim`, `dmarc`, `arc`, `iprev`, `bimi`."""
    result: Result
    domain: str = ""
    """Whose statement it is (the signer's, the sender's), as A-labels; empty where there is none."""
    reason: str = ""
    """Why, in words for people; may repeat text of the sender or of the DNS, so it is escaped where it is written."""
    properties: tuple[Property, ...] = ()
