"""How a session is made, for each service: the second half of the table in `config.services`."""

from collections.abc import Mapping
from typing import Any, assert_never

from pillarbox.config.schema import Config
from pillarbox.config.services import SERVICES, ServiceRow, WireProtocol
from pillarbox.delivery.reception.reception import Reception
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.authentication import Authenticator
from pillarbox.server.connection import SessionFactory
from pillarbox.server.imap.service import ImapService
from pillarbox.server.metrics.service import MetricsService
from pillarbox.server.pop3.service import Pop3Service
from pillarbox.server.smtp.service import SmtpService
from pillarbox.world.world import World


def session_factories(
    world: World, authenticator: Authenticator, config: Config
) -> Mapping[str, SessionFactory[Any]]:
    """By the name of the service. Services of one protocol share what their sessions have in common."""
    imap = ImapService(world, authenticator, config).session
    pop3 = Pop3Service(world, authenticator, config).session
    metrics = MetricsService(world, config).session
    reception = Reception(world, config)

    def factory(row: ServiceRow) -> SessionFactory[Any]:
        match row.protocol:
            case WireProtocol.SMTP:
                return SmtpService(world, authenticator, config, reception, Role(row.name)).session
            case WireProtocol.IMAP:
                return imap
            case WireProtocol.POP3:
                return pop3
            case WireProtocol.METRICS:
                return metrics
            case _:
                assert_never(row.protocol)

    return {row.name: factory(row) for row in SERVICES.values()}
