"""Errors of a whole request: RFC 8620 §3.6.1, as problem details (RFC 9457). No call of it was carried out."""

from typing import Any, Final

import msgspec
from msgspec import Struct

MEDIA_TYPE: Final = "application/problem+json"

_PREFIX: Final = "urn:ietf:params:jmap:error:"


class Problem(Struct, frozen=True, gc=False):
    """Why a request is refused."""

    type: str
    detail: str
    limit: str | None = None
    """The limit that it would exceed, by its name."""
    status: int = 400
    """Of the HTTP response."""

    def octets(self) -> bytes:
        """As JSON."""
        members: dict[str, Any] = {"type": self.type, "status": self.status, "detail": self.detail}
        if self.limit is not None:
            members["limit"] = self.limit
        return msgspec.json.encode(members)


def not_json(detail: str) -> Problem:
    """The content type is not `application/json`, or the content is no I-JSON."""
    return Problem(_PREFIX + "notJSON", detail)


def not_request(detail: str) -> Problem:
    """JSON, but no Request object."""
    return Problem(_PREFIX + "notRequest", detail)


def unknown_capability(urn: str) -> Problem:
    """`using` has one that this server has not."""
    return Problem(_PREFIX + "unknownCapability", f"This server has no capability '{urn[:200]}'.")


def limit(name: str, detail: str, *, status: int = 400) -> Problem:
    """A limit would be exceeded: a name of the core capability's, or one of ours."""
    return Problem(_PREFIX + "limit", detail, name, status)


def request_too_large(most: int) -> Problem:
    """More octets than a request may have."""
    return limit("maxSizeRequest", f"The request has more than {most} octets.")


def upload_too_large(most: int) -> Problem:
    """More octets than an upload may have."""
    return limit("maxSizeUpload", f"More than {most} octets.", status=413)


def forbidden(detail: str) -> Problem:
    """An upload that this login may not make."""
    return Problem("about:blank", detail, status=403)


def not_found(detail: str) -> Problem:
    """An upload or download of what there is not, or not for this user."""
    return Problem("about:blank", detail, status=404)
