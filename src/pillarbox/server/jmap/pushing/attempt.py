"""One subscription: what it is to be told, one message after another, and what becomes of it by the answers.

A push service that takes no message now is asked again, later each time; one that refuses everything is left alone in
the end. Whoever wants fewer messages gets fewer, for what was not told is told with what comes.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.protocol.jmap import push
from pillarbox.protocol.jmap.types.push_subscription import verification
from pillarbox.protocol.webpush import base64url
from pillarbox.protocol.webpush.request import MAX_TOPIC_OCTETS, Meaning, Outcome, Urgency
from pillarbox.push import subscriptions
from pillarbox.push.subscriptions import Progress, Subscription
from pillarbox.server.jmap.pushing import email_config, email_push
from pillarbox.server.jmap.pushing.posting import KEY_GONE, MAX_MESSAGE_OCTETS, Poster
from pillarbox.server.jmap.pushing.reading import EMAIL_DELIVERY, Look, changed_for
from pillarbox.world.world import World

CODE_TTL_S: Final = 3_600
"""A client that subscribes waits for its code."""
TTL_S: Final = 86_400
"""After a day without a connection, a device has to ask anyhow."""
RETRY_S: Final = 10.0
"""After the first failure; twice as long after each further one."""
MAX_RETRY_S: Final = 3_600.0
MAX_REFUSALS: Final = 8
"""After so many failures in a row, a refusal ends a subscription."""
MAX_FAILURES: Final = 72
"""And any failure, after three days or so."""


class Result(Struct, frozen=True):
    """What became of an attempt."""

    progress: Progress | None
    """None where the subscription has ended."""
    outcome: Outcome | None = None
    """Of the last message; None where there was none."""


class Attempts:
    """Made once per process."""

    def __init__(self, world: World, poster: Poster) -> None:
        self._world = world
        self._poster = poster

    async def verify(self, one: Subscription) -> Result:
        """Send the code, if that has not been tried yet: there is one attempt (RFC 8620 §7.2).

        Raises `DatabaseUnavailable`, before anything was sent.
        """
        if await self._poster.sender(one.vapid_key) is None:
            return Result(None, KEY_GONE)
        as_before = Progress(one.id, one.told, one.told_email, one.failures, one.retry_at_ms)
        if not await self._world.database.write(subscriptions.begin_verification, one.id):
            return Result(as_before)
        message = verification(object_id.of_push_subscription(one.id), one.code)
        outcome = await self._poster.post(one, message, ttl_s=CODE_TTL_S, urgency=Urgency.HIGH)
        return Result(None if outcome.meaning is Meaning.GONE else as_before, outcome)

    async def tell(self, one: Subscription, look: Look) -> Result:
        """Tell what is new. Raises what reading emails raises, `DatabaseUnavailable` and `MemoryScarce` among it."""
        told_email, outcome = one.told_email, None
        if one.email_push is not None and look.last_email > told_email:
            told_email, outcome = await self._tell_emails(one, look.last_email)
            if outcome is not None and outcome.meaning is not Meaning.DELIVERED:
                return self._failed(one, one.told, told_email, outcome)
        changed = changed_for(one, look.states)
        told = one.told
        if changed:
            outcome = await self._poster.post(
                one,
                push.state_change(object_id.of_account(one.account), changed),
                ttl_s=TTL_S,
                urgency=_urgency(one.told, look.states),
                topic=_topic(changed),
            )
            if outcome.meaning is not Meaning.DELIVERED:
                return self._failed(one, one.told, told_email, outcome)
            told = push.push_state(look.states)
        return Result(Progress(one.id, told, told_email, 0, 0), outcome)

    async def _tell_emails(self, one: Subscription, last: int) -> tuple[int, Outcome | None]:
        """The last email that was told of, and the last answer."""
        configs = msgspec.json.decode(one.email_push or "{}")
        given = configs.get(object_id.of_account(one.account))
        if given is None:
            return last, None
        config = email_config.read(given)
        world, told = self._world, one.told_email
        ids = await world.database.read_in_thread(
            email_push.arrived,
            world.blobs,
            one.account,
            told,
            last,
            config.wanted(),
            now_ms=world.clock.now_ms(),
        )
        outcome = None
        reading = email_push.Reading(world, _give_way)
        for message in await email_push.messages(
            reading, one.account, ids, config, max_octets=MAX_MESSAGE_OCTETS
        ):
            outcome = await self._poster.post(
                one, message.octets, ttl_s=TTL_S, urgency=Urgency(config.urgency)
            )
            if outcome.meaning is Meaning.TOO_LARGE:
                outcome = Outcome(Meaning.DELIVERED)  # it will never fit; what comes after it may
            if outcome.meaning is not Meaning.DELIVERED:
                return told, outcome
            told = message.last
        return last, outcome

    def _failed(self, one: Subscription, told: str, told_email: int, outcome: Outcome) -> Result:
        failures = one.failures + 1
        match outcome.meaning:
            case Meaning.GONE:
                return Result(None, outcome)
            case Meaning.SLOW_DOWN:
                ends = False
            case Meaning.TRY_LATER:
                ends = failures >= MAX_FAILURES
            case _:
                ends = failures >= MAX_REFUSALS
        if ends:
            return Result(None, outcome)
        wait_s = min(RETRY_S * 2 ** min(failures - 1, 20), MAX_RETRY_S)
        wait_s *= self._world.entropy.uniform(0.8, 1.2)  # not all that one outage has held up at once
        at_ms = self._world.clock.now_ms() + int(1000 * max(wait_s, outcome.wait_s or 0))
        return Result(Progress(one.id, told, told_email, failures, at_ms), outcome)


async def _give_way() -> None:
    await asyncio.sleep(0)


def _urgency(told: str, states: Mapping[str, str]) -> Urgency:
    """A device need not be woken up for what its owner does elsewhere (RFC 8030 §5.3)."""
    has_come = push.changed_since(told, states, frozenset((EMAIL_DELIVERY,)))
    return Urgency.NORMAL if has_come else Urgency.LOW


def _topic(changed: Mapping[str, str]) -> str:
    """What is told of the same types replaces what waits for a device that is not connected (RFC 8030 §5.4)."""
    digest = hashlib.sha256(" ".join(sorted(changed)).encode()).digest()
    return base64url.encoded(digest)[:MAX_TOPIC_OCTETS]
