"""What is served at each door: one session factory a service, made from the world and the settings."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pillarbox.app.settings import Settings
from pillarbox.config.schema import Config, Limits
from pillarbox.protocol.smtp.capabilities import Limits as SmtpLimits
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.authentication import Authenticator
from pillarbox.server.connection import SessionFactory
from pillarbox.server.imap.service import ImapService
from pillarbox.server.pop3.services import Services as Pop3Services
from pillarbox.server.pop3.session import Pop3Session
from pillarbox.server.smtp.door import Door
from pillarbox.server.smtp.known_recipients import KnownRecipients
from pillarbox.server.smtp.sender_domain import SenderDomains
from pillarbox.server.smtp.session import SmtpSession
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
    pop3 = partial(Pop3Session, _pop3_services(settings, world, authenticator))
    imap = ImapService(world, authenticator, _config(settings)).session
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


def _config(settings: Settings) -> Config:
    return Config(
        hostname=settings.hostname,
        domain=settings.primary_domain,
        plain_passwords=settings.plain_passwords,
        limits=Limits(message_octets=settings.message_octets),
    )
