"""From a command's arguments to its value: one short function per command, named as the RFC names the rule.

Each takes the cursor behind the command's name (and the space after it, where there is one) and returns the
value. What is wrong raises `Malformed` (BAD) or `Refused` (NO). `PARSERS` is the whole command set.
"""

from collections.abc import Callable
from typing import Final

from pillarbox.protocol.imap import commands
from pillarbox.protocol.imap.cursor import Cursor
from pillarbox.protocol.imap.grammar import append, connection, fetch, listing, mailboxes, messages, search

Parser = Callable[[Cursor], commands.Command]


def _bare(command: commands.Command) -> Parser:
    """A command without arguments."""
    return lambda _: command


PARSERS: Final[dict[bytes, Parser]] = {
    b"CAPABILITY": _bare(commands.Capability()),
    b"NOOP": _bare(commands.Noop()),
    b"LOGOUT": _bare(commands.Logout()),
    b"ID": connection.identification,
    b"STARTTLS": _bare(commands.StartTls()),
    b"AUTHENTICATE": connection.authenticate,
    b"LOGIN": connection.login,
    b"ENABLE": connection.enable,
    b"SELECT": mailboxes.select,
    b"EXAMINE": mailboxes.examine,
    b"CREATE": mailboxes.create,
    b"DELETE": mailboxes.delete,
    b"RENAME": mailboxes.rename,
    b"SUBSCRIBE": mailboxes.subscribe,
    b"UNSUBSCRIBE": mailboxes.unsubscribe,
    b"LIST": listing.list_,
    b"LSUB": listing.lsub,
    b"NAMESPACE": _bare(commands.Namespace()),
    b"STATUS": mailboxes.status,
    b"IDLE": _bare(commands.Idle()),
    b"APPEND": append.append,
    b"CHECK": _bare(commands.Check()),
    b"CLOSE": _bare(commands.Close()),
    b"UNSELECT": _bare(commands.Unselect()),
    b"EXPUNGE": _bare(commands.Expunge()),
    b"SEARCH": search.search,
    b"FETCH": fetch.fetch,
    b"STORE": messages.store,
    b"COPY": messages.copy,
    b"MOVE": messages.move,
    b"REPLACE": append.replace,
    b"UID EXPUNGE": messages.uid_expunge,
    b"UID SEARCH": search.uid_search,
    b"UID FETCH": fetch.uid_fetch,
    b"UID STORE": messages.uid_store,
    b"UID COPY": messages.uid_copy,
    b"UID MOVE": messages.uid_move,
    b"UID REPLACE": append.uid_replace,
}
"""Every command by its upper-case name; exactly the verbs of `transitions.VERBS`."""

BARE: Final = frozenset(
    {
        b"CAPABILITY",
        b"NOOP",
        b"LOGOUT",
        b"STARTTLS",
        b"NAMESPACE",
        b"IDLE",
        b"CHECK",
        b"CLOSE",
        b"UNSELECT",
        b"EXPUNGE",
    }
)
"""Commands that take no arguments."""
