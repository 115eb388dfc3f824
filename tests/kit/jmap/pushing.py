"""A push service, and the device of a client behind it: what is pushed is read by `tests/kit/webpush.py`."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from pillarbox.server.jmap.pushing.sender import PushSender
from pillarbox.web import FetchFailed, Page
from pillarbox.world.clock import SystemClock
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.fetcher.fetcher import NO_FIELDS
from pillarbox.world.world import World
from tests.kit import webpush
from tests.kit.jmap.client import JmapClient
from tests.kit.webpush import Client, claims

URL = "https://push.example/device/secret"
TAKEN = Page("", b"")
WAIT_S = 10.0


def refusal(status: int, retry_after: str = "") -> FetchFailed:
    return FetchFailed(f"the server says {status}", "status", status, retry_after)


class Device(Client):
    """A client, and its keys as they stand in a PushSubscription."""

    def __init__(self, scalar: int = 7, auth: bytes = b"0123456789abcdef") -> None:
        super().__init__(ec.derive_private_key(scalar, ec.SECP256R1()), auth)

    @property
    def keys(self) -> dict[str, str]:
        """In base64url."""
        return {"p256dh": _base64(self.p256dh), "auth": _base64(self.auth)}

    def message(self, body: bytes) -> Any:
        """The object in the body of a message."""
        return json.loads(self.read(body))


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def check_authorization(field_: str, url: str, *, now_s: int) -> bytes:
    """Fails where a strict push service would refuse the message; returns the key that has signed."""
    _, key = claims(field_)
    assert not webpush.refusal(field_, origin="/".join(url.split("/", 3)[:3]), key=key, now_s=now_s)
    return key


class Pushed(NamedTuple):
    """A message that has come."""

    url: str
    message: Any
    fields: Mapping[str, str]
    encoding: str
    key: bytes
    """Of the provider."""


@dataclass
class PushService(Fetcher):
    """Takes what is posted, or answers what the test says."""

    device: Device = field(default_factory=Device)
    answers: dict[str, deque[Page | FetchFailed]] = field(default_factory=dict)
    """By URL: what to say to the next messages. The last one stays; without any, messages are taken."""
    posted: list[Pushed] = field(default_factory=list)
    """All that has come, refused or not."""
    taken: asyncio.Queue[Pushed] = field(default_factory=asyncio.Queue)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """By URL: no answer before the event."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    now_ms: Callable[[], int] = SystemClock().now_ms

    @property
    def subjects(self) -> list[str]:
        """Whom each message says that one may write to."""
        return [claims(pushed.fields["Authorization"])[0]["sub"] for pushed in self.posted]

    async def fetch(self, url: str, *, max_octets: int, timeout_s: float, max_redirects: int = 0) -> Any:
        """Nothing is fetched."""
        raise AssertionError(url)

    async def post(
        self,
        url: str,
        octets: bytes,
        *,
        media_type: str,
        content_encoding: str = "",
        fields: Mapping[str, str] = NO_FIELDS,
        max_octets: int,
        timeout_s: float,
    ) -> Page | FetchFailed:
        """See `Fetcher`."""
        assert media_type == "application/json"
        assert (max_octets, timeout_s > 0) == (0, True)
        key = check_authorization(fields["Authorization"], url, now_s=self.now_ms() // 1000)
        message = self.device.message(octets) if content_encoding else json.loads(octets)
        pushed = Pushed(url, message, fields, content_encoding, key)
        self.posted.append(pushed)
        self.came.set()
        if url in self.held:
            await self.held[url].wait()
        answers = self.answers.get(url)
        answer = TAKEN if not answers else answers[0] if len(answers) == 1 else answers.popleft()
        if isinstance(answer, Page):
            self.taken.put_nowait(pushed)
        return answer

    async def next(self) -> Any:
        """The next message that is taken."""
        return (await asyncio.wait_for(self.taken.get(), WAIT_S)).message

    def world(self, client: JmapClient) -> World:
        """That of the client's provider, with this push service in it."""
        return replace(client.provider.world, push_fetcher=self)

    def sender(self, client: JmapClient, *, gap_s: float = 0.0) -> PushSender:
        """What sends to this service, for the client's provider; started."""
        sender = PushSender(self.world(client), client.provider.config, gap_s=gap_s)
        sender.start()
        return sender


async def settled(sender: PushSender) -> None:
    """Return once nobody is to be told anything now."""
    for _ in range(100_000):
        await asyncio.sleep(0)
        if not (sender._has_work.is_set() or sender._sending or sender._listed_up_to is not None):
            return
    raise AssertionError("it never ends")


async def subscribe(client: JmapClient, *, url: str = URL, **properties: Any) -> Any:
    """Make a subscription; what is answered, or its error."""
    record = {"deviceClientId": "a", "url": url, **properties}
    answer = await client.request(["PushSubscription/set", {"create": {"a": record}}, "c"])
    ((name, said, _),) = answer["methodResponses"]
    assert name == "PushSubscription/set", said
    return said["created"]["a"] if said["created"] else said["notCreated"]["a"]


async def change(client: JmapClient, id_: str, **patch: Any) -> Any:
    """Update it; what is answered, or its error."""
    answer = await client.request(["PushSubscription/set", {"update": {id_: patch}}, "c"])
    ((_, said, _),) = answer["methodResponses"]
    return said["notUpdated"][id_] if said["notUpdated"] else said["updated"][id_]


async def listed(client: JmapClient, **arguments: Any) -> Any:
    """What PushSubscription/get says."""
    answer = await client.request(["PushSubscription/get", arguments, "c"])
    ((_, said, _),) = answer["methodResponses"]
    return said


async def verified(client: JmapClient, service: PushService, *, url: str = URL, **properties: Any) -> str:
    """Make a subscription and send back its code; its id."""
    made = await subscribe(client, url=url, **properties)
    while (said := await service.next())["@type"] != "PushVerification":
        pass
    assert said["pushSubscriptionId"] == made["id"]
    assert await change(client, made["id"], verificationCode=said["verificationCode"]) is None
    return str(made["id"])
