"""Reading many emails for clients of JMAP, a page at a time: where they are, columns, and octets where they are few."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import flags
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.mail.snooze import Snooze
from pillarbox.store import emails, snoozing, states
from pillarbox.store.emails import Email
from pillarbox.store.fetch import FLAGS_OF_MESSAGE, Column
from pillarbox.store.states import State
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, Blobs
from pillarbox.world.database import Transaction

MAX_SHORT_OCTETS: Final = 8 * 1024
"""Octets of a message or header up to so long are read with the row."""
MAX_PAGE_OCTETS: Final = 256 * 1024
"""What a page has of rendered columns; and of octets, beside the last ones."""


MAX_MESSAGES: Final = 500
"""Messages of the emails of a page; most have one."""


class Part(IntEnum):
    """What is read of the octets of a message."""

    NOTHING = 0
    HEADER = 1
    ALL = 2


class Wanted(Struct, frozen=True):
    """What is read of each email."""

    columns: tuple[Column, ...] = ()
    part: Part = Part.NOTHING
    snooze: bool = False


class Found(Struct, frozen=True):
    """An email that is there."""

    email: Email
    digest: bytes
    """Of its octets."""
    header_octets: int
    columns: tuple[Any, ...]
    """Those that are wanted."""
    octets: bytes | None
    """What is wanted of them; `None` where that is nothing, or many."""
    snooze: Snooze | None = None
    """If it is wanted, and the email is away until a time."""


class Page(Struct, frozen=True):
    """Some emails."""

    state: State
    """Of the account's emails, when they were read."""
    found: list[Found]
    left: Sequence[EmailId]
    """Those that are to be read by another page."""


_ALWAYS: Final = (Column.BLOB, Column.HEADER_SIZE)


def read(
    tx: Transaction,
    blobs: Blobs,
    account: AccountId,
    ids: Sequence[EmailId],
    wanted: Wanted,
    *,
    most: int,
    messages: int | None = MAX_MESSAGES,
) -> Page:
    """The first of these emails, at most so many, in any order; those that are not there are left out.

    Raises `TooMuchToRead` where they have more than `messages` messages: then it is tried again without, in a thread.
    Raises `NoSuchAccount`, `ValuesDamaged`, and what `Blobs.read` raises.
    """
    state = states.read(tx, account).email
    some, left = ids[:most], ids[most:]
    there = emails.by_id(tx, account, some, most=messages)
    columns = emails.columns(tx, account, [*there], (*_ALWAYS, *wanted.columns), octets=MAX_PAGE_OCTETS)
    waiting = snoozing.of_emails(tx, there.values()) if wanted.snooze else {}
    found: list[Found] = []
    later: list[EmailId] = []
    room = MAX_PAGE_OCTETS
    for email in there.values():
        row = columns.get(email.id)
        if row is None or room <= 0:
            later.append(email.id)
            continue
        digest, header_octets, *others = row
        octets = None
        if wanted.part:
            octets = _octets(tx, blobs, email, digest, header_octets if wanted.part is Part.HEADER else None)
            room -= len(octets or b"")
        snooze = waiting[email.id].snooze if email.id in waiting else None
        found.append(Found(email, digest, header_octets, tuple(others), octets, snooze))
    if not found:  # there are messages, but not the email that they are of
        later = []
    return Page(state, found, [*later, *left])


def _octets(
    tx: Transaction, blobs: Blobs, email: Email, digest: bytes, header_octets: int | None
) -> bytes | None:
    size = email.size if header_octets is None else header_octets
    if size > MAX_SHORT_OCTETS or email.size >= MAX_IN_DATABASE_OCTETS:
        return None
    return blobs.read(tx, digest, 0, header_octets)


_FIRST: Final = f"""
SELECT DISTINCT p.email FROM placements p {FLAGS_OF_MESSAGE} WHERE p.account = ?
  AND f.flags NOT LIKE '%{flags.DELETED}%' ESCAPE '!' LIMIT ?"""  # noqa: S608 - constants


def some_ids(tx: Transaction, account: AccountId, limit: int) -> list[EmailId]:
    """The ids of so many of the account's emails, in order. Goes through all that has `\\\\Deleted`: for a thread."""
    return sorted(email for (email,) in tx.rows(_FIRST, (account, limit)))
