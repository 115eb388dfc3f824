"""Problem details (RFC 9457): what an error response says."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.protocol.http.responses import PHRASES

MEDIA_TYPE: Final = b"application/problem+json"


class Problem(Struct, frozen=True):
    """An error, for the program that asked and for whoever reads its log."""

    status: int
    detail: str = ""
    """A sentence about this occurrence."""
    type: str = ""
    """A URI that names the kind of the problem, where the status does not say it all."""
    extra: dict[str, Any] = {}  # msgspec copies it
    """Further members, as the type defines them."""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    """Fields of the response: `Allow`, `Retry-After`; names in lower case."""

    def content(self) -> bytes:
        """RFC 9457 §3: the JSON object."""
        told: dict[str, Any] = {"type": self.type or "about:blank", "status": self.status}
        if not self.type:
            # RFC 9457 §4.2.1: the title of about:blank is that of the status
            told["title"] = PHRASES.get(self.status, "")
        if self.detail:
            told["detail"] = self.detail
        return msgspec.json.encode({**told, **self.extra})
