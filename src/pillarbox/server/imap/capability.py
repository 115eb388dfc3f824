"""CAPABILITY, ID, ENABLE, GETJMAPACCESS, NOOP, CHECK, LOGOUT: commands about the connection itself.

RFC 9051 §6.1, §6.3.1; RFC 2971 (ID), 5161 (ENABLE), 9698 (GETJMAPACCESS); RFC 3501 §6.4.1 (CHECK).
"""

from typing import Final

import pillarbox
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Capability, Check, Enable, GetJmapAccess, Id, Logout, Noop
from pillarbox.protocol.jmap.addresses import SESSION_PATH
from pillarbox.server.imap.authenticate import client_of
from pillarbox.server.imap.reply import Reply, bad, ok
from pillarbox.server.imap.session_state import SessionState


async def capability(session: SessionState, _: Capability) -> Reply:
    """RFC 9051 §6.1.1."""
    session.write(responses.capability(session.machine.capabilities()))
    return ok("CAPABILITY completed")


_CLIENT_FIELDS: Final = ("name", "version", "os")
_MAX_CLIENT_CHARACTERS: Final = 100


async def identify(session: SessionState, command: Id) -> Reply:
    """RFC 2971: the client's own fields are shown to operators, and change nothing."""
    told = {name.lower(): value for name, value in command.fields or ()}
    session.client = " ".join(filter(None, map(told.get, _CLIENT_FIELDS)))[:_MAX_CLIENT_CHARACTERS]
    if session.account is not None:
        session.authenticator.told(session.account, client_of(session))
    session.write(responses.identification((("name", "Pillarbox"), ("version", pillarbox.__version__))))
    return ok("ID completed")


async def enable(session: SessionState, command: Enable) -> Reply:
    """RFC 5161 §3.1."""
    session.write(responses.enabled(session.machine.enable(command.capabilities)))
    return ok("ENABLE completed")


async def get_jmap_access(session: SessionState, _: GetJmapAccess) -> Reply:
    """RFC 9698 §4."""
    if not session.machine.conditions.jmap:
        return bad("No JMAP server is known for this login")
    session.write(responses.jmap_access(session.config.web_url + SESSION_PATH))
    return ok("GETJMAPACCESS completed")


async def noop(_session: SessionState, _: Noop) -> Reply:
    """RFC 9051 §6.1.2: updates are sent with every command."""
    return _NOOP_COMPLETED


_NOOP_COMPLETED: Final = ok("NOOP completed")


async def check(_session: SessionState, _: Check) -> Reply:
    """RFC 3501 §6.4.1: everything is on disk already."""
    return ok("CHECK completed")


async def logout(session: SessionState, _: Logout) -> Reply:
    """RFC 9051 §6.1.3: BYE first, then the tagged OK, then `session` closes the connection."""
    session.write(responses.bye("Logging out"))
    session.machine.logged_out()
    return ok("LOGOUT completed")
