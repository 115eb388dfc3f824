"""The request that pushes a message, and what its answer means (RFC 8030 §5, §7, §8.4)."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.mail import date
from pillarbox.protocol.webpush import base64url
from pillarbox.web import FetchFailed, Page
from pillarbox.web.target import Target, UrlRefused, target_of

MAX_TTL_S: Final = 2**31 - 1
"""§5.2: what every push service can count."""
MAX_TOPIC_OCTETS: Final = 32
MAX_WAIT_S: Final = 24 * 3600
"""No push service is waited for longer, whatever it says."""


class Urgency(StrEnum):
    """§5.3: when a device is to be woken up for a message."""

    VERY_LOW = "very-low"
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Meaning(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    """The push service has it."""
    GONE = "gone"
    """There is no such subscription any more (§7.3)."""
    TOO_LARGE = "too-large"
    SLOW_DOWN = "slow-down"
    """The push service wants fewer messages (§8.4)."""
    REFUSED = "refused"
    """It takes no such message, also later: its sender or a field is not what it wants."""
    TRY_LATER = "try-later"
    """It did not answer, or was not able to take it."""


class Outcome(Struct, frozen=True, gc=False):
    """What became of a message, and why."""

    meaning: Meaning
    reason: str = ""
    """For the log; empty where it was delivered."""
    wait_s: int | None = None
    """How long the push service wants to be left alone, `MAX_WAIT_S` at most; `None` where it does not say."""


_MEANINGS: Final = {
    404: Meaning.GONE,
    410: Meaning.GONE,
    413: Meaning.TOO_LARGE,
    429: Meaning.SLOW_DOWN,
    408: Meaning.TRY_LATER,  # Request Timeout
    425: Meaning.TRY_LATER,  # Too Early
}


def endpoint(url: str) -> Target:
    """Where the URL of a subscription leads, which a client has chosen.

    Only `https`, a host by its name, any port; no user name and no fragment; 2048 octets at most. Which addresses it
    may lead to is judged when connecting. Raises `UrlRefused`.
    """
    target = target_of(url)
    if "#" in url:
        raise UrlRefused("the URL has a fragment")
    if target.port == 0:
        raise UrlRefused("the URL has no port that can be connected to")
    return target


def fields(
    *, authorization: str, ttl_s: int, urgency: Urgency = Urgency.NORMAL, topic: str = ""
) -> dict[str, str]:
    """The header fields of a request, but those of its content.

    `authorization`: of `vapid.Sender`. `ttl_s`: how long the message is worth anything, in seconds; 0: now or never.
    `topic`: a message replaces one of the same topic that waits (§5.4); letters and digits, `-` and `_`,
    `MAX_TOPIC_OCTETS` at most. Raises ValueError.
    """
    if not 0 <= ttl_s <= MAX_TTL_S:
        raise ValueError(f"a message is worth something for 0 to {MAX_TTL_S} seconds")
    if len(topic) > MAX_TOPIC_OCTETS or not base64url.ALPHABET.issuperset(topic):
        raise ValueError(f"a topic has up to {MAX_TOPIC_OCTETS} letters, digits, '-' and '_'")
    written = {"Authorization": authorization, "TTL": str(ttl_s), "Urgency": urgency.value}
    return {**written, "Topic": topic} if topic else written


def outcome(answer: Page | FetchFailed, *, now_s: int) -> Outcome:
    """What an answer means. `now_s`: seconds since 1970."""
    if isinstance(answer, Page):
        return Outcome(Meaning.DELIVERED)
    meaning = _MEANINGS.get(answer.status)
    if meaning is None:
        meaning = Meaning.REFUSED if 300 <= answer.status < 500 else Meaning.TRY_LATER
    return Outcome(meaning, answer.reason, _wait_s(answer.retry_after, now_s))


def _wait_s(text: str, now_s: int) -> int | None:
    """RFC 9110 §10.2.3: seconds, or a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text), MAX_WAIT_S)
    at_ms = date.parse(text.encode("ascii", "replace")) if text else None
    return None if at_ms is None else min(max(at_ms // 1000 - now_s, 0), MAX_WAIT_S)
