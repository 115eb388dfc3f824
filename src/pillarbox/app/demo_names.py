"""The DNS of a demo: its own domains with what they publish, keys of DKIM among it; nothing else exists."""

from collections.abc import Iterable, Mapping
from typing import Any

from pillarbox.directory import dkim_keys
from pillarbox.dns import Answer, Kind, Mx, Outcome, Record, normal_name
from pillarbox.trust.dkim.keys import from_pem, record_text
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction
from pillarbox.world.resolver.zone import TTL_S, ZoneResolver

_SPF = b"v=spf1 ip4:127.0.0.0/8 ip6:::1 -all"
_DMARC = b"v=DMARC1; p=quarantine"
_KEYS = "._domainkey."


class DemoNames(ZoneResolver):
    """Names with their addresses; each is its own MX. Keys are read from the database, as commands make new ones."""

    def __init__(self, names: Mapping[str, str], database: Database | None) -> None:
        super().__init__(names, dict(_published(names)))
        self._database = database

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        """See `Resolver`: everything but keys is."""
        return None if _KEYS in name else super().known(name, kind)

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`."""
        selector, _, domain = normal_name(name).partition(_KEYS)
        if domain and kind is Kind.TXT and self._database:
            try:
                if text := await self._database.read(_key, domain, selector):
                    return Answer((text,), TTL_S)
            except DatabaseUnavailable:
                pass
        return super().said(name, kind)


def _published(names: Mapping[str, str]) -> Iterable[tuple[tuple[str, Kind], tuple[Record, ...]]]:
    for name, address in names.items():
        yield (name, Kind.MX), (Mx(10, name),)
        yield (name, Kind.AAAA if ":" in address else Kind.A), (address,)
        yield (name, Kind.TXT), (_SPF,)
        yield (f"_dmarc.{name}", Kind.TXT), (_DMARC,)


def _key(tx: Transaction, domain: str, selector: str) -> bytes | None:
    """The record of a key that this domain has."""
    keys = (key for key in dkim_keys.listing(tx, domain) if key.selector == selector)
    return next((record_text(from_pem(key.pem, ours=True)).encode() for key in keys), None)
