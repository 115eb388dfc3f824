"""New addresses for accounts, groups and aliases. What belongs to one hangs on its number, and stays: mail, passwords,
memberships, queued messages. What leads to one is an address, and is changed with it.
"""

from pillarbox.directory import aliases, references
from pillarbox.directory.accounts import Account, get
from pillarbox.directory.addresses import (
    ACCOUNT,
    ALIAS,
    CATCH_ALL,
    GROUP,
    AddressKey,
    Target,
    address_key,
    delete_address,
    insert_address,
    parse_key,
)
from pillarbox.directory.groups import group_name
from pillarbox.directory.naming import NameRefused, parse_address
from pillarbox.mail.address import Address
from pillarbox.world.database.transaction import Transaction


def rename_account(tx: Transaction, account: Account, address: str, *, keep_address: bool) -> list[str]:
    """Give an account another first address, its login; it may be one that the account has already.

    With `keep_address` the old one stays an address of the account; otherwise the aliases that lead to it lead to the
    new one, and are returned. Raises `NameRefused`.
    """
    written = parse_address(address)
    key, old = address_key(tx, written), parse_key(tx, account.login)[0]
    if str(written) == account.address and key == old:
        raise NameRefused(f"the account has the address '{written}' already")
    changed: list[str] = []
    if _owner(tx, key) == (ACCOUNT, account.id):
        _write_as(tx, key, written.local)
    else:
        insert_address(tx, key, written.local, Target(ACCOUNT, account=account.id))
    if key != old and not keep_address:
        changed = references.redirect(tx, old, str(written))
        delete_address(tx, old, ACCOUNT)
    tx.execute(
        "UPDATE accounts SET login = ?, domain = ?, address = ? WHERE id = ?",
        (str(Address(key.local, key.domain)), key.domain, str(written), account.id),
    )
    assert get(tx, account.id) is not None, "there is no such account"
    return changed


def rename_group(tx: Transaction, group: int, name: str) -> None:
    """Give a group another name. Raises `NameRefused`."""
    if tx.value("SELECT 1 FROM member_groups WHERE name = ? AND id = ?", (name, group)):
        raise NameRefused(f"the group has the name '{name}' already")
    taken = tx.value("SELECT 1 FROM member_groups WHERE name = ? AND id <> ?", (group_name(name), group))
    if taken:
        raise NameRefused(f"there is already a group '{name}'")
    tx.execute("UPDATE member_groups SET name = ? WHERE id = ?", (name, group))


def readdress_group(
    tx: Transaction, group: int, old_address: str, address: str, *, keep_address: bool
) -> list[str]:
    """Give a group another address; see `rename_alias`. Raises `NameRefused`."""
    old, _ = parse_key(tx, old_address)
    target = Target(GROUP, group_id=group, may_send=_may_send(tx, old))
    return _readdress(tx, old, address, target, keep_address=keep_address)


def rename_alias(tx: Transaction, old_address: str, address: str, *, keep_address: bool) -> list[str]:
    """Give an alias another address; return the aliases that lead there instead.

    With `keep_address` the old one becomes an alias that leads to the new one. Raises `NameRefused`.
    """
    old, _ = parse_key(tx, old_address)
    if _owner(tx, old) != (ALIAS, None):
        raise NameRefused(f"there is no alias '{old_address}'; to list all aliases: pillarbox alias list")
    key, _ = parse_key(tx, address)
    if (key.local == CATCH_ALL) != (old.local == CATCH_ALL):
        raise NameRefused("a catch-all is no alias of one address: add the new one, and remove the old")
    changed = _readdress(
        tx, old, address, Target(ALIAS, may_send=_may_send(tx, old)), keep_address=keep_address
    )
    references.refuse_circle(tx, address)
    return changed if key != old else []


def _readdress(
    tx: Transaction, old: AddressKey, address: str, target: Target, *, keep_address: bool
) -> list[str]:
    key, written = parse_key(tx, address)
    if key == old:
        _write_as(tx, key, written)
        return []
    changed = [] if keep_address else references.redirect(tx, old, address)
    (old_written,) = tx.row(
        "SELECT written FROM addresses WHERE local = ? AND domain = ?", (old.local, old.domain)
    ) or ("",)
    insert_address(tx, key, written, target)
    delete_address(tx, old, target.kind)
    tx.execute(
        "UPDATE alias_targets SET local = ?, domain = ? WHERE local = ? AND domain = ?",
        (key.local, key.domain, old.local, old.domain),
    )
    if keep_address:
        aliases.create(tx, str(Address(old_written, old.domain)), [address], may_send=target.may_send)
    return changed


def _owner(tx: Transaction, key: AddressKey) -> tuple[str, int | None] | None:
    row = tx.row(
        "SELECT kind, account FROM addresses WHERE local = ? AND domain = ?", (key.local, key.domain)
    )
    return None if row is None else (row[0], row[1])


def _may_send(tx: Transaction, key: AddressKey) -> bool:
    return bool(
        tx.value("SELECT may_send FROM addresses WHERE local = ? AND domain = ?", (key.local, key.domain))
    )


def _write_as(tx: Transaction, key: AddressKey, written: str) -> None:
    tx.execute(
        "UPDATE addresses SET written = ? WHERE local = ? AND domain = ?", (written, key.local, key.domain)
    )
