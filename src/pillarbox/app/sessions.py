"""What is served at each door: one session factory a service, made from the world and the settings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pillarbox.app.settings import Settings
from pillarbox.config.schema import Config
from pillarbox.protocol.smtp.capabilities import Limits as SmtpLimits
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.authentication import Authenticator
from pillarbox.server.connection import SessionFactory
from pillarbox.server.imap.conversation import Services as ImapServices
from pillarbox.server.imap.session import ImapSession
from pillarbox.server.pop3.service import Pop3Service
from pillarbox.server.smtp.door import Door
from pillarbox.server.smtp.known_recipients import KnownRecipients
from pillarbox.server.smtp.sender_domain import SenderDomains
from pillarbox.server.smtp.session import SmtpSession
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
    known = KnownRecipients(world.signals, world.clock)
    smtp = {
        name: partial(SmtpSession, _smtp_door(role, settings, world, authenticator, known))
        for name, role in SMTP_ROLES.items()
    }
    pop3 = Pop3Service(world, authenticator, _config(settings)).session
    imap = partial(ImapSession, _imap_services(settings, world, authenticator))
    return {**smtp, "imap": imap, "imaps": imap, "pop3": pop3, "pop3s": pop3}


def _smtp_door(
    role: Role, settings: Settings, world: World, authenticator: Authenticator, known: KnownRecipients
) -> Door:
    return Door(
        role=role,
        hostname=settings.hostname,
        domain=settings.primary_domain,
        database=world.database,
        blobs=world.blobs,
        clock=world.clock,
        entropy=world.entropy,
        telemetry=world.telemetry,
        authenticator=authenticator,
        known_recipients=known,
        sender_domains=(SenderDomains(world.resolver, world.clock) if role is Role.MX else None),
        limits=SmtpLimits(message_octets=settings.message_octets, recipients=settings.recipients),
        plain_allowed=settings.plain_passwords,
        separate_domains=settings.separate_domains,
    )


def _config(settings: Settings) -> Config:
    return Config(
        hostname=settings.hostname,
        domain=settings.primary_domain,
        plain_passwords=settings.plain_passwords,
        separate_domains=settings.separate_domains,
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
