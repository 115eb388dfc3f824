"""Recursive name servers: which there are, which are trusted, and which answer.

A server that was silent several times on end is asked last for a while, so that it does not cost each lookup its time
limit; one lookup after each pause tries it again.
"""

import ipaddress
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct

CONFIGURATION = Path("/etc/resolv.conf")
DNS_PORT = 53
SILENCES: Final = 2
"""How often on end a server fails to answer before it is asked last."""
PAUSE_S: Final = 5.0
"""The first pause; each further one is twice as long."""
MAX_PAUSE_S: Final = 60.0


class NameServer(Struct, frozen=True, gc=False):
    """A recursive name server."""

    address: str
    port: int = DNS_PORT


class _Health:
    __slots__ = ("pause_s", "rests_until", "silences")

    def __init__(self) -> None:
        self.silences = 0
        self.pause_s = PAUSE_S
        self.rests_until = 0.0


class NameServers:
    """The servers of one resolver."""

    def __init__(
        self, servers: Sequence[NameServer], *, trust_ad: bool | None, now: Callable[[], float]
    ) -> None:
        """Without `servers`, the machine's. `trust_ad`: `None` trusts servers on loopback only. `now`: in seconds."""
        self._given = tuple(servers)
        self._trust_ad = trust_ad
        self._now = now
        self._health: dict[NameServer, _Health] = {}
        self._deceptive: frozenset[NameServer] = frozenset()
        self._usable: tuple[NameServer, ...] = ()

    @property
    def deceptive(self) -> frozenset[NameServer]:
        """Those whose AD bit means nothing, wherever they are: as `Resolver.examine` found out."""
        return self._deceptive

    @deceptive.setter
    def deceptive(self, servers: frozenset[NameServer]) -> None:
        """Whom not to believe from now on."""
        self._deceptive = servers
        self._usable = ()

    def all(self) -> tuple[NameServer, ...]:
        """In the order in which they are configured."""
        return self._given or machine_servers()

    def on_trusted_path(self, server: NameServer) -> bool:
        """Whether nobody can tamper with the path to it (RFC 6840 §5.7, RFC 4035 §3.2.3)."""
        if self._trust_ad is not None:
            return self._trust_ad
        return ipaddress.ip_address(server.address).is_loopback

    def trusts(self, server: NameServer) -> bool:
        """Whether its AD bit counts."""
        return server not in self._deceptive and self.on_trusted_path(server)

    def in_order(self) -> tuple[Sequence[NameServer], bool]:
        """The servers in the order in which to ask them, and whether any of them answered lately.

        Where some are trusted, only they are asked: else who makes them fail would have the others answer, whose
        answers are not authenticated, and DANE would be off.
        """
        if not self._usable:
            servers = self.all()
            self._usable = tuple(server for server in servers if self.trusts(server)) or servers
        if not self._health:
            return self._usable, True
        now = self._now()
        awake = [server for server in self._usable if not self._rests(server, now)]
        return awake + [server for server in self._usable if server not in awake], bool(awake)

    def answered(self, server: NameServer) -> None:
        """It lives, whatever it said."""
        self._health.pop(server, None)

    def was_silent(self, server: NameServer) -> None:
        """There was no answer, or none that can be read."""
        health = self._health.setdefault(server, _Health())
        health.silences += 1
        if health.silences == SILENCES:
            health.rests_until = self._now() + health.pause_s

    def _rests(self, server: NameServer, now: float) -> bool:
        health = self._health.get(server)
        if health is None or health.silences < SILENCES:
            return False
        if now < health.rests_until:
            return True
        # This lookup tries it; those beside it do not
        health.pause_s = min(2 * health.pause_s, MAX_PAUSE_S)
        health.rests_until = now + health.pause_s
        return False


@cache
def machine_servers(configuration: Path = CONFIGURATION) -> tuple[NameServer, ...]:
    """The name servers of the machine; none where it has none. Read once."""
    try:
        lines = configuration.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    named = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return tuple(NameServer(text) for text in named if _is_address(text))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
