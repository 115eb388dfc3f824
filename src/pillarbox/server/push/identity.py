"""As whom push services know this provider: its keys, and the tokens that they have signed."""

from typing import Final

from pillarbox.config.schema import Config
from pillarbox.protocol.webpush import p256
from pillarbox.protocol.webpush.p256 import CHANCE_OCTETS
from pillarbox.protocol.webpush.vapid import Sender
from pillarbox.push import vapid_key
from pillarbox.push.vapid_key import VAPID_KEYS, VapidKey
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

MAX_AGE_S: Final = 60.0
"""How long it is remembered which key is in use: a signal that there is another may be lost."""
MAX_KEYS: Final = 16
"""That are remembered with their tokens: the one in use, and those of older subscriptions."""


class Identity:
    """Made once per process, or for each that sends."""

    def __init__(self, world: World, config: Config) -> None:
        self._world = world
        self._subject = config.push_subject
        self._current = 0
        """The number of the key in use; 0 where it is not known."""
        self._known_until = 0.0
        self._senders: dict[int, Sender] = {}
        world.signals.subscribe(VAPID_KEYS, self._look_again)

    async def current(self) -> tuple[int, Sender]:
        """The number of the key in use, and who sends with it. The first to ask makes one.

        Raises `DatabaseUnavailable`.
        """
        now = self._world.clock.monotonic()
        sender = self._senders.get(self._current)
        if sender is None or now >= self._known_until:
            key = await self._world.database.read(vapid_key.vapid_key) or await self._made()
            sender = self._sender(key)
            self._current, self._known_until = key.number, now + MAX_AGE_S
        return self._current, sender

    async def numbered(self, number: int) -> Sender | None:
        """Who sends to a subscription that was made with this key; `None` where it is not kept any more.

        Raises `DatabaseUnavailable`.
        """
        sender = self._senders.get(number)
        if sender is not None:
            return sender
        key = await self._world.database.read(vapid_key.numbered, number)
        return None if key is None else self._sender(key)

    async def application_server_key(self) -> str:
        """The public key in use, for clients to subscribe with (RFC 9749 §3): the last known one, or nothing, while
        the database does not answer."""
        try:
            _, sender = await self.current()
        except DatabaseUnavailable:
            known = self._senders.get(self._current)
            return known.application_server_key if known else ""
        return sender.application_server_key

    async def _made(self) -> VapidKey:
        fresh = p256.scalar_of(self._world.entropy.token_bytes(CHANCE_OCTETS))
        return await self._world.database.write(vapid_key.ensure, fresh, now_ms=self._world.clock.now_ms())

    def _sender(self, key: VapidKey) -> Sender:
        sender = self._senders.get(key.number)
        if sender is None:
            if len(self._senders) >= MAX_KEYS:
                self._senders.clear()
            sender = self._senders[key.number] = Sender(key.scalar, self._subject)
        return sender

    def _look_again(self) -> None:
        self._known_until = 0.0
