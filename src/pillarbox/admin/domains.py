"""Domains that are served: adding, changing, removing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pillarbox.admin import accounts, concerns, dkim
from pillarbox.admin.concerns import Concern, OfProvider, Thing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OWNER, may
from pillarbox.directory import aliases, domains, quota, references
from pillarbox.directory.accounts import get
from pillarbox.directory.domains import Domain
from pillarbox.directory.naming import NameRefused
from pillarbox.trust.signatures.arithmetic import PrivateKey
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class DomainProfile:
    """A domain as shown to the operator."""

    name: str
    alias_of: str | None
    separator: str
    quota_octets: int | None
    postmaster: str | None
    """The login of the account for `postmaster@` and `abuse@`."""
    accounts: int
    aliases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainChange:
    """Changes of a domain; `None` leaves a setting unchanged."""

    separator: str | None = None
    quota_octets: int | None = None
    """0 is no limit."""
    postmaster: str | None = None
    """The login of an account."""


def _changes(tx: Transaction, wanted: DomainChange) -> Iterator[Thing]:
    if wanted.quota_octets is not None:
        yield OfProvider("the quota of a domain")
    if wanted.postmaster is not None:
        yield concerns.account_of(tx, wanted.postmaster, shown_only=True)


_CHANGES: Final = Concern("a postmaster of theirs, and not its quota", ("wanted",), _changes)


@may(OWNER)
def add(
    tx: Transaction,
    name: str,
    *,
    now_ms: int,
    alias_of: str | None = None,
    keys: Sequence[PrivateKey] = (),
) -> Domain:
    """Serve a domain, or make it an alias of one that is served. Raises `NameRefused`.

    `keys`: to sign its mail with (`dkim.fresh_keys`).
    """
    made = domains.create(tx, name, alias_of=alias_of, now_ms=now_ms)
    dkim.add(tx, made.name, keys, now_ms=now_ms)
    return made


@may(OWNER)
def listing(tx: Transaction) -> list[DomainProfile]:
    """All domains, by name."""
    return [_profile(tx, domain) for domain in domains.listing(tx)]


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("name"))
def profile(tx: Transaction, name: str) -> DomainProfile:
    """One domain; of a domain alias, what it stands for. Raises `NameRefused`."""
    return _profile(tx, domains.served(tx, name))


def _profile(tx: Transaction, domain: Domain) -> DomainProfile:
    reader = get(tx, domain.postmaster) if domain.postmaster is not None else None
    own = domain.alias_of is None
    return DomainProfile(
        name=domain.name,
        alias_of=domain.alias_of,
        separator=domain.separator,
        quota_octets=domain.quota_octets,
        postmaster=reader.login if reader else None,
        accounts=domains.count_accounts(tx, domain.name),
        aliases=len(aliases.listing(tx, domain.name)) if own else 0,
    )


@may(DOMAIN_ADMINISTRATOR, of=(concerns.domain("name"), _CHANGES))
def change(tx: Transaction, name: str, wanted: DomainChange) -> None:
    """Change the settings of a domain. Raises `NameRefused`."""
    domains.served(tx, name)
    if wanted.separator is not None:
        domains.set_separator(tx, name, wanted.separator)
    if wanted.quota_octets is not None:
        quota.set_domain_quota(tx, name, wanted.quota_octets or None)
    if wanted.postmaster is not None:
        domains.set_postmaster(tx, name, accounts.find(tx, wanted.postmaster).id)


@may(OWNER)
def remove(tx: Transaction, name: str, *, detach: bool = False) -> list[str]:
    """Stop serving a domain; it must have no addresses left. Returns the aliases from which it was removed.

    `detach`: also from aliases of other domains that lead to addresses of this one. Raises `NameRefused`, also where
    such aliases are left: they would forward to whoever has the domain next.
    """
    pointing = references.into_domain(tx, name)
    names = list(dict.fromkeys(one.alias for one in pointing))
    if pointing and not detach:
        raise NameRefused(
            f"mail for {', '.join(names)} goes to {name}. Change that first (pillarbox alias set), or "
            "remove the domain from there as well: --detach"
        )
    references.detach(tx, pointing)
    domains.remove(tx, name)
    return names
