"""Letting go what was held until its time (`queue.scheduled`), as if it were accepted now.

    due -> its octets, signed and as they are placed -> one transaction: placed here, due elsewhere, no longer held

Recipients are looked up when it leaves, as they were when it came: an address that is gone by then fails, and its
sender gets a report. Quotas are not asked about a second time. Whatever happens before the transaction, the message is
still held, and is looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from pillarbox.delivery import report, responding, route, tracking
from pillarbox.delivery.accept import place
from pillarbox.delivery.destinations import Destinations, DsnRequest
from pillarbox.delivery.pieces import Rest, Whole
from pillarbox.delivery.reception.writing import in_thread, write_below
from pillarbox.delivery.route import LocalRecipient, RemoteRecipient
from pillarbox.delivery.settle import DeliveryAttempt, RecipientResult, ReportingMta, fail
from pillarbox.delivery.signing import Signer
from pillarbox.delivery.summarizing import summary_of
from pillarbox.delivery.text_form import text_form
from pillarbox.delivery.trace import return_path
from pillarbox.delivery.tracking import Fate
from pillarbox.directory import accounts, resolve
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.dsn import RETURNED_OCTETS, Dsn
from pillarbox.mail.vacation_reply import SubjectMessage
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.protocol.smtp.commands import Body
from pillarbox.protocol.smtp.path import NULL, ReversePath
from pillarbox.queue import outcome, scheduled
from pillarbox.queue.outcome import QueuedDelivery
from pillarbox.queue.schedule import QueuedMessage
from pillarbox.queue.spool import QueueId, State, add_recipients
from pillarbox.store import authentication
from pillarbox.store.append import Message
from pillarbox.world.blobs import BlobDamaged, Blobs, BlobWriter, PreparedBlob, prepare, verified
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

TOP_OCTETS: Final = 1024 * 1024
"""Within these, a message has its header: more was refused when it came."""
_SMALL_OCTETS: Final = 64 * 1024

_GONE: Final = DeliveryAttempt(
    Outcome(OutcomeKind.FAILED, "5.1.1", "the address does not exist any more", said_by_server=False)
)
_DAMAGED: Final = DeliveryAttempt(
    Outcome(OutcomeKind.FAILED, "5.3.0", "the message was damaged while it was held", said_by_server=False)
)


class Prepared(Struct, frozen=True, gc=False):
    """What a message consists of when it leaves."""

    placed: Message | None
    """As it is placed here; `None` where it is damaged, or goes nowhere here."""
    queued: PreparedBlob | None
    """With signatures; `None`: as it is."""
    damaged: bool = False
    about: SubjectMessage | None = None
    """What recipients who are away answer."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the recipients of a message are."""

    message: QueuedMessage
    destinations: Destinations
    local: list[QueuedDelivery]
    remote: list[QueuedDelivery]
    gone: list[QueuedDelivery]
    fates: list[Fate]
    """Of those here."""


# --- before the transaction


async def prepared(
    message: QueuedMessage, world: World, signer: Signer, *, is_local: bool, is_remote: bool
) -> Prepared:
    """Make ready what `release` writes. Raises `DatabaseUnavailable`, `MemoryScarce`."""
    with await world.memory.relay.reserve(2 * message.size):
        try:
            octets = await world.database.read_in_thread(_read, world.blobs, message.blob)
        except BlobDamaged:
            return Prepared(None, None, damaged=True)
        queued = await _signed(octets, world.blobs, signer) if is_remote else None
        if not is_local:
            return Prepared(None, queued)
        placed = await _placed(message, octets, world)
        sender: ReversePath = Address.parse(message.reverse_path) if message.reverse_path else NULL
        about = await in_thread(responding.read_subject_message, sender, octets)
        return Prepared(placed, queued, about=about)


