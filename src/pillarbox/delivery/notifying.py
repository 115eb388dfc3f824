"""The door for what a reader says about a message: a disposition notification that leaves (RFC 8098, RFC 9007 §2.1).

It goes the way of any submission, through the reception with its rules, checks and signatures; but with the null
reverse-path, and without asking for reports, so that nothing answers it (RFC 8098 §3). Errors are values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.config.schema import Config
from pillarbox.delivery.destinations import DsnRequest
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.reception.incoming import IncomingMessage
from pillarbox.delivery.reception.reception import Reception
from pillarbox.delivery.reception.writing import in_thread
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.delivery.submitted_envelope import NotSubmitted
from pillarbox.delivery.submitting import SERVICE, add_recipients, not_submitted
from pillarbox.directory.accounts import Account
from pillarbox.mail.address import Address
from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.protocol.smtp.path import NULL
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

_NO_REPORT = DsnRequest("NEVER")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be sent."""

    account: Account
    to: tuple[Address, ...]
    message: ComposedMessage
    client_address: str = ""
    """IP address of the client, for the log and checks."""


async def send(reception: Reception, world: World, config: Config, notice: Notice) -> NotSubmitted | None:
    """Send it; `None` once it is durable, and ours to deliver. Its message is read and written in threads."""
    try:
        return await _send(reception, world, config, notice)
    except BlobDamaged:
        return NotSubmitted("serverFail", "the message is damaged")
    except DatabaseUnavailable:
        return not_submitted(Refused(Reason.UNAVAILABLE), config)


async def _send(reception: Reception, world: World, config: Config, notice: Notice) -> NotSubmitted | None:
    origin = Origin(
        source=Source.SUBMISSION,
        service=SERVICE,
        protocol="HTTP",
        client_name=SERVICE,
        client_address=notice.client_address,
        account=notice.account,
    )
    is_ascii = all(str(each).isascii() for each in notice.to) and not notice.message.needs_smtputf8
    envelope = Envelope(NULL, smtputf8=not is_ascii, envelope_id=nonce(world.entropy))
    incoming = await reception.begin(origin, envelope)
    if isinstance(incoming, Refused):
        return not_submitted(incoming, config)
    try:
        recipients = [(address, _NO_REPORT) for address in notice.to]
        return await add_recipients(incoming, recipients, config) or await _add(
            incoming, notice.message.pieces(), config
        )
    finally:
        incoming.abandon()


async def _add(incoming: IncomingMessage, pieces: Iterator[bytes], config: Config) -> NotSubmitted | None:
    """Raises `BlobDamaged`, `DatabaseUnavailable`."""
    while (piece := await in_thread(next, pieces, None)) is not None:
        await incoming.add(piece)
        if incoming.refused:
            return not_submitted(incoming.refused, config)
    result = await incoming.finish(b"")
    return not_submitted(result, config) if isinstance(result, Refused) else None
