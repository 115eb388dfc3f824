"""Reads one HTTP/1.1 response (RFC 9112), by `httptools`, within limits."""

from typing import Final

import httptools

from pillarbox.web import FetchFailed, Page
from pillarbox.web.page import MAX_RETRY_AFTER_OCTETS

MAX_OVERHEAD_OCTETS: Final = 16 * 1024
"""The head of a response, trailers and what else is none of the page."""
MAX_CHUNK_OVERHEAD: Final = 8
"""For each octet of the page: `1`, CRLF, the octet, CRLF is the worst that is honest."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class _Ended(Exception):
    """The parser is not to go on."""


class ResponseReader:
    """Octets in; then `failure`, or a response that `is_complete`: with its head, where no octets are wanted."""

    def __init__(self, max_octets: int) -> None:
        self._max_octets = max_octets
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._body = bytearray()
        self._fields: dict[bytes, bytes] = {}
        self._in_head = True
        self.status = 0
        self.is_complete = False
        self.failure: FetchFailed | None = None

    def receive(self, octets: bytes) -> None:
        """The next octets; none at the end of the connection."""
        if not octets:
            self.failure = FetchFailed("the connection ended within the response")
            return
        self._received += len(octets)
        try:
            self._parser.feed_data(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # what follows a complete response concerns nobody
            if not self.is_complete and self.failure is None:
                self.failure = FetchFailed("the response is malformed")
        overhead = self._received - MAX_CHUNK_OVERHEAD * len(self._body)
        if not self.is_complete and self.failure is None and overhead > MAX_OVERHEAD_OCTETS:
            self.failure = FetchFailed("the head of the response is too large", "too-large")

    @property
    def page(self) -> Page:
        """The body, with its type."""
        media_type = self._field(b"content-type").partition(";")[0].strip().lower()
        return Page(media_type, bytes(self._body))

    @property
    def location(self) -> str:
        """Where a redirect leads; empty without one."""
        return self._field(b"location") if self.status in REDIRECTS else ""

    @property
    def retry_after(self) -> str:
        """When to ask again, as the server writes it; empty where it does not say."""
        return self._field(b"retry-after")[:MAX_RETRY_AFTER_OCTETS]

    # --- called by the parser

    def on_message_begin(self) -> None:
        """See `httptools`. After 1xx another response follows (RFC 9110 §15.2), and none after the one that counts."""
        if self.is_complete:
            raise _Ended
        self._fields.clear()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`: a field of the head, or a trailer, which is ignored."""
        if self._in_head:
            self._fields.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        """See `httptools`."""
        self._in_head = False
        self.status = self._parser.get_status_code()
        if self.status >= 300 or (self.status >= 200 and not self._max_octets):
            self.is_complete = True  # what an error or a redirect says besides is not read
        if self.status < 200 or self.status == 204 or self.is_complete:
            return
        if self._field(b"content-encoding").lower() not in ("", "identity"):
            self.failure = FetchFailed("the response is compressed, which nobody asked for")
        elif not {b"content-length", b"transfer-encoding"} & self._fields.keys():
            # It would end with the connection, which anybody can end
            self.failure = FetchFailed("the response does not say where it ends")
        elif (
            int(self._field(b"content-length") or 0) > self._max_octets
        ):  # the parser has seen that it is a number
            self._too_large()

    def on_body(self, octets: bytes) -> None:
        """See `httptools`."""
        if self.failure is None and not self.is_complete:
            self._body += octets
        if len(self._body) > self._max_octets:
            self._too_large()

    def on_message_complete(self) -> None:
        """See `httptools`."""
        if self.status >= 200 and self.failure is None:
            self.is_complete = True

    def _field(self, name: bytes) -> str:
        return self._fields.get(name, b"").decode("ascii", "replace")

    def _too_large(self) -> None:
        self.failure = FetchFailed(f"the page has more than {self._max_octets} octets", "too-large")
