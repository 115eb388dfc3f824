"""Reading the messages of APPEND and REPLACE: each is offered, passed on as it comes, and ended."""

from pillarbox.protocol.imap import limits, response_codes
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.cursor import Cursor, Malformed, UnsupportedArgument
from pillarbox.protocol.imap.events import (
    Bye,
    Event,
    MessageOctets,
    MessageOffered,
    MessageParameters,
    MessagesDropped,
    MessagesEnded,
    Response,
)
from pillarbox.protocol.imap.grammar.append import message_parameters
from pillarbox.protocol.imap.parser_state import AGAIN, Again, Mode, ParserState
from pillarbox.protocol.imap.receiver import LineTooLong, literal_count
from pillarbox.protocol.imap.spaces import tidied


def step_message(parser: ParserState) -> Event | Again | None:
    """Octets of a message."""
    if not parser.remaining:
        parser.mode = Mode.AFTER_MESSAGE
        return AGAIN
    piece = parser.receiver.piece(parser.remaining)
    if not piece:
        return None
    parser.remaining -= len(piece)
    return MessageOctets(piece)


def step_after_message(parser: ParserState) -> Event | Again | None:
    """The line after a message: the end of the command, or another message's parameters."""
    assert parser.message is not None
    try:
        line = parser.receiver.line(parser.limits.line_octets)
    except LineTooLong:
        return _dropped(parser.line_too_long())
    if line is None:
        return None
    command, parameters, index = parser.message
    cursor = Cursor(line, enabled=parser.enabled)
    if parameters.utf8 and not cursor.skip(b")"):
        return _dropped(parser.bad(literal_count(line), "Expected the end of the UTF8 message"))
    if not line[cursor.at :].strip(b" "):
        tag = parser.draft.tag
        parser.forget_command()
        parser.mode = Mode.COMMAND
        parser.bad_commands = 0
        return MessagesEnded(tag, command)
    if not isinstance(command, Append):
        return _dropped(parser.bad(literal_count(line), "REPLACE takes one message"))
    event = read_parameters(parser, cursor, command, index + 1)
    return event if isinstance(event, MessageOffered) else _dropped(event)


def read_parameters(
    parser: ParserState, cursor: Cursor, command: Append | Replace, index: int
) -> MessageOffered | Response | Bye:
    """Offer the message that the rest of the line announces, or refuse it."""
    count = literal_count(cursor.text)
    try:
        parameters = _parameters(cursor)
    except Malformed as wrong:
        return parser.bad(count, str(wrong))
    except UnsupportedArgument as unsupported:
        return parser.no(count, str(unsupported), unsupported.code)
    # RFC 3502 §6.3.11: a message of no octets is an error, and a way to cancel
    if not parameters.size:
        return parser.no(count, "Can't save a zero byte message", None)
    if parameters.size > parser.append_limit:
        return parser.no(count, "Message too large", response_codes.TOOBIG)
    if index:
        parser.draft.literal_octets += parameters.size
    if index >= limits.MAX_APPEND_MESSAGES or parser.draft.literal_octets > limits.MAX_APPEND_OCTETS:
        return parser.no(count, "Too much data in one command", response_codes.LIMIT)
    parser.mode, parser.remaining, parser.count = Mode.OFFERED, parameters.size, count
    parser.message = (command, parameters, index)
    return MessageOffered(parser.draft.tag, command, parameters, index)


def _parameters(cursor: Cursor) -> MessageParameters:
    at = cursor.at
    try:
        return message_parameters(cursor)
    except Malformed:
        if (tidy := tidied(cursor.text[at:])) == cursor.text[at:]:
            raise
        return message_parameters(Cursor(tidy, enabled=cursor.enabled))


def _dropped(event: Response | Bye) -> Event:
    """The same response, with which the messages are dropped; a BYE stays one."""
    return MessagesDropped(event.octets) if isinstance(event, Response) else event
