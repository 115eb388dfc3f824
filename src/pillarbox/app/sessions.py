"""How a session is made, for each service: the second half of the table in `config.services`."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from pillarbox.config.schema import Config
from pillarbox.config.services import SERVICES, ServiceRow, WireProtocol
from pillarbox.delivery.reception.reception import Reception
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.connection import Connection, SessionFactory
from pillarbox.server.imap.service import ImapService
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.metrics.service import MetricsService
from pillarbox.server.pop3.service import Pop3Service
from pillarbox.server.smtp.service import SmtpService
from pillarbox.world.world import World

HTTP: Final = "pillarbox.server.http.service"


class HttpSessions:
    """Makes the HTTP service with its first session: where nobody listens for it, nothing of it is loaded."""

    def __init__(self, world: World, authenticator: Authenticator, config: Config) -> None:
        self._made_from = world, authenticator, config
        self._service: Any = None

    def __call__(self, connection: Connection) -> Any:
        """A session for a new connection."""
        if self._service is None:
            self._service = importlib.import_module(HTTP).HttpService(*self._made_from)
        return self._service.session(connection)


def load(names: Iterable[str]) -> None:
    """Load what these services need and others do not."""
    if any(SERVICES[name].protocol is WireProtocol.HTTP for name in names):
        importlib.import_module(HTTP)
        importlib.import_module("pillarbox.protocol.http.websocket")


def session_factories(
    world: World, authenticator: Authenticator, config: Config
) -> Mapping[str, SessionFactory[Any]]:
    """By the name of the service. Services of one protocol share what their sessions have in common."""
    imap = ImapService(world, authenticator, config).session
    pop3 = Pop3Service(world, authenticator, config).session
    metrics = MetricsService(world, config).session
    http = HttpSessions(world, authenticator, config)
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
            case WireProtocol.HTTP:
                return http
            case _:
                assert_never(row.protocol)

    return {row.name: factory(row) for row in SERVICES.values()}
