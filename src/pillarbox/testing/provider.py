"""The provider as a context manager, for `with` and `async with`."""

from types import TracebackType
from typing import Self

from pillarbox.testing.asynchronous import AsyncProvider
from pillarbox.testing.blocking import BlockingProvider


class Provider(BlockingProvider):
    """A provider to test against, in a process of its own.

    `with Provider() as mail` gives it with blocking methods, `async with Provider() as mail` with the same methods
    as coroutines.
    """

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> AsyncProvider:
        asynchronous = AsyncProvider(self)
        await asynchronous.start()
        return asynchronous

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await AsyncProvider(self).stop()
