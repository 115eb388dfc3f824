"""What points where among addresses: what leads to an account or into a domain, and what leads nowhere or in a circle.

Aliases are stored as addresses, so nothing keeps one from outliving its target. Resolution bears that, and ends in any
circle; these functions tell of it, before it is made or afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.directory import aliases, resolve
from pillarbox.directory.addresses import ALIAS, CATCH_ALL, AddressKey, delete_address, parse_key
from pillarbox.directory.domains import get
from pillarbox.directory.naming import NameRefused, domain_name
from pillarbox.directory.resolve import MAX_ADDRESSES, Remote
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Reference:
    """A target of an alias."""

    alias: str
    target: str
    key: AddressKey
    """Of the alias."""
    only: bool
    """The alias has no other target."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An address that does not lead where it should."""

    address: str
    what: str
    remedy: str


def refuse_circle(tx: Transaction, address: str) -> None:
    """Raise `NameRefused` if this alias leads back to itself, directly or by others."""
    key, _ = parse_key(tx, address)
    if _leads_back(tx, key):
        raise NameRefused(f"'{address}' would lead back to itself")


def missing_targets(tx: Transaction, address: str) -> list[str]:
    """Targets of an alias that are addresses of served domains and do not exist."""
    key, _ = parse_key(tx, address)
    return [target for target in aliases.targets(tx, key) if _leads(tx, target) is None]


def to_account(tx: Transaction, account: AccountId) -> list[Reference]:
    """Aliases that lead to an address of this account."""
    own = {
        AddressKey(local, domain)
        for local, domain in tx.rows("SELECT local, domain FROM addresses WHERE account = ?", (account,))
    }
    return [reference for reference in _references(tx) if _leads(tx, reference.target) in own]


def into_domain(tx: Transaction, name: str) -> list[Reference]:
    """Aliases of other domains that lead to addresses of this one. Raises `NameRefused` if it is not served."""
    domain = domain_name(name)
    if get(tx, domain) is None:  # what it stands for may be gone
        raise NameRefused(f"'{name}' is not served here")
    return [
        reference
        for reference in _references(tx)
        if reference.key.domain != domain
        and resolve.compared_domain(Address.parse(reference.target)) == domain
    ]


def dangling(tx: Transaction, changed: str) -> list[str]:
    """Aliases whose target does not exist, as text, where it is in the domain of an address that was changed: those of
    other domains are nobody's business who has changed it. Raises `NameRefused` where that is not served."""
    domain = parse_key(tx, changed)[0].domain
    return [
        f"alias {reference.alias} {_leads_nowhere(reference.target)}"
        for reference in _references(tx)
        if _leads(tx, reference.target) is None and _served_as(tx, reference.target) == domain
    ]


def detach(tx: Transaction, references: list[Reference]) -> None:
    """Remove these targets from their aliases, and aliases that have no other."""
    for reference in references:
        key = reference.key
        tx.execute(
            "DELETE FROM alias_targets WHERE local = ? AND domain = ? AND target = ?",
            (key.local, key.domain, reference.target),
        )
        if not aliases.targets(tx, key):
            delete_address(tx, key, ALIAS)


def redirect(tx: Transaction, old: AddressKey, address: str) -> list[str]:
    """Have the targets that lead to this address lead to another one, with their detail; return their aliases."""
    new = Address.parse(address)
    changed = [reference for reference in _references(tx) if _leads(tx, reference.target) == old]
    for reference in changed:
        detail = Address.parse(reference.target).local[len(old.local) :]
        target = str(Address(new.local + detail, new.domain))
        where = (reference.key.local, reference.key.domain, reference.target)
        if target in aliases.targets(tx, reference.key):
            tx.execute("DELETE FROM alias_targets WHERE local = ? AND domain = ? AND target = ?", where)
        else:
            tx.execute(
                "UPDATE alias_targets SET target = ? WHERE local = ? AND domain = ? AND target = ?",
                (target, *where),
            )
    return list(dict.fromkeys(reference.alias for reference in changed))


def faults(tx: Transaction) -> Iterator[Fault]:
    """All aliases, groups and domains that do not lead where they should."""
    for key in {reference.key: None for reference in _references(tx)}:
        yield from _faults_of(tx, key)
    for group, address in tx.rows(
        "SELECT g.name, a.written || '@' || a.domain FROM member_groups g JOIN addresses a ON a.group_id = g.id"
        " WHERE g.id NOT IN (SELECT group_id FROM group_members) ORDER BY g.name"
    ):
        yield Fault(
            address, f"the group {group} has no members", f"Add some: pillarbox group join {group} LOGIN"
        )
    for name in tx.rows(
        "SELECT name FROM domains WHERE postmaster IS NULL AND alias_of IS NULL ORDER BY name"
    ):
        # RFC 5321 §4.5.1: every domain that is served has a postmaster
        yield Fault(
            f"postmaster@{name[0]}",
            "nobody reads it",
            f"Name an account: pillarbox domain set {name[0]} --postmaster LOGIN",
        )


def _faults_of(tx: Transaction, key: AddressKey) -> Iterator[Fault]:
    shown = _shown(key)
    change = f"pillarbox alias set {shown} TARGET"
    if _leads_back(tx, key):
        yield Fault(shown, "the alias leads back to itself", f"Change its targets: {change}")
    for target in aliases.targets(tx, key):
        if _leads(tx, target) is None:
            yield Fault(shown, f"the alias {_leads_nowhere(target)}", f"Change its targets: {change}")


def _served_as(tx: Transaction, target: str) -> str | None:
    served = resolve.served_domain(tx, Address.parse(target))
    return None if served is None else served.name


def _leads_nowhere(target: str) -> str:
    return f"leads to {target}, which does not exist"


def _leads_back(tx: Transaction, key: AddressKey) -> bool:
    waiting, visited = [key], {key}
    while waiting and len(visited) < MAX_ADDRESSES:
        for target in aliases.targets(tx, waiting.pop()):
            found = _leads(tx, target)
            if found == key:
                return True
            if isinstance(found, AddressKey) and found not in visited:
                visited.add(found)
                waiting.append(found)
    return False


def _leads(tx: Transaction, target: str) -> AddressKey | Remote | None:
    return resolve.entry_key(tx, Address.parse(target))


def _references(tx: Transaction) -> list[Reference]:
    rows = tx.rows(
        "SELECT t.local, t.domain, t.target, count(*) OVER (PARTITION BY t.local, t.domain)"
        " FROM alias_targets t ORDER BY t.domain, t.local, t.position"
    )
    return [
        Reference(_shown(AddressKey(local, domain)), target, AddressKey(local, domain), number == 1)
        for local, domain, target, number in rows
    ]


def _shown(key: AddressKey) -> str:
    return f"@{key.domain}" if key.local == CATCH_ALL else str(Address(key.local, key.domain))
