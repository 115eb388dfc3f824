"""Changing and destroying emails by their ids (RFC 8621 §4.6), many at a time: some succeed, and some do not.

What is changed are the messages, by the verbs that IMAP uses, so that its sessions see ordinary changes: an email comes
into a mailbox by COPY, leaves it by EXPUNGE, and all its messages get the same flags. Messages with `\\Deleted` are not
there for JMAP: they stay as they are, until the email is destroyed. All has one MODSEQ.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from typing import Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, by_ids, changes, emails, flag_texts, flags, placements
from pillarbox.store.account_counters import Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.store.emails import Email, Placed
from pillarbox.store.fetch import FLAGS_OF_MESSAGE
from pillarbox.store.flags import Mode
from pillarbox.store.placements import COPY_OCTETS, Row
from pillarbox.world.database import Transaction

MAX_TOGETHER: Final = 500
"""Emails that one transaction should change: more are changed in several."""


class EmailChange(Struct, frozen=True, gc=False):
    """What is to become of an email. What is given whole takes the place of what was there; the others are patches."""

    email: EmailId
    mailboxes: frozenset[MailboxId] | None = None
    added_to: frozenset[MailboxId] = frozenset()
    removed_from: frozenset[MailboxId] = frozenset()
    keywords: str | None = None
    """Canonical flags, without `\\Deleted`."""
    added_keywords: str = ""
    removed_keywords: str = ""

    def mailboxes_of(self, email: Email) -> frozenset[MailboxId]:
        """Where the email is then."""
        before = email.mailboxes if self.mailboxes is None else self.mailboxes
        return frozenset((before | self.added_to) - self.removed_from)

    def flags_of(self, email: Email) -> str | None:
        """Its flags then; `None` where nothing is asked of them. Raises `flag_text.TooManyFlags`."""
        if self.keywords is None and not self.added_keywords and not self.removed_keywords:
            return None
        before = email.flags if self.keywords is None else self.keywords
        return flag_text.add(flag_text.remove(before, self.removed_keywords), self.added_keywords)


class Outcome(Enum):
    """What became of a change."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    """It was so already."""
    NOT_FOUND = "not found"
    IN_NO_MAILBOX = "in no mailbox"
    """It would be in no mailbox: nothing is destroyed by that."""
    NO_SUCH_MAILBOX = "no such mailbox"
    OVER_QUOTA = "over quota"
    TOO_MANY_KEYWORDS = "too many keywords"


class Done(Struct, frozen=True):
    """What became of many changes."""

    outcomes: dict[EmailId, Outcome]
    modseq: ModSeq | None
    """`None` where nothing was changed."""


class _Refused(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def set_emails(
    tx: Transaction,
    account: AccountId,
    wanted: Sequence[EmailChange],
    *,
    now_ms: int,
    quota_octets: int | None = None,
) -> Done:
    """Change these emails, of which no two are the same: each wholly, or not at all.

    Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    there = emails.by_id(tx, account, [change.email for change in wanted])
    plan = _Plan(tx, account, quota_octets)
    outcomes: dict[EmailId, Outcome] = {}
    for change in wanted:
        email = there.get(change.email)
        try:
            is_changed = email is not None and plan.add(change, email)
        except _Refused as refused:
            outcomes[change.email] = refused.outcome
        else:
            known = Outcome.CHANGED if is_changed else Outcome.UNCHANGED
            outcomes[change.email] = Outcome.NOT_FOUND if email is None else known
    return Done(outcomes, plan.carry_out(now_ms))


