"""Questions to the DNS and the web, as values.

    def check(domain: str) -> Asking[bool]:
        outcome = yield from look_up(domain, Kind.TXT)
        return isinstance(outcome, Answer)

Whoever runs the generator answers each `Lookup` with an `Outcome` and each `Fetch` with a `Page` or a `FetchFailed`.
"""

from collections.abc import Generator
from typing import Any, TypeVar

from msgspec import Struct

from pillarbox.dns import Kind, Outcome
from pillarbox.web import FetchFailed, Page

__all__ = ["Asking", "Fetch", "FetchFailed", "Lookup", "Page", "Question", "fetch", "look_up"]

T = TypeVar("T")


class Lookup(Struct, frozen=True, gc=False):
    """A question to the DNS, answered with an `Outcome`."""

    name: str
    """A-labels; case and a final dot do not matter. A name that the DNS cannot hold does not exist."""
    kind: Kind


class Fetch(Struct, frozen=True, gc=False):
    """A question to the web, answered with a `Page` or a `FetchFailed`: GET of an HTTPS URL."""

    url: str
    max_octets: int
    timeout_s: float
    max_redirects: int = 0
    """RFC 8461 §3.3 allows none for a policy."""


Question = Lookup | Fetch
Asking = Generator[Question, Any, T]
"""A check under way; it returns a `T`."""


def look_up(name: str, kind: Kind) -> Asking[Outcome[Any]]:
    """The records of one kind at one name, following CNAME."""
    outcome: Outcome[Any] = yield Lookup(name, kind)
    return outcome


def fetch(
    url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0
) -> Asking[Page | FetchFailed]:
    """The page at an HTTPS URL."""
    page: Page | FetchFailed = yield Fetch(url, max_octets, timeout_s, max_redirects)
    return page
