"""The table of commands: every command by name, with the states it is allowed in and its grammar.

A new command is a row here. The machine refuses what is not in the table, and asserts that a session moves to a
state only where its command may lead.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from pillarbox.protocol.imap import commands, limits
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.cursor import Cursor
from pillarbox.protocol.imap.grammar import append, connection, fetch, listing, mailboxes, messages, search
from pillarbox.protocol.imap.limits import Argument
from pillarbox.protocol.imap.states import (
    ANY_STATE,
    AUTHENTICATED,
    DESELECTS,
    LOGS_IN,
    LOGS_OUT,
    SELECTED,
    SELECTS,
    STARTS_TLS,
    State,
    Transitions,
)

Parser: TypeAlias = Callable[[Cursor], Command]
"""Reads a command's arguments, from the first one on. Raises `Malformed` (BAD) or `UnsupportedArgument` (NO)."""


class Row(NamedTuple):
    """A command."""

    transitions: Transitions
    grammar: Parser | Command
    """How its arguments are read; the value itself where it has none."""
    literal: Argument | None = None
    """The largest argument that may come as a literal, messages excepted: refused at its announcement beyond that."""


COMMANDS: Final[dict[bytes, Row]] = {
    b"CAPABILITY": Row(ANY_STATE, commands.Capability()),
    b"NOOP": Row(ANY_STATE, commands.Noop()),
    b"LOGOUT": Row(LOGS_OUT, commands.Logout()),
    b"ID": Row(ANY_STATE, connection.identification, limits.MAX_ID_VALUE),
    b"STARTTLS": Row(STARTS_TLS, commands.StartTls()),
    b"AUTHENTICATE": Row(LOGS_IN, connection.authenticate),
    b"LOGIN": Row(LOGS_IN, connection.login, limits.MAX_PASSWORD),
    b"ENABLE": Row(AUTHENTICATED, connection.enable),
    b"SELECT": Row(SELECTS, mailboxes.select, limits.MAX_MAILBOX),
    b"EXAMINE": Row(SELECTS, mailboxes.examine, limits.MAX_MAILBOX),
    b"CREATE": Row(AUTHENTICATED, mailboxes.create, limits.MAX_MAILBOX),
    b"DELETE": Row(AUTHENTICATED, mailboxes.delete, limits.MAX_MAILBOX),
    b"RENAME": Row(AUTHENTICATED, mailboxes.rename, limits.MAX_MAILBOX),
    b"SUBSCRIBE": Row(AUTHENTICATED, mailboxes.subscribe, limits.MAX_MAILBOX),
    b"UNSUBSCRIBE": Row(AUTHENTICATED, mailboxes.unsubscribe, limits.MAX_MAILBOX),
    b"LIST": Row(AUTHENTICATED, listing.list_, limits.MAX_PATTERN),
    b"LSUB": Row(AUTHENTICATED, listing.lsub, limits.MAX_PATTERN),
    b"NAMESPACE": Row(AUTHENTICATED, commands.Namespace()),
    b"GETJMAPACCESS": Row(AUTHENTICATED, commands.GetJmapAccess()),
    b"STATUS": Row(AUTHENTICATED, mailboxes.status, limits.MAX_MAILBOX),
    b"IDLE": Row(AUTHENTICATED, commands.Idle()),
    b"APPEND": Row(AUTHENTICATED, append.append, limits.MAX_MAILBOX),
    b"CHECK": Row(SELECTED, commands.Check()),
    b"CLOSE": Row(DESELECTS, commands.Close()),
    b"UNSELECT": Row(DESELECTS, commands.Unselect()),
    b"EXPUNGE": Row(SELECTED, commands.Expunge()),
    b"SEARCH": Row(SELECTED, search.search, limits.MAX_SEARCH_TEXT),
    b"FETCH": Row(SELECTED, fetch.fetch, limits.MAX_FIELD_NAME),
    b"STORE": Row(SELECTED, messages.store),
    b"COPY": Row(SELECTED, messages.copy, limits.MAX_MAILBOX),
    b"MOVE": Row(SELECTED, messages.move, limits.MAX_MAILBOX),
    b"REPLACE": Row(SELECTED, append.replace, limits.MAX_MAILBOX),
    b"UID EXPUNGE": Row(SELECTED, messages.uid_expunge),
    b"UID SEARCH": Row(SELECTED, search.uid_search, limits.MAX_SEARCH_TEXT),
    b"UID FETCH": Row(SELECTED, fetch.uid_fetch, limits.MAX_FIELD_NAME),
    b"UID STORE": Row(SELECTED, messages.uid_store),
    b"UID COPY": Row(SELECTED, messages.uid_copy, limits.MAX_MAILBOX),
    b"UID MOVE": Row(SELECTED, messages.uid_move, limits.MAX_MAILBOX),
    b"UID REPLACE": Row(SELECTED, append.uid_replace, limits.MAX_MAILBOX),
}
"""By upper-case name; `UID FETCH` and the like are commands of their own."""


def selects(verb: bytes) -> bool:
    """Whether this command selects a mailbox in place of any other."""
    row = COMMANDS.get(verb)
    return row is not None and row.transitions is SELECTS


def saves(verb: bytes, cursor: Cursor) -> bool:
    """Whether the result of this command is to be saved as `$`; the cursor is behind its name."""
    return verb in _SEARCHES and cursor.skip(b" ") and search.saves(cursor)


_SEARCHES: Final = frozenset({b"SEARCH", b"UID SEARCH"})


def refusal(state: State, verb: bytes) -> str:
    """Why this command is not allowed in this state."""
    row = COMMANDS.get(verb)
    if row is None:
        return "Unknown command"
    match state:
        case State.NOT_AUTHENTICATED:
            return "Please login first"
        case State.AUTHENTICATED | State.SELECTED if State.NOT_AUTHENTICATED in row.transitions:
            return "Already logged in"
        case State.AUTHENTICATED:
            return "No mailbox selected"
        case _:
            return "Connection is closing"


def parse(verb: bytes, cursor: Cursor) -> Command:
    """A command's value, from the cursor behind its name. Raises `Malformed` or `UnsupportedArgument`."""
    grammar = COMMANDS[verb].grammar
    if isinstance(grammar, Command):
        return grammar
    cursor.space()
    return grammar(cursor)
