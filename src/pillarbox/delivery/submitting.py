"""The door for mail that is submitted by JMAP: an email that is stored goes the way of any submission.

    email -> envelope -> the reception, with its rules, checks and signatures -> one commit, with the submission

The octets are read from the blob in pieces and received anew, since what leaves differs from what is stored: it has
trace fields, and no Bcc (RFC 8621 §7.5). Errors are values.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from msgspec import Struct

from pillarbox.config.schema import Config
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.pieces import PIECE_OCTETS
from pillarbox.delivery.reception.body import MAX_TOP_OCTETS
from pillarbox.delivery.reception.incoming import IncomingMessage
from pillarbox.delivery.reception.reception import Reception
from pillarbox.delivery.reception.writing import in_thread
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.delivery.submitted_envelope import (
    NotSubmitted,
    Recipients,
    SubmittedEnvelope,
    as_json,
    of_header,
    read_envelope,
    read_recipients,
)
from pillarbox.directory import identities
from pillarbox.directory.accounts import Account
from pillarbox.mail.header import Header
from pillarbox.mail.identifiers import EmailId, ThreadId
from pillarbox.queue.submissions import NewSubmission
from pillarbox.world.blobs import BlobDamaged, OpenBlob
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

SERVICE: Final = "jmap"
TOGETHER: Final = 10
"""Recipients that are looked up until others have their turn."""
_NO_HEADER: Final = NotSubmitted("invalidEmail", "its header is too large", ("headers",))
_LATER: Final = "the server cannot take it now; try again later"

_NOT_SUBMITTED: Final = {
    Reason.NOT_YOUR_ADDRESS: NotSubmitted(
        "forbiddenMailFrom", "the envelope's sender is no address of the account"
    ),
    Reason.FROM_NOT_OWNED: NotSubmitted("forbiddenFrom", "From names an address that is not the account's"),
    Reason.NO_FROM: NotSubmitted("invalidEmail", "From has no valid address", ("from",)),
    Reason.HEADER_TOO_LARGE: _NO_HEADER,
    Reason.HEADER_AMBIGUOUS: NotSubmitted(
        "invalidEmail", "programs read its header differently", ("headers",)
    ),
    Reason.TOO_MANY_HOPS: NotSubmitted("invalidEmail", "it has passed too many servers", ("headers",)),
    Reason.HOLD_TOO_LONG: NotSubmitted(
        "invalidProperties", "held for too long, or until the past", ("envelope",)
    ),
    Reason.TOO_MUCH_HELD: NotSubmitted("overQuota", "too much mail is held until its time already"),
}
"""What a refusal of a message is in JMAP. The others are transient, or a check's."""


