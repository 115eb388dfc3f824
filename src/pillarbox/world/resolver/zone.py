"""Answers from given records only: for the demo and for tests.

Names under the given zones exist or not according to the records; all others get one fixed outcome at once, and
no query leaves the machine.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome, Record, normal_name
from pillarbox.dns.message import MAX_ALIASES
from pillarbox.world.resolver.resolver import Resolver

TTL_S = 300

Records = Mapping[tuple[str, Kind], Sequence[Record]]


class ZoneResolver(Resolver):
    """A few zones, and nothing outside them."""

    def __init__(
        self,
        zones: Iterable[str],
        records: Records,
        *,
        outside: Outcome[Any] = NxDomain(TTL_S),  # noqa: B008  (immutable)
        authenticated: bool | Collection[str] = False,
    ) -> None:
        """`outside`: the outcome for names in none of `zones`; `authenticated`: as if all were signed, or these."""
        self._zones = tuple(map(normal_name, zones))
        self._records = {(normal_name(name), kind): tuple(found) for (name, kind), found in records.items()}
        self._outside = outside
        self._authenticated = authenticated

    def put(self, name: str, kind: Kind, *records: Record) -> None:
        """Replace the records of one kind at a name; without records, there are none."""
        key = normal_name(name), kind
        self._records.pop(key, None)
        if records:
            self._records[key] = records

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`."""
        return self.said(name, kind)

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        """See `Resolver`: everything is."""
        return self.said(name, kind)

    def said(self, name: str, kind: Kind) -> Outcome[Any]:
        """What the records say."""
        wanted, authenticated, followed = normal_name(name), True, 0
        while True:
            authenticated = authenticated and self._is_signed(wanted)
            if found := self._records.get((wanted, kind)):
                return Answer(found, TTL_S, authenticated, wanted if followed else "")
            alias = self._records.get((wanted, Kind.CNAME))
            if not alias:
                return self._without_records(wanted, authenticated=authenticated)
            wanted, followed = normal_name(str(alias[0])), followed + 1
            if followed > MAX_ALIASES:
                return Failure("too many aliases")

    def _without_records(self, wanted: str, *, authenticated: bool) -> Outcome[Any]:
        if not any(map(_within(wanted), self._zones)):
            return self._outside
        # A name exists as well if anything exists below it (an empty non-terminal, RFC 4592 §2.2.2).
        exists = any(owner == wanted or owner.endswith(f".{wanted}") for owner, _kind in self._records)
        return (NoData if exists else NxDomain)(TTL_S, authenticated)

    def _is_signed(self, name: str) -> bool:
        if isinstance(self._authenticated, bool):
            return self._authenticated
        return any(map(_within(name), self._authenticated))


def _within(name: str) -> Callable[[str], bool]:
    """Whether the name is in a zone."""
    return lambda zone: name == zone or name.endswith(f".{zone}")
