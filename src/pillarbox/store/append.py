"""A message comes to rest: blob, email, placement, flags, thread, counts, and a line in the log.

The hottest verb of the house: every delivery and every APPEND is one call. It parses nothing; all that is to
be known of the octets is in the `Summary` made before the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq, ThreadId, Uid, UidValidity
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import Summary
from pillarbox.store import account_counters, changes, tally, threads
from pillarbox.store.changes import Kind
from pillarbox.store.tally import Tally
from pillarbox.world.blobs import PreparedBlob
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class Message:
    """Octets ready to be kept, and what was read from them."""

    blob: PreparedBlob
    summary: Summary


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message with what its sender or the client said about it."""

    message: Message
    flags: str
    """Canonical text of `pillarbox.mail.flags`."""
    received_at_ms: int
    """IMAP's internal date, JMAP's receivedAt."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message has come to rest."""

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
    """Put a message into a mailbox.

    Raises `tally.NoSuchMailbox` or `ledger.OverQuota` before it has changed anything, so that a verb which
    delivers to several accounts may go on with the next.
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
    """Put several messages into a mailbox, all or none, with successive UIDs (RFC 3502).

    Raises as `append` does.
    """
    if not arrivals:
        return []
    octets = sum(arrival.message.summary.size for arrival in arrivals)
    admission = account_counters.admit(
        tx, account, mailbox, octets=octets, messages=len(arrivals), quota_octets=quota_octets
    )
    counts = Tally.total(Tally.of(one.flags, octets=one.message.summary.size) for one in arrivals)
    first, uid_validity = tally.apply(tx, account, mailbox, admission.modseq, counts, uids=len(arrivals))
    done = []
    for place, arrival in enumerate(arrivals):
        email = EmailId(admission.first_email + place)
        thread = threads.link(tx, account, arrival.message.summary, email=email)
        here = Appended(Uid(first + place), uid_validity, admission.modseq, email, thread)
        _keep(tx, email, arrival.message)
        _place(tx, account, mailbox, here, arrival, now_ms)
        done.append(here)
    last = first + len(arrivals) - 1
    changes.record(tx, account, admission.modseq, mailbox, Kind.APPENDED, NumberSet(((first, last),)))
    return done


_KEEP = "INSERT INTO emails VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _keep(tx: Transaction, email: EmailId, message: Message) -> None:
    _write(tx, email, message.blob.keep(tx).digest, message.summary)


def _write(tx: Transaction, email: EmailId, digest: bytes, summary: Summary) -> None:
    tx.execute(
        _KEEP,
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
        ),
    )


def render_again(tx: Transaction, email: EmailId, digest: bytes, summary: Summary) -> None:
    """Write anew what is known of an email from its octets; its mailboxes, flags and uses stay as they are."""
    tx.execute("DELETE FROM emails WHERE id = ?", (email,))
    _write(tx, email, digest, summary)
    tx.execute(
        "UPDATE placements SET size = ?, sent_at_ms = ?, sent_day = ? WHERE email = ?",
        (summary.size, summary.sent_at_ms, summary.sent_day, email),
    )


PLACE = "INSERT INTO placements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
FLAG = "INSERT INTO flags VALUES (?, ?, ?, ?, ?)"


def _place(
    tx: Transaction, account: AccountId, mailbox: MailboxId, here: Appended, arrival: Arrival, now_ms: int
) -> None:
    summary = arrival.message.summary
    tx.execute(
        PLACE,
        (
            account,
            mailbox,
            here.uid,
            here.email_id,
            here.thread_id,
            summary.size,
            arrival.received_at_ms,
            summary.sent_at_ms,
            summary.sent_day,
            now_ms,
        ),
    )
    tx.execute(FLAG, (account, mailbox, here.uid, arrival.flags, here.modseq))