class _Plan:
    """What is to be done, by mailbox, so that it is done by few statements. All limits are looked at before."""

    def __init__(self, tx: Transaction, account: AccountId, quota_octets: int | None) -> None:
        self._tx, self._account = tx, account
        rows = tx.rows("SELECT id, messages FROM mailboxes WHERE account = ?", (account,))
        self._mailboxes: set[MailboxId] = {mailbox for mailbox, _ in rows}
        self._room: int | None = None
        """How many messages more there may be."""
        if quota_octets is not None:
            used = account_counters.usage(tx, account)
            copies = max(0, sum(messages for _, messages in rows) - used.messages)
            self._room = (quota_octets - used.octets) // COPY_OCTETS - copies
        self._flagged: dict[tuple[MailboxId, str], list[int]] = {}
        self._rewritten: set[tuple[str, str]] = set()
        self._copied: dict[tuple[MailboxId, MailboxId], list[Row]] = {}
        self._removed: dict[MailboxId, list[Row]] = {}
        self._left: set[int] = set()
        """Emails that leave mailboxes, and come to no other."""
        self._long: dict[MailboxId, set[str]] = {}
        """Long flags that messages of these mailboxes get."""

    def add(self, change: EmailChange, email: Email) -> bool:
        """Whether it changes anything. Raises `_Refused`, and then nothing is planned of it."""
        after = change.mailboxes_of(email)
        if not after:
            raise _Refused(Outcome.IN_NO_MAILBOX)
        if not after <= self._mailboxes:
            raise _Refused(Outcome.NO_SUCH_MAILBOX)
        kept = [one for one in email.placed if one.mailbox in after]
        gone = [one for one in email.placed if one.mailbox not in after]
        coming = after - email.mailboxes
        source = (gone or kept)[0]
        text = _flags(change, email)
        if text is None and gone:
            text = email.flags  # that of what is gone must not be lost
        flagged = [one for one in kept if text is not None and not _are_same(text, one.flags)]
        copied = email.flags if text is None else text
        more = len(coming) - len(gone)
        if self._room is not None and more > max(0, self._room):
            raise _Refused(Outcome.OVER_QUOTA)
        self._check_texts({one.mailbox: text or "" for one in flagged} | dict.fromkeys(coming, copied))
        if self._room is not None:
            self._room -= more
        for one in flagged:
            self._flagged.setdefault((one.mailbox, text or ""), []).append(one.uid)
            self._rewritten.add((one.flags, text or ""))
        for mailbox in coming:
            row = _row(email, source, copied)
            self._copied.setdefault((source.mailbox, mailbox), []).append(row)
        for one in gone:
            self._removed.setdefault(one.mailbox, []).append(_row(email, one, one.flags))
        if gone and not coming:
            self._left.add(email.id)
        return bool(flagged or coming or gone)

    def _check_texts(self, texts: Mapping[MailboxId, str]) -> None:
        long = {mailbox: text for mailbox, text in texts.items() if len(text) > SHORT_TEXT_OCTETS}
        try:
            for mailbox, text in long.items():
                several = [*self._long.get(mailbox, ()), text]
                flag_texts.check(self._tx, self._account, mailbox, several)
        except flag_text.MailboxFlagsFull:
            raise _Refused(Outcome.TOO_MANY_KEYWORDS) from None
        for mailbox, text in long.items():
            self._long.setdefault(mailbox, set()).add(text)

    def carry_out(self, now_ms: int) -> ModSeq | None:
        """Do it; the MODSEQ, where anything is changed."""
        if not (self._flagged or self._copied or self._removed):
            return None
        tx, account = self._tx, self._account
        is_moved = self._copied or self._removed
        touched = Touched.BOTH if is_moved else flags.touched(self._rewritten)
        modseq = account_counters.next_modseq(tx, account, touched)
        for (mailbox, text), uids in self._flagged.items():
            several = NumberSet.of(sorted(uids))
            flags.alter(tx, account, mailbox, several, mode=Mode.REPLACE, flags=text, modseq=modseq)
        for (mailbox, to), rows in self._copied.items():
            placements.copy_rows(tx, account, mailbox, _in_order(rows), to=to, now_ms=now_ms, modseq=modseq)
        for mailbox, rows in self._removed.items():
            placements.remove_rows(tx, account, mailbox, _in_order(rows), modseq=modseq)
        if self._left:
            left = NumberSet.of(sorted(self._left))
            changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.UPDATED, left)
        return modseq


def _flags(change: EmailChange, email: Email) -> str | None:
    try:
        return change.flags_of(email)
    except flag_text.TooManyFlags:
        raise _Refused(Outcome.TOO_MANY_KEYWORDS) from None


def _are_same(one: str, other: str) -> bool:
    return {*one.lower().split()} == {*other.lower().split()}


def _row(email: Email, placed: Placed, text: str) -> Row:
    return Row(placed.uid, email.id, email.size, text, email.thread)


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=attrgetter("uid"))


# --- destroying

_MESSAGES: Final = f"""
SELECT p.mailbox, p.uid, p.email, p.size, f.flags, p.thread FROM placements p {FLAGS_OF_MESSAGE}
WHERE p.email IN {by_ids.IDS} AND +p.account = ? LIMIT ?"""  # noqa: S608 - constants


def destroy_emails(tx: Transaction, account: AccountId, ids: Sequence[EmailId]) -> Done:
    """Destroy these emails: remove all their messages, in one step. Raises `NoSuchAccount`, `ValuesDamaged`."""
    there = emails.visible(tx, account, ids)
    outcomes = {email: Outcome.CHANGED if email in there else Outcome.NOT_FOUND for email in ids}
    if not there:
        return Done(outcomes, None)
    removed: dict[MailboxId, list[Row]] = {}
    for mailbox, *row in by_ids.rows(tx, _MESSAGES, there, account):
        removed.setdefault(mailbox, []).append(Row(*row))
    modseq = account_counters.next_modseq(tx, account)
    for mailbox, rows in removed.items():
        placements.remove_rows(tx, account, mailbox, _in_order(rows), modseq=modseq)
    placements.log_removed(tx, account, [row for rows in removed.values() for row in rows], modseq)
    return Done(outcomes, modseq)
