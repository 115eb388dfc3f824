"""The addresses that an account may send from, for people to choose from.

Whether a given address may be used is decided by `resolve.may_send_as` alone, for SMTP and JMAP: it knows more, as
addresses with a detail. What is listed here has passed it.
"""

from typing import Final

from pillarbox.directory import resolve
from pillarbox.directory.addresses import CATCH_ALL, AddressKey
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_LISTED: Final = 100
"""Addresses of an account that are listed; it may send from others as well."""
MAX_LOOKED_AT: Final = 500
"""Aliases that are followed back from the account's addresses."""

_OWN: Final = """
SELECT a.local, a.written, a.domain, a.may_send FROM addresses a JOIN accounts c ON c.id = a.account
WHERE a.account = ? AND a.kind = 'account' ORDER BY a.local || '@' || a.domain <> c.login, a.domain, a.local LIMIT ?"""
_OF_GROUPS: Final = """
SELECT a.local, a.written, a.domain, a.may_send FROM group_members m JOIN addresses a ON a.group_id = m.group_id
WHERE m.account = ? AND a.kind = 'group' ORDER BY a.domain, a.local LIMIT ?"""
_ALIASES_OF: Final = """
SELECT a.local, a.written, a.domain, a.may_send FROM alias_targets t
JOIN addresses a ON a.local = t.local AND a.domain = t.domain
WHERE lower(t.target) = ? AND a.kind = 'alias' ORDER BY a.domain, a.local LIMIT ?"""

_Row = tuple[str, str, str, int]


def listing(tx: Transaction, account: AccountId) -> list[str]:
    """The account's own addresses, its login first, then those of its groups, and aliases that lead to it.

    `*@domain` stands for all addresses of a domain.
    """
    rows: list[_Row] = [*tx.rows(_OWN, (account, MAX_LISTED)), *tx.rows(_OF_GROUPS, (account, MAX_LISTED))]
    rows += _aliases(tx, rows)
    found: dict[str, None] = {}
    for local, written, domain, may_send in rows:
        text = f"*@{domain}" if local == CATCH_ALL else str(Address(written, domain))
        if may_send and (local == CATCH_ALL or may_send_from(tx, account, text)):
            found[text] = None
        if len(found) >= MAX_LISTED:
            break
    return list(found)


def may_send_from(tx: Transaction, account: AccountId, text: str) -> bool:
    """Whether the account may send from this address; of `*@domain`, from all of them."""
    local, _, domain = text.rpartition("@")
    if local == "*":
        row = tx.row(
            "SELECT account, may_send FROM addresses WHERE local = ? AND domain = ? AND kind = 'account'",
            (CATCH_ALL, domain),
        )
        return row is not None and row[0] == account and bool(row[1])
    try:
        return resolve.may_send_as(tx, account, Address.parse(text))
    except InvalidAddress:
        return False


def _aliases(tx: Transaction, rows: list[_Row]) -> list[_Row]:
    """Aliases that lead to these addresses, directly or by others."""
    found: dict[AddressKey, _Row] = {}
    waiting = [f"{local}@{domain}" for local, _, domain, _ in rows if local != CATCH_ALL]
    looked_at = 0
    while waiting and looked_at < MAX_LOOKED_AT:
        looked_at += 1
        for row in tx.rows(_ALIASES_OF, (waiting.pop(0).lower(), MAX_LISTED)):
            key = AddressKey(row[0], row[2])
            if key not in found:
                found[key] = row
                if row[0] != CATCH_ALL:
                    waiting.append(f"{row[0]}@{row[2]}")
    return [row for row in found.values() if row[0] != CATCH_ALL]
