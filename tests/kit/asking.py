"""Answers the questions of checks from records that are written down."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome, Record, normal_name
from pillarbox.trust.questions import Asking, Fetch, FetchFailed, Lookup, Page

T = TypeVar("T")

TTL_S = 300
Zone = Mapping[tuple[str, Kind], Sequence[Record] | Outcome[Any]]
"""Records, or an outcome as it is, by name (lower case, without a final dot) and kind."""


class Answers:
    """A DNS and a web of given records and pages, which counts what it is asked."""

    def __init__(self, zone: Zone, pages: Mapping[str, Page | FetchFailed] | None = None) -> None:
        self.zone = {(normal_name(name), kind): found for (name, kind), found in zone.items()}
        self.pages = dict(pages or {})
        self.asked: list[Lookup | Fetch] = []

    def to(self, asking: Asking[T]) -> T:
        """What the check returns after all its questions were answered."""
        try:
            question = next(asking)
            while True:
                self.asked.append(question)
                question = asking.send(
                    self.lookup(question.name, question.kind)
                    if isinstance(question, Lookup)
                    else self.pages.get(question.url, FetchFailed("connection refused", "connect"))
                )
        except StopIteration as stop:
            result: T = stop.value
            return result

    def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        wanted = normal_name(name)
        found = self.zone.get((wanted, kind))
        if isinstance(found, Answer | NoData | NxDomain | Failure):
            return found
        if found:
            return Answer(tuple(found), TTL_S)
        # A name exists as well if anything exists below it (RFC 4592 §2.2.2).
        exists = any(owner == wanted or owner.endswith(f".{wanted}") for owner, _kind in self.zone)
        return NoData(TTL_S) if exists else NxDomain(TTL_S)
