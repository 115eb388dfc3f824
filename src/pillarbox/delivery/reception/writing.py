"""Work on large messages, in threads."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, ParamSpec, TypeVar

from pillarbox.world.blobs import BlobWriter

COPIED_OCTETS: Final = 256 * 1024
"""Octets of a large message that are copied together."""

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
    """What the work results in."""
    return await asyncio.get_running_loop().run_in_executor(None, partial(work, *arguments, **keywords))


def write_below(writer: BlobWriter, top: bytes, octets: bytes, start: int) -> None:
    """The top, and below it the octets from `start` on. For threads; raises `DatabaseUnavailable`."""
    try:
        writer.write(top)
        for at in range(start, len(octets), COPIED_OCTETS):
            writer.write(octets[at : at + COPIED_OCTETS])
    except BaseException:
        writer.abandon()
        raise
