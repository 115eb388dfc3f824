"""CAPA, UTF8, LANG, NOOP: commands about the connection itself.

RFC 2449 §5; 6856 §2, §3; 1939 §5.
"""

from typing import Final

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.capabilities import Conditions, offered
from pillarbox.protocol.pop3.commands import Capa, Lang, Noop, Utf8
from pillarbox.server.pop3.session_state import SessionState

LANGUAGE: Final = "en"
"""The one language of our reply texts."""


def conditions(session: SessionState) -> Conditions:
    """What the connection and the configuration allow now."""
    tls, plain_allowed = session.connection.tls, session.config.plain_passwords
    return Conditions(
        tls_active=tls is not None,
        tls_available=session.connection.tls_available,
        passwords_allowed=tls is not None or plain_allowed,
        mechanisms=session.authenticator.mechanisms(tls, plain_allowed=plain_allowed),
    )


async def capa(session: SessionState, _: Capa) -> None:
    """RFC 2449 §5."""
    listed = offered(conditions(session), session.machine)
    session.reply(replies.lines("Capability list follows", listed))


async def utf8(session: SessionState, _: Utf8) -> None:
    """RFC 6856 §2.1."""
    session.reply(replies.ok("UTF8 enabled."))


async def lang(session: SessionState, command: Lang) -> None:
    """RFC 6856 §3: there is one language; a range that matches it is accepted (RFC 4647 §3.3.1, reversed)."""
    if command.tag is None:
        session.reply(replies.lines("Language listing follows:", [f"{LANGUAGE} English".encode()]))
    elif command.tag == "*" or command.tag.lower().split("-")[0] == LANGUAGE:
        session.reply(replies.ok(f"{LANGUAGE} Language changed."))
    else:
        session.reply(replies.error("Language not supported."))


async def noop(session: SessionState, _: Noop) -> None:
    """RFC 1939 §5."""
    session.reply(replies.ok())
