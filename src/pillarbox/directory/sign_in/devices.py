"""Devices: what a person recognises as theirs among what signs in to their account.

A browser is known by its cookie. A program with an app password is that app password. A program with the account's own
password has nothing of its own, so it is known by the network it comes from (a /24 or a /48, `known_clients`) and by
what it does there: mail, or JMAP.

What had signed in before devices were noted is known by its address alone (`Kind.EARLIER`), until it comes again.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.directory.sign_in.known_clients import client_key, is_this_machine, network_key
from pillarbox.directory.sign_in.sign_ins import Way
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_PER_ACCOUNT: Final = 100
"""Devices of one kind; the one that was not seen for longest is removed first."""
NOTICES_A_DAY: Final = 3
"""Mails about new devices that an account gets within 24 hours: who comes from many networks is new in each."""
DAY_MS: Final = 86_400_000
REMOVED_TOGETHER: Final = 1_000


class Kind(StrEnum):
    """What a device is known by."""

    BROWSER = "browser"
    APP_PASSWORD = "app password"  # noqa: S105 - no password
    PROGRAM = "program"
    EARLIER = "earlier"


class Known(Struct, frozen=True, gc=False):
    """What tells a device from the others of its account."""

    kind: Kind
    key: str
    """A browser: the digest of its cookie's token. An app password: its number. A program: what it does, and its
    network."""

    @property
    def app_password(self) -> int | None:
        """The number of the app password that it is."""
        return int(self.key) if self.kind is Kind.APP_PASSWORD else None


class Device(Struct, frozen=True, gc=False):
    """A device as listed to its owner. Times in ms since 1970."""

    id: int
    kind: Kind
    name: str
    """Of the app password; of a program: its network; else empty."""
    first_seen_at_ms: int
    last_seen_at_ms: int
    address: str
    """The IP address that it came from last; empty for a local socket."""
    way: Way
    """What it used last."""
    agent: str
    """What it says it is, if it does."""
    app_password: int | None
    """The number of the app password that it is."""
    key: str
    """A browser: the digest of its cookie's token, by which its sessions are found."""


class Seen(Struct, frozen=True, gc=False):
    """A device that has signed in."""

    known: Known
    name: str
    first_at_ms: int
    last_at_ms: int
    address: str
    way: Way
    agent: str


_FAMILIES: Final = {
    **dict.fromkeys((Way.IMAP, Way.POP3, Way.SMTP, Way.SIEVE), "mail"),
    Way.JMAP: "jmap",
    Way.DAV: "dav",
    Way.WEB: "web",
}
"""What a program does: one that reads mail also sends it."""


def browser(digest: str) -> Known:
    """The browser whose cookie has a token with this digest."""
    return Known(Kind.BROWSER, digest)


def of_app_password(number: int) -> Known:
    """The program that has this app password."""
    return Known(Kind.APP_PASSWORD, str(number))


def program(way: Way, address: str) -> Known:
    """A program with the account's own password, at this IP address."""
    return Known(Kind.PROGRAM, f"{_FAMILIES[way]} {network_key(client_key(address))}")


def add(tx: Transaction, account: AccountId, seen: Seen) -> int | None:
    """Note that a device has signed in. Returns its number if it is new and its owner does not expect it: it is not
    the account's first one."""
    known, kind = seen.known, seen.known.kind.value
    updated = tx.execute(
        "UPDATE devices SET last_seen_at_ms = ?, address = ?, way = ?, agent = CASE WHEN ? = '' THEN agent ELSE ? END"
        " WHERE account = ? AND kind = ? AND device = ?",
        (seen.last_at_ms, seen.address, seen.way.value, seen.agent, seen.agent, account, kind, known.key),
    )
    if updated:
        return None
    number: int = tx.value(
        "INSERT INTO devices (account, kind, device, app_password, name, first_seen_at_ms, last_seen_at_ms, address,"
        " way, agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            account,
            kind,
            known.key,
            known.app_password,
            seen.name,
            seen.first_at_ms,
            seen.last_at_ms,
            seen.address,
            seen.way.value,
            seen.agent,
        ),
    )
    tx.execute(
        "DELETE FROM devices WHERE account = ? AND kind = ? AND id NOT IN (SELECT id FROM devices"
        " WHERE account = ? AND kind = ? ORDER BY last_seen_at_ms DESC, id DESC LIMIT ?)",
        (account, kind, account, kind, MAX_PER_ACCOUNT),
    )
    is_first = (
        tx.execute(
            "INSERT INTO device_notices (account, wanted, had_device) VALUES (?, 1, 1)"
            " ON CONFLICT (account) DO UPDATE SET had_device = 1 WHERE device_notices.had_device = 0",
            (account,),
        )
        == 1
    )
    return None if is_first or _is_expected(tx, account, seen) else number


