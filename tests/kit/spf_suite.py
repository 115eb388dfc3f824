"""The test suite of RFC 7208 by the openspf.org project, as cases to be answered from its zones."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import yaml
from msgspec import Struct

from pillarbox.dns import Failure, Kind, Mx, Outcome, Record, normal_name
from pillarbox.mail.address import Address
from tests.kit.asking import Zone
from tests.kit.paths import VECTORS

SUITE = VECTORS / "spf" / "rfc7208-tests.yml"
TIMED_OUT = Failure("timed out")


class Case(Struct, frozen=True):
    """One session and what has to come of it."""

    name: str
    zone: Zone
    ip: IPv4Address | IPv6Address
    mail_from: Address | None
    helo: str
    results: tuple[str, ...]
    """Several where the RFC leaves it to us; the suite prefers the first."""
    explanation: str | None
    """None where it is not said."""


@cache
def cases() -> tuple[Case, ...]:
    """All of the suite; none where it is absent."""
    if not SUITE.is_file():
        return ()
    with SUITE.open(encoding="utf-8") as file:
        return tuple(case for scenario in yaml.safe_load_all(file) for case in _cases(scenario))


def _cases(scenario: Mapping[str, Any]) -> Iterator[Case]:
    zone = _zone(scenario["zonedata"])
    for name, test in scenario["tests"].items():
        local, _, domain = test["mailfrom"].rpartition("@")
        result, said = test["result"], test.get("explanation")
        yield Case(
            f"{scenario['description']}: {name}",
            zone,
            ip_address(test["host"]),
            Address(local, domain) if test["mailfrom"] else None,
            test["helo"],
            (result,) if isinstance(result, str) else tuple(result),
            "" if said == "DEFAULT" else said,
        )


def _zone(data: Mapping[str, Sequence[Any]]) -> Zone:
    owners = {normal_name(name): _Owner(entries) for name, entries in data.items()}
    return {
        (name, kind): found for name in owners for kind in Kind if (found := _resolved(owners, name, kind))
    }


def _resolved(
    owners: Mapping[str, "_Owner"], name: str, kind: Kind
) -> Sequence[Record] | Outcome[Any] | None:
    seen = set[str]()
    while name in owners and owners[name].alias:
        if name in seen:
            return Failure("too many aliases")
        seen.add(name)
        name = owners[name].alias
    return owners[name].found(kind) if name in owners else None


class _Owner:
    """What is at one name."""

    def __init__(self, entries: Sequence[Any]) -> None:
        self.alias = ""
        self._fails = False
        self._records = dict[str, list[Record]]()
        for entry in entries:
            if entry == "TIMEOUT":
                self._fails = True
                continue
            ((kind, value),) = entry.items()
            if kind == "CNAME":
                self.alias = normal_name(value)
                continue
            records = self._records.setdefault(kind, [])
            if value != "NONE":
                records.append(_record(kind, value))
        # Records of type SPF stand for TXT records, where none of those are given
        self._records.setdefault("TXT", self._records.get("SPF", []))

    def found(self, kind: Kind) -> Sequence[Record] | Outcome[Any] | None:
        return self._records.get(kind) or (TIMED_OUT if self._fails else None)


def _record(kind: str, value: Any) -> Record:
    match kind:
        case "MX":
            preference, exchange = value
            return Mx(preference, normal_name(exchange))
        case "TXT" | "SPF":
            return "".join([value] if isinstance(value, str) else value).encode("latin-1")
        case "PTR":
            return normal_name(value)
        case _:
            return str(value)
