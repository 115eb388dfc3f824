"""The provider for `async with`: the same methods as coroutines, run in threads."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pillarbox.testing.blocking import SENDER, Account, BlockingProvider, Deliverable
from pillarbox.testing.message import Message
from pillarbox.testing.watch import POLL_S


class AsyncProvider:
    """What `async with Provider() as mail` and the fixture `pillarbox_async` give; see `Provider` for each method.

    It needs the event loop of asyncio. One and the same provider may be used as both.
    """

    def __init__(self, provider: BlockingProvider) -> None:
        self._provider = provider
        self._lock = asyncio.Lock()

    @property
    def host(self) -> str:
        """Where it listens."""
        return self._provider.host

    @property
    def ports(self) -> Mapping[str, int]:
        """Ports by the name of the service."""
        return self._provider.ports

    @property
    def domains(self) -> Sequence[str]:
        """Its domains."""
        return self._provider.domains

    @property
    def accounts(self) -> Sequence[Account]:
        """The accounts."""
        return self._provider.accounts

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._provider.log

    @property
    def ca_file(self) -> Path:
        """The CA certificate that clients are to trust."""
        return self._provider.ca_file

    def account(self, address: str) -> Account:
        """See `Provider.account`."""
        return self._provider.account(address)

    def tls_context(self) -> ssl.SSLContext:
        """See `Provider.tls_context`."""
        return self._provider.tls_context()

    async def start(self) -> None:
        """See `Provider.start`."""
        await asyncio.to_thread(self._provider.start)

    async def stop(self) -> None:
        """See `Provider.stop`."""
        await asyncio.to_thread(self._provider.stop)

    async def add_account(self, address: str, password: str = "secret") -> Account:  # noqa: S107 - for a test
        """See `Provider.add_account`."""
        async with self._lock:
            return await asyncio.to_thread(self._provider.add_account, address, password)

    async def deliver(
        self, message: Deliverable, to: str | Iterable[str] = (), *, sender: str = SENDER
    ) -> None:
        """See `Provider.deliver`."""
        async with self._lock:
            await asyncio.to_thread(self._provider.deliver, message, to, sender=sender)

    async def mailbox(self, address: str, name: str = "INBOX") -> list[Message]:
        """See `Provider.mailbox`."""
        async with self._lock:
            return await asyncio.to_thread(self._provider.mailbox, address, name)

    async def wait_for(
        self,
        address: str | None = None,
        *,
        subject: str | None = None,
        where: Callable[[Message], bool] = lambda _message: True,
        mailbox: str = "INBOX",
        timeout: float = 5.0,  # noqa: ASYNC109 - the interface of `Provider`
    ) -> Message:
        """See `Provider.wait_for`."""
        deadline = asyncio.get_running_loop().time() + timeout
        async with self._lock:
            watch = await asyncio.to_thread(
                self._provider.watch, address, subject=subject, where=where, mailbox=mailbox
            )
        while True:
            # The lock is released between looks: another task may be about to deliver the message.
            async with self._lock:
                found = await asyncio.to_thread(watch.look)
            if found is not None:
                return found
            if asyncio.get_running_loop().time() >= deadline:
                async with self._lock:
                    raise await asyncio.to_thread(self._provider.timed_out, watch, timeout)
            await asyncio.sleep(POLL_S)

    async def empty(self) -> None:
        """See `Provider.empty`."""
        async with self._lock:
            await asyncio.to_thread(self._provider.empty)

    async def reset(self) -> None:
        """See `Provider.reset`."""
        async with self._lock:
            await asyncio.to_thread(self._provider.reset)
