"""DATA and BDAT: the octets go to the reception, its decision is the answer (RFC 5321 §4.1.1.4, RFC 3030, RFC 2033)."""

from collections.abc import Awaitable

from pillarbox.delivery.reception.incoming import IncomingMessage
from pillarbox.delivery.refusal import Refused
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.commands import Bdat, Simple
from pillarbox.protocol.smtp.machine import ChunkEnd, MessageEnd, Piece
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.smtp.context import COMMAND_TIMEOUT_S, DATA_TIMEOUT_S, Context
from pillarbox.server.smtp.refusals import reply_to


def on_data(context: Context, command: Simple) -> None:
    """Ask for the message."""
    if _incoming(context).binary:
        # RFC 3030 §3: BINARYMIME cannot be used with DATA
        context.machine.failed()
        context.answer(replies.BINARY_NEEDS_CHUNKS)
        return
    context.machine.succeeded(command)
    context.connection.set_deadline(DATA_TIMEOUT_S)
    context.answer(replies.START_DATA)


def on_piece(context: Context, event: Piece) -> Awaitable[None] | None:
    """More of the message; nothing is answered."""
    if event.chunk and context.machine.refuses_chunks():
        return None  # RFC 3030 §2: accepted from the wire, and discarded
    return _incoming(context).add(event.octets)


def on_message_end(context: Context, event: MessageEnd) -> Awaitable[None]:
    """The end of a message that came by DATA."""
    context.connection.set_deadline(COMMAND_TIMEOUT_S)
    return _finish(context, _incoming(context), event.octets)


async def on_chunk_end(context: Context, event: ChunkEnd) -> None:
    """The end of a chunk, of which the last ends the message."""
    chunk = event.chunk
    refusal = context.machine.refusal(chunk)
    if refusal:
        _refuse_chunk(context, chunk, refusal)
        return
    incoming = _incoming(context)
    if chunk.last:
        context.machine.chunk_answered(chunk, accepted=True)
        await _finish(context, incoming, event.octets)
        return
    await incoming.add(event.octets)
    refused = incoming.refused
    context.machine.chunk_answered(chunk, accepted=refused is None)
    context.answer(reply_to(refused) if refused else Reply(250, "0.0", f"{chunk.octets} octets received"))


def _incoming(context: Context) -> IncomingMessage:
    assert context.incoming is not None, "the table has a transaction here"
    return context.incoming


def _refuse_chunk(context: Context, chunk: Bdat, refusal: Reply) -> None:
    context.machine.chunk_answered(chunk, accepted=False)
    for _ in range(_answers(context) if chunk.last else 1):
        context.answer(refusal)
    if chunk.last:
        context.reset()


def _answers(context: Context) -> int:
    """Replies to the end of a message: LMTP has one for each accepted RCPT, even none (RFC 2033 §4.3)."""
    if context.shared.role is Role.LMTP and context.incoming:
        return len(context.incoming.recipients)
    return 1


async def _finish(context: Context, incoming: IncomingMessage, last: bytes) -> None:
    """The one place that answers whether a message was accepted."""
    times = _answers(context)
    result = await incoming.finish(last)
    context.reset()
    if isinstance(result, Refused):
        context.shared.messages.not_accepted(result)
        octets = reply_to(result).octets
    else:
        context.shared.messages.accepted.value += 1
        context.counts.accepted()
        octets = replies.accepted(result.id)
    context.replies.append(octets * times)
