"""What all requests of a process share."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, TypeVar

from pillarbox.config.schema import Config
from pillarbox.directory import domains
from pillarbox.protocol.http import responses
from pillarbox.protocol.http.authority import split
from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.connection import Peer
from pillarbox.server.http import security_fields
from pillarbox.server.http.authentication import KEY_OCTETS, Logins
from pillarbox.server.http.cookies import HOST_PREFIX
from pillarbox.server.http.counts import REQUESTS
from pillarbox.server.http.origin import Origin, Proxies
from pillarbox.server.http.refusals import fields_of
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.networks import Networks
from pillarbox.server.pump.alarms import Alarms
from pillarbox.server.sign_in.changing import Changing
from pillarbox.server.sign_in.resetting import Resetting
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.world.world import World

T = TypeVar("T")

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE: Final = ("*", "0.0.0.0", "[::]")  # noqa: S104 - compared with, and not bound to


class HttpContext:
    """World, configuration, and what is made of them once."""

    def __init__(
        self, world: World, authenticator: Authenticator, config: Config, limits: HttpLimits
    ) -> None:
        self.world = world
        self.config = config
        self.limits = limits
        scheme, _, own = config.web_url.partition("://")
        self._own = (scheme, own) if own else ("https", config.hostname)
        """Scheme and authority of the address that the configuration names."""
        self._own_hosts = (config.hostname, split(self._own[1])[0])
        self.proxies = Proxies(Networks(config.http.trusted_proxies))
        self.sessions = Sessions(world, config, authenticator.in_background)
        self.sign_in = SignIn(world, authenticator, self.sessions)
        self.changing = Changing(world, config, authenticator)
        self.resetting = Resetting(world, config, authenticator, codes=(self.sign_in.is_right_code,))
        self.logins = Logins(
            authenticator,
            self.sessions,
            world.entropy.token_bytes(KEY_OCTETS),
            plain_allowed=config.plain_passwords,
            web_url=config.web_url,
        )
        self._hears_all = any(one.rpartition(":")[0] in _EVERYWHERE for one in config.listen.http)
        self.alarms = Alarms()
        """The pings of what has no end."""
        self._date_s = 0
        self._date = b""
        self._blocks: dict[tuple[bool, bool], bytes] = {}
        """The fields of every response, as octets, by whether the request was secure and from other origins."""
        self._counts = [world.shared.metrics.count(REQUESTS, f"{hundreds}xx") for hundreds in range(1, 6)]
        self._shared: dict[Callable[..., Any], Any] = {}

    def shared(self, make: Callable[[World, Config], T]) -> T:
        """What this makes, the same for all requests until the configuration is read again."""
        if make not in self._shared:
            self._shared[make] = make(self.world, self.config)
        made: T = self._shared[make]
        return made

    def date(self) -> bytes:
        """The time, as a Date field has it."""
        now_s = self.world.clock.now_ms() // 1000
        if now_s != self._date_s:
            self._date_s, self._date, self._blocks = now_s, responses.date(now_s), {}
        return self._date

    def common_fields(self, names: set[bytes], *, secure: bool, cross_origin: bool) -> bytes:
        """The fields of every response but for those that it has (their names in lower case), as octets."""
        date = self.date()
        block = self._blocks.get((secure, cross_origin))
        if block is None:
            block = self._blocks[secure, cross_origin] = self._made(set(), secure, cross_origin, date)
        if not security_fields.NAMES.isdisjoint(names):
            return self._made(names, secure, cross_origin, date)
        return block

    def _made(self, names: set[bytes], secure: bool, cross_origin: bool, date: bytes) -> bytes:
        groups = [security_fields.CROSS_ORIGIN] if cross_origin else []
        # A certificate that we have made ourselves is believed by nobody, and could then not be ignored any more
        if secure and self.config.certificates:
            groups.append((security_fields.TRANSPORT_SECURITY,))
        fields = security_fields.without(names, *groups, security_fields.DEFAULTS)
        return b"".join([b"date: %b\r\n" % date, *(b"%b: %b\r\n" % field for field in fields)])

    def closing(self, problem: Problem) -> bytes:
        """An error as a whole response, after which the connection is closed (RFC 9112 §9.6)."""
        self.count(problem.status)
        content = problem.content()
        fields = [*fields_of(problem), (b"content-length", b"%d" % len(content)), (b"connection", b"close")]
        return (
            responses.head(
                problem.status, fields, self.common_fields(set(), secure=False, cross_origin=False)
            )
            + content
        )

    def count(self, status: int) -> None:
        """A response was begun."""
        self._counts[status // 100 - 1].value += 1

    def cookie_prefix(self, local: Peer, origin: Origin) -> str | None:
        """How names of cookies begin on a connection; None where nobody can sign in, since others may listen.

        `local`: our end. Without TLS it must be one that only this machine can reach, and so must be the client: no
        field of a request makes it so. A proxy's client may be anywhere, whether the proxy says so or not.
        """
        if origin.secure:
            return HOST_PREFIX
        is_here = not (self._hears_all or origin.by_proxy) and _is_loopback(local.address)
        is_here = is_here and _is_loopback(origin.address)
        return "" if is_here else None

    async def checked(self, scheme: str, authority: str) -> tuple[str, str]:
        """Scheme, host and port that were asked, if the host is ours, else those of the configuration.

        So no link that we make leads to the server of somebody who has only written its name into a request.
        """
        host, _ = split(authority)
        if host in self._own_hosts:
            return scheme, authority
        if self.config.local_names is not None and host in LOOPBACK:
            return scheme, authority  # the demo's
        if host and await self.world.database.read(domains.get, host) is not None:
            return scheme, authority
        return self._own


@lru_cache(maxsize=256)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
