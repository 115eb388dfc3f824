"""The table of handlers: which function carries out which command."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from pillarbox.protocol.pop3 import commands
from pillarbox.server.pop3 import authenticate, capability, deletion, listing, retrieval, starttls
from pillarbox.server.pop3.session_state import SessionState

Handler: TypeAlias = Callable[[SessionState, Any], Awaitable[None]]

HANDLERS: Final[dict[type[commands.Command], Handler]] = {
    commands.Capa: capability.capa,
    commands.Stls: starttls.stls,
    commands.Utf8: capability.utf8,
    commands.Lang: capability.lang,
    commands.Noop: capability.noop,
    commands.User: authenticate.user,
    commands.Pass: authenticate.password,
    commands.Auth: authenticate.auth,
    commands.Response: authenticate.response,
    commands.Stat: listing.stat,
    commands.List: listing.scan_listing,
    commands.Uidl: listing.unique_id_listing,
    commands.Retr: retrieval.retr,
    commands.Top: retrieval.top,
    commands.Dele: deletion.dele,
    commands.Rset: deletion.rset,
    commands.Quit: deletion.quit_session,
}
