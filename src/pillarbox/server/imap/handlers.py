"""The table of handlers: which function carries out which command.

A handler takes the session and the command's value, and returns the tagged response; one that answers later
returns None. APPEND and REPLACE are not here: their messages come as events (`session`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from pillarbox.protocol.imap import commands
from pillarbox.server.imap import (
    authenticate,
    capability,
    copy,
    expunge,
    fetch,
    idle,
    mailboxes,
    search,
    select,
    starttls,
    status,
    store,
)
from pillarbox.server.imap.list import list_mailboxes, lsub, namespace
from pillarbox.server.imap.reply import READ_ONLY_LOGIN, Reply
from pillarbox.server.imap.session_state import SessionState
from pillarbox.world.shared.metrics import Count, Family, Metrics

Handler: TypeAlias = Callable[[SessionState, Any], Awaitable[Reply | None]]

HANDLERS: Final[dict[type[commands.Command], Handler]] = {
    commands.Capability: capability.capability,
    commands.Noop: capability.noop,
    commands.Logout: capability.logout,
    commands.Id: capability.identify,
    commands.StartTls: starttls.start_tls,
    commands.Authenticate: authenticate.authenticate,
    commands.Login: authenticate.login,
    commands.Enable: capability.enable,
    commands.Select: select.select,
    commands.Create: mailboxes.create,
    commands.Delete: mailboxes.delete,
    commands.Rename: mailboxes.rename,
    commands.Subscribe: mailboxes.subscribe,
    commands.Unsubscribe: mailboxes.unsubscribe,
    commands.List: list_mailboxes,
    commands.Lsub: lsub,
    commands.Namespace: namespace,
    commands.GetJmapAccess: capability.get_jmap_access,
    commands.Status: status.status,
    commands.Idle: idle.idle,
    commands.Check: capability.check,
    commands.Close: select.close,
    commands.Unselect: select.unselect,
    commands.Expunge: expunge.expunge,
    commands.Search: search.search,
    commands.Fetch: fetch.fetch,
    commands.Store: store.store,
    commands.Copy: copy.copy,
    commands.Move: copy.move,
}

_COUNTED: Final = {kind: kind.__name__.lower() for kind in (*HANDLERS, commands.Append, commands.Replace)}

COMMANDS_RECEIVED: Final = Family(
    name="imap_commands",
    sentence="IMAP commands received.",
    labels=(("command", tuple(_COUNTED.values())),),
)


async def refused(_: SessionState, __: commands.Command) -> Reply:
    """In the place of a handler of a command that may change something, for a login that may not."""
    return READ_ONLY_LOGIN


def handler_of(kind: type[commands.Command], *, read_only: bool) -> Handler:
    """What carries out a command; `read_only`: for a login that may change nothing."""
    return refused if read_only and kind in commands.CHANGING else HANDLERS[kind]


def command_counts(metrics: Metrics) -> dict[type[commands.Command], Count]:
    """A counter for each command."""
    return {kind: metrics.count(COMMANDS_RECEIVED, name) for kind, name in _COUNTED.items()}
