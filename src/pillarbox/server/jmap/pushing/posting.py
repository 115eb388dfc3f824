"""One message to one URL: encrypted for its client, signed by this provider, and posted."""

import asyncio
from typing import Any, Final

import msgspec

from pillarbox.config.schema import Config
from pillarbox.protocol.webpush import encryption, p256, request
from pillarbox.protocol.webpush.encryption import CONTENT_ENCODING, MAX_PLAIN_OCTETS, SALT_OCTETS
from pillarbox.protocol.webpush.request import Meaning, Outcome, Urgency
from pillarbox.protocol.webpush.vapid import Sender
from pillarbox.push.subscriptions import Subscription
from pillarbox.server.push.identity import Identity
from pillarbox.world.world import World

TIMEOUT_S: Final = 15.0
"""For all of one request."""
MAX_MESSAGE_OCTETS: Final = MAX_PLAIN_OCTETS

KEY_GONE: Final = Outcome(Meaning.GONE, "the key that its client knows is not kept any more")


class Poster:
    """Posts messages. Made once per process."""

    def __init__(self, world: World, config: Config) -> None:
        self._world = world
        self._subject = config.push_subject
        self._identity = Identity(world, config)

    def reconfigure(self, config: Config) -> None:
        """Whom push services may write to, from now on."""
        if config.push_subject != self._subject:
            self._subject = config.push_subject
            self._identity = Identity(self._world, config)

    async def post(
        self,
        one: Subscription,
        message: dict[str, Any] | bytes,
        *,
        ttl_s: int,
        urgency: Urgency,
        topic: str = "",
    ) -> Outcome:
        """Send it; `message`: an object, or its JSON. Raises `DatabaseUnavailable`."""
        sender = await self.sender(one.vapid_key)
        if sender is None:
            return KEY_GONE
        world = self._world
        now_s = world.clock.now_ms() // 1000
        octets = message if isinstance(message, bytes) else msgspec.json.encode(message)
        fields = request.fields(
            authorization=sender.authorization(one.url, now_s=now_s),
            ttl_s=ttl_s,
            urgency=urgency,
            topic=topic,
        )
        await asyncio.sleep(0)  # signing and encrypting are a fifth of a millisecond each
        answer = await world.push_fetcher.post(
            one.url,
            self._encrypted(one, octets),
            media_type="application/json",
            content_encoding=CONTENT_ENCODING if one.p256dh else "",
            fields=fields,
            max_octets=0,
            timeout_s=TIMEOUT_S,
        )
        return request.outcome(answer, now_s=world.clock.now_ms() // 1000)

    def _encrypted(self, one: Subscription, octets: bytes) -> bytes:
        if one.p256dh is None or one.auth is None:
            return octets
        entropy = self._world.entropy
        return encryption.encrypt(
            octets,
            p256dh=one.p256dh,
            auth=one.auth,
            private=p256.scalar_of(entropy.token_bytes(p256.CHANCE_OCTETS)),
            salt=entropy.token_bytes(SALT_OCTETS),
        )

    async def sender(self, number: int) -> Sender | None:
        """Who signs with this key of ours, if it is still kept. Raises `DatabaseUnavailable`."""
        return await self._identity.numbered(number)
