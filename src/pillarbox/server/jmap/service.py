"""The JMAP service of a process: a request's octets become its answer, whether it came over HTTP or a WebSocket."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, cast

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.config.schema import Config
from pillarbox.delivery.reception.reception import Reception
from pillarbox.directory.accounts import Account
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import problems, session_object
from pillarbox.protocol.jmap import request as requests
from pillarbox.protocol.jmap.capabilities import CAPABILITIES, Facts, offered
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, LARGE_REQUEST_OCTETS, Limits
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.request import Request
from pillarbox.protocol.jmap.session_object import Access, SessionObject
from pillarbox.queue.scheduled import MAX_HOLD_S
from pillarbox.server.jmap.accounts import accesses_of
from pillarbox.server.jmap.caches import Caches
from pillarbox.server.jmap.context import Context, GiveWay, Handler, Named
from pillarbox.server.jmap.dispatch import Dispatcher
from pillarbox.server.jmap.emails.authorities import TrustedAuthorities
from pillarbox.server.jmap.emails.lists import EmailLists
from pillarbox.server.jmap.methods import HANDLERS
from pillarbox.server.push.identity import Identity
from pillarbox.store.snoozing import MAX_AWAY_S
from pillarbox.world.memory import Reservation
from pillarbox.world.world import World

MEMORY_FACTOR: Final = 4
"""A request that has been read takes so many times its octets; short values take more, and there are few of those."""


MAX_SESSIONS: Final = 1_000
"""Session objects that are kept, of a kilobyte or two."""


class Answer(Struct, frozen=True, gc=False):
    """What a request is answered with."""

    status: int
    """Of HTTP: 200, or that of the problem."""
    media_type: str
    pieces: tuple[bytes, ...]
    """A JSON object; all of it may be tens of megabytes."""

    @property
    def octets(self) -> bytes:
        """All of it at once."""
        return b"".join(self.pieces)

    @property
    def size(self) -> int:
        """Octets."""
        return sum(map(len, self.pieces))


def refusal(problem: Problem) -> Answer:
    """The answer where a request as a whole is refused (RFC 8620 §3.6.1)."""
    return Answer(problem.status, problems.MEDIA_TYPE, (problem.octets(),))


async def _give_way() -> None:
    await asyncio.sleep(0)


async def _no_calls(_: str, __: dict[str, Any]) -> list[Named]:
    return []


class JmapService:
    """JMAP for all who have logged in."""

    def __init__(
        self,
        world: World,
        config: Config,
        *,
        limits: Limits = DEFAULT_LIMITS,
        handlers: Mapping[str, Handler] = HANDLERS,
    ) -> None:
        self.limits = limits
        self._world, self._config = world, config
        self._handlers = handlers
        self._facts = Facts(
            limits=limits,
            message_octets=config.limits.message_octets,
            max_delayed_send_s=MAX_HOLD_S,
            max_snooze_s=MAX_AWAY_S,
        )
        self._identity = Identity(world, config)
        self._offered = offered(handlers)
        self._reception = Reception(world, config)
        self._caches = Caches(EmailLists(world), TrustedAuthorities(world, config))
        self._sessions: dict[tuple[AccountId, str, str, bool], SessionObject] = {}
        self._running: Counter[AccountId] = Counter()

    async def session(self, account: Account, base_url: str, *, read_only: bool = False) -> SessionObject:
        """What a client learns first (§2). `base_url`: where it reaches the server, without a final slash.
        `read_only`: the login may change nothing."""
        application_server_key = await self._identity.application_server_key()
        if application_server_key != self._facts.application_server_key:
            self._facts = replace(self._facts, application_server_key=application_server_key)
            self._sessions.clear()
        key = account.id, account.address, base_url, read_only
        found = self._sessions.get(key)
        if found is None:
            if len(self._sessions) >= MAX_SESSIONS:
                self._sessions.clear()
            accesses = tuple(accesses_of(account, self._offered, read_only=read_only).values())
            found = session_object.build(account.address, accesses, base_url, self._facts, self._offered)
            self._sessions[key] = found
        return found

    async def call(
        self,
        account: Account,
        octets: bytes,
        base_url: str,
        *,
        credential: str = "",
        read_only: bool = False,
        client_address: str = "",
        give_way: GiveWay = _give_way,
    ) -> Answer:
        """Carry out a request of this user; what fails in a call is an error of that call.

        `base_url`, `read_only`: as for `session`. `credential`: the mark of the password that they have logged in with.
        `client_address`: IP address, for the log and trace fields. `give_way`: awaited between slices; that of the
        connection, where there is one.
        """
        running, most = self._running, self.limits.max_concurrent_requests
        if running[account.id] >= most:
            detail = f"More than {most} requests at once."
            return refusal(problems.limit("maxConcurrentRequests", detail))
        running[account.id] += 1
        try:
            with self._hold(octets) as memory:
                request = await self._read(octets, give_way)
                if isinstance(request, Problem):
                    return refusal(request)
                state = (await self.session(account, base_url, read_only=read_only)).state
                accesses = accesses_of(account, self._offered, read_only=read_only)
                context = self._context(
                    account, accesses, credential, request, memory, client_address, give_way
                )
                dispatcher = Dispatcher(self._handlers, context)
                return Answer(200, "application/json", await dispatcher.run(request.calls, state))
        finally:
            running[account.id] -= 1
            if not running[account.id]:
                del running[account.id]

    def _hold(self, octets: bytes) -> Reservation:
        """Memory for what the request is when it has been read. Held, not reserved: a handler may have to wait for
        memory, and whoever waits for some must have reserved none."""
        large = LARGE_REQUEST_OCTETS < len(octets) <= self.limits.max_size_request
        held = self._world.memory.accounts.buffers.hold(
            len(octets) * MEMORY_FACTOR if large else 0, lambda: None
        )
        held.keep()
        return held

    async def _read(self, octets: bytes, give_way: GiveWay) -> Request | Problem:
        steps = requests.decoding(octets, CAPABILITIES.keys(), self.limits)
        while True:
            try:
                next(steps)
            except StopIteration as read:
                return cast("Request | Problem", read.value)
            await give_way()

    def _context(
        self,
        account: Account,
        accesses: Mapping[str, Access],
        credential: str,
        request: Request,
        memory: Reservation,
        client_address: str,
        give_way: GiveWay,
    ) -> Context:
        return Context(
            world=self._world,
            config=self._config,
            limits=self.limits,
            account=account,
            credential=credential,
            accesses=accesses,
            using=request.using,
            created=CreatedIds(request.created_ids),
            room_octets=self.limits.max_response_octets,
            caches=self._caches,
            memory=memory,
            reception=self._reception,
            client_address=client_address,
            give_way=give_way,
            implicit=_no_calls,
        )
