"""A new email in one or several mailboxes (RFC 8621 §4.6 to §4.8), with one MODSEQ."""

from collections.abc import Iterable

from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import flag_texts, mailbox_counts, placements
from pillarbox.store.append import Appended, Arrival, append_all
from pillarbox.store.placements import COPY_OCTETS, Row
from pillarbox.world.blobs import keep_again, release
from pillarbox.world.database import Transaction


def create(
    tx: Transaction,
    account: AccountId,
    mailboxes: Iterable[MailboxId],
    arrival: Arrival,
    *,
    now_ms: int,
    quota_octets: int | None = None,
) -> Appended:
    """Append a message to a mailbox, and copy it to the others: at least one. Towards the quota, each copy counts.

    Raises as `append` does, before it has changed anything.
    """
    first, *others = sorted(mailboxes)
    for mailbox in others:
        mailbox_counts.read(tx, account, mailbox)
        if len(arrival.flags) > SHORT_TEXT_OCTETS:
            flag_texts.check(tx, account, mailbox, [arrival.flags])
    if quota_octets is not None:
        quota_octets -= len(others) * COPY_OCTETS
    (appended,) = append_all(tx, account, first, (arrival,), now_ms=now_ms, quota_octets=quota_octets)
    size = arrival.message.summary.size
    row = Row(appended.uid, appended.email_id, size, arrival.flags, appended.thread_id)
    for mailbox in others:
        placements.copy_rows(tx, account, first, [row], to=mailbox, now_ms=now_ms, modseq=appended.modseq)
    return appended


def create_of_stored(
    tx: Transaction,
    account: AccountId,
    mailboxes: Iterable[MailboxId],
    arrival: Arrival,
    *,
    now_ms: int,
    quota_octets: int | None = None,
) -> Appended:
    """The same with a message whose octets are stored already: of its blob only the digest is looked at.

    Raises `BlobMissing` where they are not there any more.
    """
    digest = arrival.message.blob.blob.digest
    keep_again(tx, digest)
    try:
        return create(tx, account, mailboxes, arrival, now_ms=now_ms, quota_octets=quota_octets)
    finally:
        release(tx, digest)
