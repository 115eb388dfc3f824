"""Given pages: for the demo and for tests."""

import sys
from collections.abc import Mapping
from typing import NamedTuple

from pillarbox.web import FetchFailed, Page
from pillarbox.web.target import UrlRefused, target_of
from pillarbox.world.fetcher.fetcher import NO_FIELDS, Fetcher


class Posted(NamedTuple):
    """A request that was sent with POST."""

    url: str
    octets: bytes
    media_type: str
    content_encoding: str
    fields: Mapping[str, str]


class MemoryFetcher(Fetcher):
    """A web of a few pages, and nothing beside them."""

    def __init__(self, pages: Mapping[str, Page | FetchFailed] | None = None) -> None:
        self._pages: dict[str, Page | FetchFailed] = {}
        self.fetched: list[str] = []
        """URLs, in their order."""
        self.posted: list[Posted] = []
        for url, page in (pages or {}).items():
            self.put(url, page)

    def put(self, url: str, page: Page | FetchFailed) -> None:
        """Publish a page, also as the answer to what is posted there; or say why there is none."""
        target_of(url)  # what is never fetched is a mistake of the test
        self._pages[url] = page

    async def fetch(
        self,
        url: str,
        *,
        max_octets: int,
        timeout_s: float,  # noqa: ARG002  (the interface's)
        max_redirects: int = 0,  # noqa: ARG002
    ) -> Page | FetchFailed:
        """See `Fetcher`."""
        self.fetched.append(url)
        return self._answer(url, max_octets)

    async def post(
        self,
        url: str,
        octets: bytes,
        *,
        media_type: str,
        content_encoding: str = "",
        fields: Mapping[str, str] = NO_FIELDS,
        max_octets: int,
        timeout_s: float,  # noqa: ARG002  (the interface's)
    ) -> Page | FetchFailed:
        """See `Fetcher`."""
        self.posted.append(Posted(url, octets, media_type, content_encoding, dict(fields)))
        if max_octets:
            return self._answer(url, max_octets)
        answer = self._answer(url, sys.maxsize)
        return Page(answer.media_type, b"") if isinstance(answer, Page) else answer

    def _answer(self, url: str, max_octets: int) -> Page | FetchFailed:
        try:
            host = target_of(url).host
        except UrlRefused as refused:
            return FetchFailed(str(refused))
        found = self._pages.get(url)
        if found is None:
            known = any(target_of(page).host == host for page in self._pages)
            if not known:
                return FetchFailed(f"{host} has no address", "dns")
            return FetchFailed("the server says 404", "status", 404)
        if isinstance(found, Page) and len(found.octets) > max_octets:
            return FetchFailed(f"the page has more than {max_octets} octets", "too-large")
        return found