class StoredEmail(Struct, frozen=True, gc=False):
    """The email that is to be sent. `blob`: the name of its octets."""

    id: EmailId
    thread: ThreadId
    blob: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asks for. `identity`: the id of the identity it sends as."""

    account: Account
    identity: str
    email: StoredEmail
    envelope: SubmittedEnvelope | None = None
    client_address: str = ""
    """IP address of the client, for the log and checks."""
    cipher: str | None = None


class Submitted(Struct, frozen=True, gc=False):
    """The message is durable, and ours to deliver or to report. `id`: of its submission."""

    id: int


async def submit(
    reception: Reception, world: World, config: Config, order: Order
) -> Submitted | NotSubmitted:
    """Send a stored email, now or at the time its envelope says."""
    try:
        blob = await world.database.read(world.blobs.open, order.email.blob)
        with blob:
            return await _Submitting(reception, world, config, order, blob).run()
    except BlobDamaged:
        return NotSubmitted("invalidEmail", "its octets are damaged", ("blobId",))
    except DatabaseUnavailable:
        return NotSubmitted("serverFail", _LATER)


@dataclass(frozen=True, slots=True)
class _Submitting:
    reception: Reception
    world: World
    config: Config
    order: Order
    blob: OpenBlob

    async def run(self) -> Submitted | NotSubmitted:
        """Raises `BlobDamaged`, `DatabaseUnavailable`."""
        order, limits = self.order, self.config.limits
        if self.blob.size > limits.message_octets:
            return not_submitted(Refused(Reason.MESSAGE_TOO_LARGE), self.config)
        identity = await self.world.database.read(identities.get, order.account.id, order.identity)
        if identity is None:
            return NotSubmitted("invalidProperties", "there is no such identity", ("identityId",))
        if not identity.usable:
            return NotSubmitted("forbiddenFrom", "the account may not send from the identity's address")
        header = await self._header()
        if isinstance(header, NotSubmitted):
            return header
        read = await in_thread(self._read, header, identity.email)
        if isinstance(read, NotSubmitted):
            return read
        given, recipients = read
        envelope_id = nonce(self.world.entropy)
        envelope = read_envelope(given, envelope_id, octets=self.blob.size, is_ascii=header.octets.isascii())
        if isinstance(envelope, NotSubmitted):
            return envelope
        return await self._send(envelope, recipients, self._remembered(given, envelope_id))

    def _read(self, header: Header, identity: str) -> tuple[SubmittedEnvelope, Recipients] | NotSubmitted:
        """The envelope and its recipients; in a thread, since these may be thousands."""
        order = self.order
        given = order.envelope or of_header(header, identity, instead=order.account.address)
        if isinstance(given, NotSubmitted):
            return given
        recipients = read_recipients(given, self.config.limits.recipients)
        return recipients if isinstance(recipients, NotSubmitted) else (given, recipients)

    async def _header(self) -> Header | NotSubmitted:
        top = await in_thread(self.blob.read, 0, MAX_TOP_OCTETS)
        header, _ = await in_thread(Header.parse, top)
        return _NO_HEADER if header.cut else header

    def _remembered(self, given: SubmittedEnvelope, envelope_id: str) -> NewSubmission:
        order = self.order
        return NewSubmission(
            account=order.account.id,
            identity=order.identity,
            email=order.email.id,
            thread=order.email.thread,
            envelope=as_json(given),
            envelope_id=envelope_id,
        )

    async def _send(
        self, envelope: Envelope, recipients: Recipients, remembered: NewSubmission
    ) -> Submitted | NotSubmitted:
        order = self.order
        origin = Origin(
            source=Source.SUBMISSION,
            service=SERVICE,
            protocol="HTTP",
            client_name=SERVICE,
            client_address=order.client_address,
            cipher=order.cipher,
            account=order.account,
        )
        incoming = await self.reception.begin(origin, envelope, submission=remembered)
        if isinstance(incoming, Refused):
            return not_submitted(incoming, self.config)
        try:
            why = await add_recipients(incoming, recipients, self.config)
            return why or await self._add_octets(incoming)
        finally:
            incoming.abandon()

    async def _add_octets(self, incoming: IncomingMessage) -> Submitted | NotSubmitted:
        digest, last = sha256(), b""
        for start in range(0, self.blob.size, PIECE_OCTETS):
            if start:
                await incoming.add(last)
                if incoming.refused:
                    return not_submitted(incoming.refused, self.config)
            last = await in_thread(self.blob.read, start, PIECE_OCTETS)
            await in_thread(digest.update, last)
        if digest.digest() != self.order.email.blob:
            raise BlobDamaged(self.order.email.blob.hex(), "is damaged")
        result = await incoming.finish(last)
        if isinstance(result, Refused):
            return not_submitted(result, self.config)
        assert result.submission is not None, "it was to be remembered"
        return Submitted(result.submission)


# --- also of `notifying`


async def add_recipients(
    incoming: IncomingMessage, recipients: Recipients, config: Config
) -> NotSubmitted | None:
    """Why it is not sent, because of its recipients: all that are no good."""
    invalid: list[str] = []
    for number, (address, request) in enumerate(recipients, 1):
        if number % TOGETHER == 0:
            await asyncio.sleep(0)  # others come between
        refused = await incoming.add_recipient(address, request)
        if refused is None:
            continue
        if refused.reason in (Reason.UNAVAILABLE, Reason.MEMORY_SCARCE):
            return not_submitted(refused, config)
        invalid.append(str(address))
    if not invalid:
        return None
    return NotSubmitted("invalidRecipients", "unknown here, or full", invalid_recipients=tuple(invalid))


def not_submitted(refused: Refused, config: Config) -> NotSubmitted:
    """What a refusal of the reception is in JMAP."""
    if refused.reason is Reason.MESSAGE_TOO_LARGE:
        return NotSubmitted("tooLarge", max_size=config.limits.message_octets)
    if refused.reason in (Reason.REJECTED_BY_CHECK, Reason.DEFERRED_BY_CHECK):
        return NotSubmitted("forbiddenToSend", refused.text)
    return _NOT_SUBMITTED.get(refused.reason) or NotSubmitted("serverFail", _LATER)
