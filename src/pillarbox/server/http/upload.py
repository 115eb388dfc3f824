"""A large body on its way from the connection to the one who reads it, one piece at a time."""

import asyncio
from typing import Final

MIN_OCTETS_A_SECOND: Final = 500
"""How fast a client must send, on average over the time that we wait for it, ..."""
GRACE_S: Final = 30.0
"""... beyond so much of it."""


class Upload:
    """Pieces that one side puts and the other takes."""

    __slots__ = ("_changed", "_gone", "_last", "_octets", "_piece", "_since_s", "_unwanted", "_waited_s")

    def __init__(self, now_s: float) -> None:
        """`now_s`: the clock's time, in seconds."""
        self._since_s = now_s
        self._waited_s = 0.0
        self._octets = 0
        self._changed = asyncio.Event()
        self._piece: bytes | None = None
        self._last = False
        self._gone = False
        self._unwanted = False

    def arrived(self, octets: int, now_s: float) -> bool:
        """So much has come in; returns whether that is fast enough."""
        self._waited_s += now_s - self._since_s
        self._octets += octets
        return self._octets >= (self._waited_s - GRACE_S) * MIN_OCTETS_A_SECOND

    def wait_from(self, now_s: float) -> None:
        """From now on we wait for the client."""
        self._since_s = now_s

    async def put(self, octets: bytes, *, last: bool) -> None:
        """Hand over a piece; returns when it was taken, or nobody wants it any more."""
        self._piece, self._last = octets, last
        self._notify()
        while self._waits:
            await self._changed.wait()

    @property
    def _waits(self) -> bool:
        """Whether the piece is there still, and somebody may want it."""
        return self._piece is not None and not self._unwanted

    async def take(self) -> tuple[bytes, bool] | None:
        """The next piece, and whether it is the last; `None` once the client is gone."""
        while self._piece is None:
            if self._gone:
                return None
            await self._changed.wait()
        piece, self._piece = self._piece, None
        self._notify()
        return piece, self._last

    def abandon(self) -> None:
        """The client is gone: no more comes."""
        self._gone = True
        self._notify()

    def stop(self) -> None:
        """Nobody reads any more: what comes is dropped."""
        self._unwanted = True
        self._notify()

    def _notify(self) -> None:
        # Whoever waits looks again
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