def _read(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes:
    return verified(blobs.read(tx, digest), digest)


async def _signed(octets: bytes, blobs: Blobs, signer: Signer) -> PreparedBlob | None:
    whole = Whole(octets)
    if len(octets) > TOP_OCTETS:
        whole = Whole(octets[:TOP_OCTETS], Rest(octets, TOP_OCTETS))
    signatures = await signer.signatures(whole)
    return await _below(signatures, octets, blobs) if signatures else None


async def _placed(message: QueuedMessage, octets: bytes, world: World) -> Message:
    path = return_path(f"<{message.reverse_path or ''}>")
    blob, octets = await _below(path, octets, world.blobs), path + octets
    if message.body is Body.BINARY:
        blob, octets = await text_form(blob, octets, world.blobs)
    # Nothing is checked of what our accounts send, but we have received it
    return Message(blob, await summary_of(octets, world.aside), authentication.encoded(()))


async def _below(top: bytes, octets: bytes, blobs: Blobs) -> PreparedBlob:
    """Fields on top of a message that has some: it was completed when it came."""
    if len(octets) < _SMALL_OCTETS:
        return prepare(top + octets)
    return await in_thread(_written_below, blobs.writer(), top, octets)


def _written_below(writer: BlobWriter, top: bytes, octets: bytes) -> PreparedBlob:
    write_below(writer, top, octets, 0)
    return writer.finish_now()


def kinds(
    tx: Transaction, message: QueueId, *, separate_domains: bool
) -> tuple[QueuedMessage, bool, bool] | None:
    """A message that is held, and whether any of its recipients is here, and elsewhere; `None` if it is gone."""
    try:
        found = _found(tx, message, separate_domains=separate_domains)
    except LookupError:
        return None
    return found.message, bool(found.destinations.placements), bool(found.destinations.remote)


# --- the transaction


def release(
    tx: Transaction,
    message: QueueId,
    ready: Prepared,
    mta: ReportingMta,
    *,
    separate_domains: bool,
    now_ms: int,
) -> list[RecipientResult] | None:
    """Deliver a message here and make it due elsewhere; return who got no mail, for the log.

    `None`, and nothing is changed, where it is not held, not due, has left, or `ready` does not suit the recipients
    that it has by now. Raises `NoSuchMailbox` or `NoSuchAccount` where a mailbox was removed just now.
    """
    try:
        found = _found(tx, message, separate_domains=separate_domains)
    except LookupError:
        return None
    wanted = found.destinations.placements
    if wanted and ready.placed is None and not ready.damaged:
        return None
    if not scheduled.begin_release(tx, message, now_ms=now_ms):
        return None
    if ready.damaged:
        everybody = [*found.local, *found.remote, *found.gone]
        return fail(tx, everybody, [_DAMAGED] * len(everybody), mta, now_ms)
    if ready.placed:
        place(tx, wanted, ready.placed, quarantined=False, now_ms=now_ms)
        if ready.about:
            responding.answer(tx, wanted, ready.about, nonce(mta.entropy), now_ms=now_ms)
    _report_success(tx, found, mta, now_ms)
    _queue(tx, found, now_ms)
    tracking.note(tx, found.message, found.fates)
    failed = fail(tx, found.gone, [_GONE] * len(found.gone), mta, now_ms) if found.gone else []
    for delivery in found.local:
        outcome.dropped(tx, delivery)
    if ready.queued and found.destinations.remote:
        scheduled.replace_octets(tx, found.message, ready.queued)
    return failed


def _found(tx: Transaction, message: QueueId, *, separate_domains: bool) -> _Found:
    """Raises `LookupError`."""
    queued, deliveries = scheduled.held(tx, message)
    found = _Found(queued, Destinations(), [], [], [], [])
    local: list[tuple[Address, LocalRecipient, DsnRequest]] = []
    for delivery in deliveries:
        recipient = delivery.recipient
        request = DsnRequest(recipient.notify, recipient.original)
        try:
            address = Address.parse(recipient.address)
        except InvalidAddress:
            found.gone.append(delivery)
            continue
        match _destination(tx, queued, address, separate_domains=separate_domains):
            case LocalRecipient() as here:
                found.local.append(delivery)
                local.append((address, here, request))
            case RemoteRecipient():
                found.remote.append(delivery)
                found.destinations.add_remote(address, request)
            case _:
                found.gone.append(delivery)
    for address, here, request in local:
        found.destinations.add_local(address, here, request)
        fate = tracking.here(str(address), here, found.destinations)
        found.fates.append(fate)
    return found


def _destination(
    tx: Transaction, message: QueuedMessage, address: Address, *, separate_domains: bool
) -> route.Destination:
    if separate_domains and message.account is not None:
        account, served = accounts.get(tx, message.account), resolve.served_domain(tx, address)
        own = account.login.rpartition("@")[2] if account else ""
        if served is None or served.name != own:
            return RemoteRecipient()
    return route.destination(tx, address, octets=None)


def _queue(tx: Transaction, found: _Found, now_ms: int) -> None:
    """Recipients elsewhere, and those that recipients here lead to, are due."""
    keys = {Address.parse(delivery.recipient.address).key for delivery in found.remote}
    forwards = [each for key, each in found.destinations.remote.items() if key not in keys]
    if forwards:
        add_recipients(tx, found.message.id, forwards, state=State.WAITING, due_ms=now_ms)
    if found.remote:
        scheduled.make_due(tx, found.remote, now_ms=now_ms)


def _report_success(tx: Transaction, found: _Found, mta: ReportingMta, now_ms: int) -> None:
    """RFC 3461 §5.2.3, §5.2.7: as when a message is accepted."""
    message, successes = found.message, tuple(found.destinations.successes.values())
    if not successes or message.reverse_path is None:
        return
    notice = Dsn(
        to=message.reverse_path,
        hostname=mta.hostname,
        recipients=successes,
        identity=nonce(mta.entropy),
        now_ms=now_ms,
        arrived_at_ms=message.queued_at_ms,
        envelope_id=message.envelope_id,
        release_request=message.release_request,
        headers_only=True,
        require_tls=message.require_tls,
    )
    report.send(tx, notice, _top(tx, message, mta.blobs))


def _top(tx: Transaction, message: QueuedMessage, blobs: Blobs) -> bytes:
    try:
        return blobs.read(tx, message.blob, 0, RETURNED_OCTETS + 4)
    except BlobDamaged:
        return b""


def discard(ready: Sequence[PreparedBlob | None], blobs: Blobs) -> None:
    """Remove files that no transaction names."""
    for blob in ready:
        if blob:
            blobs.discard(blob)
