"""Reading the client's part of IDLE and AUTHENTICATE, which is no command."""

from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.cursor import Malformed, decode_base64
from pillarbox.protocol.imap.events import Event, IdleAborted, IdleEnded, Response, SaslAborted, SaslResponse
from pillarbox.protocol.imap.parser_state import Mode, ParserState
from pillarbox.protocol.imap.receiver import LineTooLong, literal_count
from pillarbox.protocol.sasl.line import MAX_LINE_OCTETS


def step_idle(parser: ParserState) -> Event | None:
    """The line that ends IDLE."""
    try:
        line = parser.receiver.line(parser.limits.line_octets)
    except LineTooLong:
        event = parser.line_too_long()
        return IdleAborted(event.octets) if isinstance(event, Response) else event
    if line is None:
        return None
    tag = parser.draft.tag
    parser.mode = Mode.COMMAND
    if line.rstrip(b" ").upper() == b"DONE":
        return IdleEnded(tag)
    # RFC 9051 §6.3.13: a client must not send a command while it idles
    event = parser.bad(literal_count(line), "Expected DONE")
    return IdleAborted(event.octets) if isinstance(event, Response) else event


def step_sasl(parser: ParserState) -> Event | None:
    """A SASL response."""
    try:
        line = parser.receiver.line(MAX_LINE_OCTETS)
    except LineTooLong:
        event = parser.line_too_long()
        return SaslAborted(event.octets) if isinstance(event, Response) else event
    if line is None:
        return None
    parser.mode = Mode.COMMAND
    # RFC 9051 §6.2.2: "*" cancels, and is answered with BAD
    if line == b"*":
        return SaslAborted(responses.bad(parser.draft.tag, "Authentication aborted by client"))
    try:
        return SaslResponse(decode_base64(line))
    except Malformed:
        event = parser.bad(None, "Invalid base64 data")
        return SaslAborted(event.octets) if isinstance(event, Response) else event
