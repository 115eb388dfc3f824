"""Reading a command: its lines and literals, whether it is allowed, and its value."""

from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.command_table import COMMANDS, refusal
from pillarbox.protocol.imap.commands import Append, Authenticate, Replace
from pillarbox.protocol.imap.cursor import AwaitsLiteral, Malformed, UnsupportedArgument
from pillarbox.protocol.imap.events import Event, Received, Response
from pillarbox.protocol.imap.grammar.append import MESSAGE_VERBS
from pillarbox.protocol.imap.message_steps import read_parameters
from pillarbox.protocol.imap.parser_state import AGAIN, Again, Mode, ParserState
from pillarbox.protocol.imap.receiver import LineTooLong, LiteralCount, TooManyLiterals, literal_count

_WITH_MESSAGES = (Append, Replace)


def step_command(parser: ParserState) -> Event | Again | None:
    """A line of the command."""
    draft = parser.draft
    try:
        line = parser.line()
    except LineTooLong:
        return parser.line_too_long()
    except TooManyLiterals:
        return parser.bye(b"", "Too many literals")
    if line is None:
        return None
    count = literal_count(line) if line.endswith(b"}") else None
    if draft.add_line(line) and (event := _check_verb(parser, count)):
        return event
    return _literal_follows(parser, count) if count else _complete(parser)


def step_literal(parser: ParserState) -> Event | Again | None:
    """Octets of a literal that is an argument."""
    if parser.remaining:
        piece = parser.receiver.piece(parser.remaining)
        if not piece:
            return None
        parser.draft.add_piece(piece)
        parser.remaining -= len(piece)
        return AGAIN
    parser.draft.end_literal()
    parser.mode = Mode.COMMAND
    return AGAIN


def _check_verb(parser: ParserState, count: LiteralCount | None) -> Event | None:
    """Whether the command is allowed, by its first line alone; an event where it is not."""
    if not parser.draft.read_head():
        return parser.bad(count, "Expected a tag and a command")
    verb = parser.draft.verb
    row = COMMANDS.get(verb)
    if row is None or parser.state not in row.transitions:
        return parser.bad(count, refusal(parser.state, verb))
    if verb == b"STARTTLS" and not parser.conditions.tls_available:
        return parser.bad(count, "TLS not available")
    # RFC 9051 §6.2.3: while LOGINDISABLED is announced, LOGIN fails whatever the password
    if verb == b"LOGIN" and not parser.conditions.passwords_allowed:
        why = "Plaintext authentication disallowed on non-secure (SSL/TLS) connections"
        return parser.no(count, why, response_codes.PRIVACYREQUIRED)
    return None


def _literal_follows(parser: ParserState, count: LiteralCount) -> Event | Again:
    """A literal follows: a message to offer, or an argument to keep."""
    draft = parser.draft
    if draft.verb in MESSAGE_VERBS:
        try:
            command, cursor = draft.parse_begun(parser.enabled)
        except AwaitsLiteral:
            pass  # the mailbox name is the literal
        except Malformed as wrong:
            return parser.bad(count, str(wrong))
        except UnsupportedArgument as unsupported:
            return parser.no(count, str(unsupported), unsupported.code)
        else:
            assert isinstance(command, Append | Replace)
            return read_parameters(parser, cursor, command, 0)
    argument = COMMANDS[draft.verb].literal
    if argument is None:
        return parser.bad(count, "No argument of this command can be a literal")
    # Refused before a single octet of it is kept
    draft.literal_octets += count.size
    if count.size > argument.octets or draft.literal_octets > parser.limits.literal_octets:
        return parser.no(count, "Literal too large", response_codes.LIMIT)
    if len(draft.literals) == parser.limits.literals:
        return parser.no(count, "Too many literals", response_codes.LIMIT)
    parser.mode, parser.remaining = Mode.LITERAL, count.size
    return Response(responses.continuation()) if count.synchronizing else AGAIN


def _complete(parser: ParserState) -> Event:
    """The whole command has come."""
    draft = parser.draft
    try:
        command = draft.parse(parser.enabled)
    except Malformed as wrong:
        return parser.bad(None, str(wrong))
    except UnsupportedArgument as unsupported:
        return parser.no(None, str(unsupported), unsupported.code)
    if isinstance(command, _WITH_MESSAGES):
        return parser.bad(None, "Expected a message as a literal")
    if isinstance(command, Authenticate) and command.mechanism not in parser.conditions.mechanisms:
        return parser.no(None, "Unsupported authentication mechanism", None)
    enabling = b"CONDSTORE" not in parser.enabled and command.enables_condstore
    if enabling:
        parser.enabled |= {b"CONDSTORE"}
    parser.bad_commands = 0
    draft.clear()
    return Received(draft.tag, command, enabling)
