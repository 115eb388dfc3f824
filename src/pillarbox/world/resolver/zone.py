"""Answers from given records only: for the demo and for tests.

Names under the given zones exist or not according to the records; all others get one fixed outcome at once, and
no query leaves the machine.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pillarbox.dns import Answer, Kind, NoData, NxDomain, Outcome, Record, normal_name
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
        authenticated: bool = False,
    ) -> None:
        """`outside`: the outcome for names in none of `zones`; `authenticated`: as if signed."""
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
        wanted = normal_name(name)
        found = self._records.get((wanted, kind))
        if found:
            return Answer(found, TTL_S, self._authenticated)
        if not any(wanted == zone or wanted.endswith(f".{zone}") for zone in self._zones):
            return self._outside
        # A name exists as well if anything exists below it (an empty non-terminal, RFC 4592 §2.2.2).
        exists = any(owner == wanted or owner.endswith(f".{wanted}") for owner, _kind in self._records)
        return (NoData if exists else NxDomain)(TTL_S, self._authenticated)
