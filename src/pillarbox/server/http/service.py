"""The HTTP service of a process: it makes sessions from what they share."""

from collections.abc import Sequence

from pillarbox.config.schema import Config
from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.server.connection import Connection
from pillarbox.server.http.context import HttpContext
from pillarbox.server.http.route import Route
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.http.routing import Router
from pillarbox.server.http.session import HttpSession
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.world.world import World


class HttpService:
    """HTTP, with TLS from the first octet or without."""

    def __init__(
        self,
        world: World,
        authenticator: Authenticator,
        config: Config,
        *,
        routes: Sequence[Route] = ROUTES,
        limits: HttpLimits | None = None,
    ) -> None:
        self._context = HttpContext(world, authenticator, config, limits or HttpLimits())
        self._router = Router(routes)

    def session(self, connection: Connection) -> HttpSession:
        """A session for a new connection."""
        return HttpSession(self._context, self._router, connection)
