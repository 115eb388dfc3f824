"""Appending messages to a mailbox: blob, email, placement, flags, thread, counts, and a row of the change log.

This is the verb that is called most: once for every delivery and every APPEND. It parses nothing; all it needs is in
the `Summary` made before the transaction.
"""

from collections.abc import Sequence

from msgspec import Struct

from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq, ThreadId, Uid, UidValidity
from pillarbox.mail.summary import Summary
from pillarbox.store import account_counters, changes, flag_texts, mailbox_counts, threads
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox_counts import MailboxCounts
from pillarbox.world.blobs import PreparedBlob
from pillarbox.world.database import Transaction


class Message(Struct, frozen=True, gc=False):
    """The octets of a message, ready to be stored, and their summary."""

    blob: PreparedBlob
    summary: Summary
    authentication: bytes | None = None
    """What checks have found, as JSON; `None` where nothing was checked."""


class Arrival(Struct, frozen=True, gc=False):
    """A message to append, with its flags and date."""

    message: Message
    flags: str
    """Canonical text of `pillarbox.mail.flags`."""
    received_at_ms: int
    """IMAP's internal date, JMAP's receivedAt."""


class Appended(Struct, frozen=True, gc=False):
    """The identifiers of an appended message."""

    uid: Uid
    uid_validity: UidValidity
    modseq: ModSeq
    email_id: EmailId
    thread_id: ThreadId


def append(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    message: Message,
    *,
    flags: str,
    received_at_ms: int,
    now_ms: int,
    quota_octets: int | None = None,
) -> Appended:
    """Append a message to a mailbox.

    Raises `NoSuchMailbox`, `OverQuota` or `flags.MailboxFlagsFull` before it has changed anything, so that a verb
    which delivers to several accounts may continue with the next.
    """
    arrival = Arrival(message, flags, received_at_ms)
    return append_all(tx, account, mailbox, (arrival,), now_ms=now_ms, quota_octets=quota_octets)[0]


def append_all(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    arrivals: Sequence[Arrival],
    *,
    now_ms: int,
    quota_octets: int | None = None,
) -> list[Appended]:
    """Append several messages to a mailbox, all or none, with successive UIDs (RFC 3502).

    Raises as `append` does.
    """
    if not arrivals:
        return []
    long_flags = [arrival.flags for arrival in arrivals if len(arrival.flags) > SHORT_TEXT_OCTETS]
    if long_flags:
        flag_texts.check(tx, account, mailbox, long_flags)
    counts = _counts(arrivals[0])
    if len(arrivals) > 1:
        counts = MailboxCounts.total(map(_counts, arrivals))
    allocation = account_counters.add_emails(
        tx, account, mailbox, octets=counts.octets, messages=counts.messages, quota_octets=quota_octets
    )
    first, uid_validity = mailbox_counts.add(
        tx, account, mailbox, allocation.modseq, counts, uids=len(arrivals)
    )
    appended = []
    for offset, arrival in enumerate(arrivals):
        email = EmailId(allocation.first_email + offset)
        thread = threads.link(tx, account, arrival.message.summary, email=email)
        identifiers = Appended(Uid(first + offset), uid_validity, allocation.modseq, email, thread)
        _store_email(tx, email, arrival.message)
        _place(tx, account, mailbox, identifiers, arrival, now_ms)
        appended.append(identifiers)
    if long_flags:
        flag_texts.count(tx, account, mailbox, long_flags)
    run, email = (first, first + len(arrivals) - 1), allocation.first_email
    changes.record_run(tx, account, allocation.modseq, mailbox, ChangeKind.APPENDED, run, email)
    return appended


def _counts(arrival: Arrival) -> MailboxCounts:
    return MailboxCounts.of(arrival.flags, octets=arrival.message.summary.size)


_INSERT_EMAIL = "INSERT INTO emails VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _store_email(tx: Transaction, email: EmailId, message: Message) -> None:
    _insert_email(tx, email, message.blob.keep(tx).digest, message.summary, message.authentication)


def _insert_email(
    tx: Transaction, email: EmailId, digest: bytes, summary: Summary, authentication: bytes | None
) -> None:
    tx.execute(
        _INSERT_EMAIL,
        (
            email,
            digest,
            summary.header_size,
            summary.crlf_size,
            summary.has_attachment,
            summary.base_subject,
            summary.is_reply,
            summary.sort_from,
            summary.sort_to,
            summary.sort_cc,
            summary.sort_display_from,
            summary.sort_display_to,
            summary.subject,
            summary.message_id,
            "\n".join(summary.references),
            summary.envelope,
            summary.bodystructure,
            summary.cached_fields,
            summary.preview,
            summary.body,
            authentication,
        ),
    )


def rewrite_email(tx: Transaction, email: EmailId, digest: bytes, summary: Summary) -> None:
    """Replace the rendered data of an email; what was found when it came stays, as do mailboxes, flags and uses."""
    found = tx.value("SELECT authentication FROM emails WHERE id = ?", (email,))
    tx.execute("DELETE FROM emails WHERE id = ?", (email,))
    _insert_email(tx, email, digest, summary, found if isinstance(found, bytes) else None)
    tx.execute(
        "UPDATE placements SET size = ?, sent_at_ms = ?, sent_day = ? WHERE email = ?",
        (summary.size, summary.sent_at_ms, summary.sent_day, email),
    )


PLACE = "INSERT INTO placements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FLAG = "INSERT INTO flags VALUES (?, ?, ?, ?, ?, 0)"


def _place(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    identifiers: Appended,
    arrival: Arrival,
    now_ms: int,
) -> None:
    summary = arrival.message.summary
    tx.execute(
        PLACE,
        (
            account,
            mailbox,
            identifiers.uid,
            identifiers.email_id,
            identifiers.thread_id,
            summary.size,
            arrival.received_at_ms,
            summary.sent_at_ms,
            summary.sent_day,
            now_ms,
        ),
    )
    tx.execute(_FLAG, (account, mailbox, identifiers.uid, arrival.flags, identifiers.modseq))