def _is_expected(tx: Transaction, account: AccountId, seen: Seen) -> bool:
    """Whether a program was here earlier; or runs on this machine, as a webmail does for many people: its address says
    nothing of a device."""
    if seen.known.kind is not Kind.PROGRAM:
        return False
    client = client_key(seen.address)
    earlier = (account, Kind.EARLIER.value, client)
    removed = tx.execute("DELETE FROM devices WHERE account = ? AND kind = ? AND device = ?", earlier)
    return removed > 0 or is_this_machine(client)


def may_tell(tx: Transaction, account: AccountId, number: int, *, now_ms: int) -> bool:
    """Whether the owner is to be told of this new device, and has not been told of others too often; it counts as
    told then."""
    if not are_notices_wanted(tx, account):
        return False
    told = tx.value(
        "SELECT count(*) FROM devices WHERE account = ? AND told_at_ms > ?", (account, now_ms - DAY_MS)
    )
    if told >= NOTICES_A_DAY:
        return False
    tx.execute("UPDATE devices SET told_at_ms = ? WHERE id = ?", (now_ms, number))
    return True


def are_notices_wanted(tx: Transaction, account: AccountId) -> bool:
    """Whether the owner gets a mail about each new device; so unless they have switched it off."""
    wanted: int | None = tx.value("SELECT wanted FROM device_notices WHERE account = ?", (account,))
    return wanted != 0


def want_notices(tx: Transaction, account: AccountId, *, wanted: bool) -> None:
    """Switch these mails on or off."""
    tx.execute(
        "INSERT INTO device_notices (account, wanted, had_device) VALUES (?, ?, 0)"
        " ON CONFLICT (account) DO UPDATE SET wanted = excluded.wanted",
        (account, int(wanted)),
    )


def listing(tx: Transaction, account: AccountId) -> list[Device]:
    """The account's devices, the one that was seen last first."""
    rows = tx.rows(
        "SELECT id, kind, name, first_seen_at_ms, last_seen_at_ms, address, way, agent, app_password, device"
        " FROM devices WHERE account = ? AND kind <> ? ORDER BY last_seen_at_ms DESC, id DESC",
        (account, Kind.EARLIER.value),
    )
    return [
        Device(number, Kind(kind), name, first, last, address, Way(way), *rest)
        for number, kind, name, first, last, address, way, *rest in rows
    ]


def find(tx: Transaction, account: AccountId, number: int) -> Device | None:
    """One of them."""
    return next((one for one in listing(tx, account) if one.id == number), None)


def forget(tx: Transaction, account: AccountId, number: int) -> bool:
    """Forget a device: when it signs in again, it is a new one. Returns whether there was one."""
    return tx.execute("DELETE FROM devices WHERE account = ? AND id = ?", (account, number)) == 1


def any_before(tx: Transaction, before_ms: int) -> bool:
    """Whether there are some that were last seen before this time."""
    return tx.row("SELECT 1 FROM devices WHERE last_seen_at_ms < ? LIMIT 1", (before_ms,)) is not None


def forget_before(tx: Transaction, before_ms: int) -> int:
    """Forget `REMOVED_TOGETHER` of them at most; returns how many."""
    return tx.execute(
        "DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE last_seen_at_ms < ? LIMIT ?)",
        (before_ms, REMOVED_TOGETHER),
    )
