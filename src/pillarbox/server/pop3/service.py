"""The POP3 service of a process: it makes sessions from what they share."""

from pillarbox.config.schema import Config
from pillarbox.server.connection import Connection
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.pop3.session import Pop3Session
from pillarbox.world.world import World


class Pop3Service:
    """POP3, with STLS or with implicit TLS."""

    def __init__(self, world: World, authenticator: Authenticator, config: Config) -> None:
        self._world = world
        self._authenticator = authenticator
        self._config = config

    def session(self, connection: Connection) -> Pop3Session:
        """A session for a new connection."""
        return Pop3Session(self._world, self._authenticator, self._config, connection)
