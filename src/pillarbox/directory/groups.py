"""Groups: a named set of accounts, with an address that reaches them all.

Unlike an alias a group is a subject of its own: its members are accounts, and what is given to a group is
given to whoever is a member at the time.
"""

from pillarbox.directory.addresses import GROUP, Claim, claim, place_of, release
from pillarbox.directory.naming import NameRefused
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_MEMBERS = 10_000


def create(tx: Transaction, name: str, address: str, *, may_send: bool = True) -> int:
    """Make a group with an address; returns its number. Raises `NameRefused`."""
    identifier: int | None = tx.value(
        "INSERT INTO member_groups (name) VALUES (?) ON CONFLICT DO NOTHING RETURNING id", (name,)
    )
    if identifier is None:
        raise NameRefused(f"there is already a group '{name}'")
    at, written = place_of(tx, address)
    claim(tx, at, written, Claim(GROUP, group_id=identifier, may_send=may_send))
    return identifier


def by_name(tx: Transaction, name: str) -> int | None:
    """A group's number."""
    identifier: int | None = tx.value("SELECT id FROM member_groups WHERE name = ?", (name,))
    return identifier


def listing(tx: Transaction) -> list[tuple[int, str]]:
    """All groups, number and name, by name."""
    return [(number, name) for number, name in tx.rows("SELECT id, name FROM member_groups ORDER BY name")]


def address_of(tx: Transaction, group: int) -> str:
    """The address that reaches its members."""
    row = tx.row("SELECT written, domain FROM addresses WHERE kind = 'group' AND group_id = ?", (group,))
    assert row is not None, "a group outlived its address"
    return str(Address(*row))


def add_member(tx: Transaction, group: int, account: AccountId) -> None:
    """Make an account a member; nothing happens if it is one. Raises `NameRefused` when full."""
    if len(members(tx, group)) >= MAX_MEMBERS:
        raise NameRefused(f"a group has at most {MAX_MEMBERS} members")
    tx.execute("INSERT INTO group_members VALUES (?, ?) ON CONFLICT DO NOTHING", (group, account))


def remove_member(tx: Transaction, group: int, account: AccountId) -> None:
    """End a membership, if there is one."""
    tx.execute("DELETE FROM group_members WHERE group_id = ? AND account = ?", (group, account))


def members(tx: Transaction, group: int) -> list[AccountId]:
    """The accounts in a group, by number."""
    rows = tx.rows("SELECT account FROM group_members WHERE group_id = ? ORDER BY account", (group,))
    return [AccountId(account) for (account,) in rows]


def remove(tx: Transaction, group: int, address: str) -> None:
    """Remove a group and its address; its members stay. Raises `NameRefused`."""
    at, _written = place_of(tx, address)
    release(tx, at, GROUP)
    tx.execute("DELETE FROM group_members WHERE group_id = ?", (group,))
    tx.execute("DELETE FROM member_groups WHERE id = ?", (group,))
