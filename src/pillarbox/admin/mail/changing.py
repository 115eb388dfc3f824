"""Moving, flagging and deleting messages: a slice in each transaction, so that the server never waits for long.

Each slice is a change like one that a client of the account makes: it is in the change log and announced, so clients
that are connected see it at once. What is gone meanwhile is left out; the numbers returned are of what was done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.mail.finding import Match, find_mailbox
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import NameRefused
from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import fetch, flags, mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.world.database import Database, Transaction

SLICE_MESSAGES: Final = 200
"""Messages changed in one transaction."""


@dataclass(frozen=True, slots=True)
class FlagsChange:
    """Flags to add and to remove, both as stored texts."""

    add: str
    remove: str


def flags_change(words: Sequence[str]) -> FlagsChange:
    r"""From words as `+\Seen`, `+seen`, `-$Forwarded`; the backslash of system flags may be left out.

    Raises `flag_text.InvalidFlag` or `flag_text.TooManyFlags`.
    """
    add = flag_text.canonical([flag_named(word[1:]) for word in words if word.startswith("+")])
    remove = flag_text.canonical([flag_named(word[1:]) for word in words if word.startswith("-")])
    return FlagsChange(flag_text.remove(add, remove), remove)


def flag_named(word: str) -> str:
    r"""The flag that an operator means: `seen` is `\Seen`, for a shell takes backslashes away."""
    known = {flag[1:].lower(): flag for flag in flag_text.SYSTEM_FLAGS}
    return known.get(word.lower(), word)


@may(OPERATOR)
def targets(
    tx: Transaction, owners: Sequence[Account], name: str, *, create: bool, now_ms: int
) -> dict[AccountId, MailboxId]:
    """The mailbox of this canonical name in each account; what is missing is made where `create` says so.

    Raises `NameRefused` where one is missing, or `mailbox_name.InvalidMailboxName`.
    """
    found: dict[AccountId, MailboxId] = {}
    for account in owners:
        mailbox = find_mailbox(tx, account, name)
        if mailbox is None and create:
            mailbox = mailboxes.create(tx, account.id, name, now_ms=now_ms)
        if mailbox is None:
            raise NameRefused(f"there is no mailbox '{name}' in {account.login}; to make it: --create")
        found[account.id] = mailbox.id
    return found


@may(OPERATOR)
def delete(database: Database, matches: Sequence[Match]) -> int:
    """Delete messages permanently."""
    return sum(
        database.write_now(_delete, match.account.id, match.mailbox.id, uids)
        for match, uids in _slices(matches)
    )


@may(OPERATOR)
def move(database: Database, matches: Sequence[Match], to: dict[AccountId, MailboxId], *, now_ms: int) -> int:
    """Move messages to a mailbox of their account; one that is there already is only removed elsewhere.

    Raises `flag_text.MailboxFlagsFull`; what was moved until then stays there.
    """
    return sum(
        database.write_now(
            _move, match.account.id, match.mailbox.id, uids, to=to[match.account.id], now_ms=now_ms
        )
        for match, uids in _slices(matches)
        if match.mailbox.id != to[match.account.id]
    )


@may(OPERATOR)
def flag(database: Database, matches: Sequence[Match], change: FlagsChange) -> int:
    """Change flags; return how many messages had others. Raises `flag_text.TooManyFlags`."""
    return sum(
        database.write_now(_flag, match.account.id, match.mailbox.id, uids, change)
        for match, uids in _slices(matches)
    )


def _slices(matches: Sequence[Match]) -> Iterator[tuple[Match, NumberSet]]:
    for match in matches:
        uids = list(match.uids)
        for start in range(0, len(uids), SLICE_MESSAGES):
            yield match, NumberSet.of(uids[start : start + SLICE_MESSAGES])


def _delete(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> int:
    try:
        return placements.expunge(tx, account, mailbox, uids, deleted_only=False).count
    except NoSuchMailbox:  # deleted meanwhile, with the account or without
        return 0


def _move(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, *, to: MailboxId, now_ms: int
) -> int:
    rows = fetch.rows(tx, account, mailbox, uids, (Column.EMAIL,))
    there = {email for _, email in rows if any(place == to for place, _ in fetch.find(tx, account, email))}
    twice = NumberSet.of(uid for uid, email in rows if email in there)
    try:
        removed = placements.expunge(tx, account, mailbox, twice, deleted_only=False).count if twice else 0
        moved = placements.move(tx, account, mailbox, uids - twice, to=to, now_ms=now_ms)
    except NoSuchMailbox:
        if rows:  # it is the target that was deleted
            raise
        return 0
    return removed + (len(moved.source) if moved else 0)


def _flag(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, change: FlagsChange
) -> int:
    before = dict(fetch.rows(tx, account, mailbox, uids, (Column.FLAGS,)))
    try:
        for mode, text in ((Mode.REMOVE, change.remove), (Mode.ADD, change.add)):
            if text and before:
                flags.alter(tx, account, mailbox, uids, mode=mode, flags=text)
    except NoSuchMailbox:
        return 0
    after = dict(fetch.rows(tx, account, mailbox, uids, (Column.FLAGS,)))
    return sum(text != before.get(uid) for uid, text in after.items())
