"""What one request may take, looked at before anything is done with it."""

from typing import Final

from msgspec import Struct

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""What can be asked for at all (501 for others); what a route takes is a matter of the route (405)."""
MAX_CHUNK_LINE_OCTETS: Final = 256
"""The size of a chunk with its extensions, which mean nothing to us."""
MAX_TRAILER_OCTETS: Final = 4096
"""Fields after the last chunk, which are dropped."""
CHUNKS_AT_ONCE: Final = 256
"""Chunks that are read before others have their turn: many of one octet cost more than a large one."""
MAX_WAITING_OCTETS: Final = 64 * 1024
"""What may come behind a request whose response has no end."""
MAX_EMPTY_LINES: Final = 4
"""Before a request line (RFC 9112 §2.2 has one)."""


class HttpLimits(Struct, frozen=True, gc=False, kw_only=True):
    """Limits of one request. That of its body comes with the route."""

    target_octets: int = 8 * 1024
    """RFC 9112 §3 recommends at least 8000. Beyond it: 414."""
    head_octets: int = 32 * 1024
    """The request line and all fields. Beyond it: 431."""
    fields: int = 100
    """Beyond it: 431."""
    whole_octets: int = 64 * 1024
    """A body up to this size is handed over in one piece."""
