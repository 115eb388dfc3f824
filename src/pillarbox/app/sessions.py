"""What is served at each door: one session factory a service, made from the world and the settings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pillarbox.app.settings import Settings
from pillarbox.config.schema import Config, Limits
from pillarbox.delivery.reception.reception import Reception
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.authentication import Authenticator
from pillarbox.server.connection import SessionFactory
from pillarbox.server.imap.conversation import Services as ImapServices
from pillarbox.server.imap.session import ImapSession
from pillarbox.server.pop3.services import Services as Pop3Services
from pillarbox.server.pop3.session import Pop3Session
from pillarbox.server.smtp.service import SmtpService
from pillarbox.store.mailbox_cache import MailboxCache
from pillarbox.world.world import World

SMTP_ROLES = {
    "smtp": Role.MX,
    "submission": Role.SUBMISSION,
    "submissions": Role.SUBMISSIONS,
    "lmtp": Role.LMTP,
}


def session_factories(
    settings: Settings, world: World, authenticator: Authenticator
) -> Mapping[str, SessionFactory[Any]]:
    """By the name of the service."""
    config = _config(settings)
    reception = Reception(world, config)
    smtp = {
        name: SmtpService(world, authenticator, config, reception, role).session
        for name, role in SMTP_ROLES.items()
    }
    pop3 = partial(Pop3Session, _pop3_services(settings, world, authenticator))
    imap = partial(ImapSession, _imap_services(settings, world, authenticator))
    return {**smtp, "imap": imap, "imaps": imap, "pop3": pop3, "pop3s": pop3}


def _config(settings: Settings) -> Config:
    return Config(
        hostname=settings.hostname,
        domain=settings.primary_domain,
        plain_passwords=settings.plain_passwords,
        limits=Limits(message_octets=settings.message_octets, recipients=settings.recipients),
        separate_domains=settings.separate_domains,
    )


def _pop3_services(settings: Settings, world: World, authenticator: Authenticator) -> Pop3Services:
    return Pop3Services(
        database=world.database,
        blobs=world.blobs,
        clock=world.clock,
        entropy=world.entropy,
        telemetry=world.telemetry,
        authenticator=authenticator,
        plain_allowed=settings.plain_passwords,
    )


def _imap_services(settings: Settings, world: World, authenticator: Authenticator) -> ImapServices:
    return ImapServices(
        database=world.database,
        blobs=world.blobs,
        signals=world.signals,
        clock=world.clock,
        telemetry=world.telemetry,
        authenticator=authenticator,
        warm=MailboxCache(),
        hostname=settings.hostname,
        plain_allowed=settings.plain_passwords,
        append_limit_octets=settings.message_octets,
    )
