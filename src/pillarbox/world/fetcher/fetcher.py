"""The interface of every fetcher."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pillarbox.web import FetchFailed, Page

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


class Fetcher(ABC):
    """HTTPS requests: without cookies, caches, proxies and credentials. URLs are ASCII, their hosts A-labels."""

    @abstractmethod
    async def fetch(
        self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
    ) -> Page | FetchFailed:
        """GET: the page, if the answer is 200. Never raises.

        `timeout_s`: for all of it, with DNS and redirects. A redirect leads to another HTTPS URL only, which is checked
        as the first; with `max_redirects` 0 it is no page (RFC 8461 §3.3).
        """

    @abstractmethod
    async def post(
        self,
        url: str,
        octets: bytes,
        *,
        media_type: str,
        content_encoding: str = "",
        fields: Mapping[str, str] = NO_FIELDS,
        max_octets: int,
        timeout_s: float,
    ) -> Page | FetchFailed:
        """POST, as for reports (RFC 8460 §3): what was answered with a status of 2xx, often without any octets.

        `content_encoding`: that of `octets` (`gzip`). `fields`: others of the request, in ASCII. `max_octets`: of what
        is answered; 0 where only the status matters, and the rest is not read. Redirects are not followed. Never
        raises.
        """
