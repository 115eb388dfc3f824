"""Groups: named sets of accounts, each with an address that delivers to all members.

Unlike an alias a group has accounts as members, so that rights can be granted to it.
"""

from pillarbox.directory.addresses import GROUP, Target, delete_address, insert_address, parse_key
from pillarbox.directory.naming import NameRefused, telling_name
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction

MAX_MEMBERS = 10_000


def create(tx: Transaction, name: str, address: str, *, may_send: bool = True) -> int:
    """Create a group with an address; returns its number. Raises `NameRefused`."""
    identifier: int | None = tx.value(
        "INSERT INTO member_groups (name) VALUES (?) ON CONFLICT DO NOTHING RETURNING id", (group_name(name),)
    )
    if identifier is None:
        raise NameRefused(f"there is already a group '{name}'")
    key, written = parse_key(tx, address)
    insert_address(tx, key, written, Target(GROUP, group_id=identifier, may_send=may_send))
    return identifier


def group_name(text: str) -> str:
    """The name of a group. Raises `NameRefused`."""
    return telling_name(text, "a group")


def by_name(tx: Transaction, name: str) -> int | None:
    """A group's number."""
    identifier: int | None = tx.value("SELECT id FROM member_groups WHERE name = ?", (name,))
    return identifier


def listing(tx: Transaction) -> list[tuple[int, str]]:
    """All groups, number and name, by name."""
    return [(number, name) for number, name in tx.rows("SELECT id, name FROM member_groups ORDER BY name")]


def address_of(tx: Transaction, group: int) -> str:
    """The group's address. Raises `ValuesDamaged` where it has lost it."""
    row = tx.row("SELECT written, domain FROM addresses WHERE kind = 'group' AND group_id = ?", (group,))
    if row is None:
        raise ValuesDamaged(f"group {group} has lost its address: pillarbox fsck tells what to do")
    return str(Address(*row))


def add_member(tx: Transaction, group: int, account: AccountId) -> None:
    """Add a member; no effect if it is one. Raises `NameRefused` when full."""
    if count_members(tx, group) >= MAX_MEMBERS:
        raise NameRefused(f"a group has at most {MAX_MEMBERS} members")
    tx.execute("INSERT INTO group_members VALUES (?, ?) ON CONFLICT DO NOTHING", (group, account))


def remove_member(tx: Transaction, group: int, account: AccountId) -> bool:
    """Remove a member; returns whether it was one."""
    return tx.execute("DELETE FROM group_members WHERE group_id = ? AND account = ?", (group, account)) > 0


def members(tx: Transaction, group: int) -> list[AccountId]:
    """The members of a group, by account number."""
    rows = tx.rows("SELECT account FROM group_members WHERE group_id = ? ORDER BY account", (group,))
    return [AccountId(account) for (account,) in rows]


def count_members(tx: Transaction, group: int) -> int:
    """How many members a group has."""
    count: int = tx.value("SELECT count(*) FROM group_members WHERE group_id = ?", (group,))
    return count


def remove(tx: Transaction, group: int, address: str) -> None:
    """Remove a group and its address; its members stay. Raises `NameRefused`."""
    key, _written = parse_key(tx, address)
    delete_address(tx, key, GROUP)
    tx.execute("DELETE FROM group_members WHERE group_id = ?", (group,))
    tx.execute("DELETE FROM member_groups WHERE id = ?", (group,))
