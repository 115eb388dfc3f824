"""A JMAP service without HTTP, and the one who talks to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import credentials
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.protocol.jmap.capabilities import CAPABILITIES
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.server.jmap.context import Handler
from pillarbox.server.jmap.methods import HANDLERS
from pillarbox.server.jmap.service import Answer, JmapService
from pillarbox.server.jmap.uploading import Uploads
from pillarbox.world.clock import Clock
from tests.kit.provider import PEOPLE, Provider, open_provider

BASE_URL = "https://mail.one.example"
ALL = tuple(CAPABILITIES)


@dataclass(slots=True)
class JmapClient:
    """One user of the service."""

    provider: Provider
    service: JmapService
    account: Account
    uploads: Uploads
    credential: str

    @property
    def account_id(self) -> str:
        return f"A{self.account.id}"

    async def send(self, octets: bytes) -> Answer:
        return await self.service.call(self.account, octets, BASE_URL, credential=self.credential)

    async def request(self, *calls: list[Any], using: tuple[str, ...] = ALL, **members: Any) -> Any:
        """The Response object, or the problem."""
        request = {"using": using, "methodCalls": calls, **members}
        return json.loads((await self.send(json.dumps(request).encode())).octets)

    async def call(self, method: str, **arguments: Any) -> tuple[str, Any]:
        """Name and arguments of the response to one call on the user's account."""
        answer = await self.request([method, {"accountId": self.account_id, **arguments}, "c"])
        ((name, said, _),) = answer["methodResponses"]
        return name, said


async def open_jmap(
    handlers: Mapping[str, Handler] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    folder: Path | None = None,
    clock: Clock | None = None,
) -> JmapClient:
    """The first person of a provider in memory, or in a folder. `handlers` are added to those of the service."""
    provider = await open_provider(folder, clock=clock)
    service = JmapService(
        provider.world, provider.config, limits=limits, handlers={**HANDLERS, **(handlers or {})}
    )
    client = await logged_in(provider, service, limits=limits)
    await service.session(client.account, BASE_URL)  # what every client asks for first
    return client


async def logged_in(
    provider: Provider, service: JmapService, number: int = 0, *, limits: Limits = DEFAULT_LIMITS
) -> JmapClient:
    """The n-th person, by their password."""
    found = await provider.world.database.read(credentials.find, PEOPLE[number])
    assert found is not None
    credential = mark(found.argon2 or "")
    return JmapClient(provider, service, found.account, Uploads(provider.world, limits), credential)


def run_with_jmap(
    test: Callable[[JmapClient], Awaitable[None]],
    handlers: Mapping[str, Handler] | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    clock: Clock | None = None,
) -> None:
    """Run a test's coroutine with a client."""

    async def run() -> None:
        client = await open_jmap(handlers, limits=limits, clock=clock)
        try:
            await test(client)
        finally:
            await client.provider.close()

    asyncio.run(run())
