"""The IMAP service of a process: it makes sessions, and holds what they share."""

from pillarbox.config.schema import Config
from pillarbox.server.connection import Connection
from pillarbox.server.imap.caches import Caches
from pillarbox.server.imap.handlers import command_counts
from pillarbox.server.imap.limits import DEFAULT_LIMITS, ImapLimits
from pillarbox.server.imap.session import ImapSession
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.world.world import World


class ImapService:
    """IMAP, with STARTTLS or with implicit TLS."""

    def __init__(
        self,
        world: World,
        authenticator: Authenticator,
        config: Config,
        *,
        limits: ImapLimits = DEFAULT_LIMITS,
    ) -> None:
        self._world = world
        self._authenticator = authenticator
        self._config = config
        self._caches = Caches(command_counts(world.shared.metrics))
        self._limits = limits

    def session(self, connection: Connection) -> ImapSession:
        """A session for a new connection."""
        return ImapSession(
            self._world, self._authenticator, self._config, self._caches, connection, self._limits
        )
