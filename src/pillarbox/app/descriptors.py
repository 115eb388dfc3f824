"""File descriptors: as many as the system allows, and a warning while there are no more.

Each connection takes one, and many systems give a process 1,024 unless it asks for more. Without one left the loop
closes new connections without a word, and nothing that needs a file can be done; it is refused as temporary.
"""

import errno
import os
import resource
from typing import Final

from pillarbox.world.clock import Clock
from pillarbox.world.telemetry import Telemetry

ENOUGH: Final = 65_536
"""More is not asked for: a table of them is made for some systems' largest limits."""
LOOK_EVERY_S: Final = 1.0
SAY_AGAIN_S: Final = 60.0
"""How often it is said while it lasts."""


def allow_many(enough: int = ENOUGH) -> int:
    """Raise this process's limit as far as it may, for it and its children; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def any_left() -> bool:
    """Whether a file can be opened."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as failure:
        return failure.errno not in (errno.EMFILE, errno.ENFILE)
    return True


async def tell_when_used_up(clock: Clock, telemetry: Telemetry) -> None:
    """Warn of it, for ever."""
    silent_until_s = 0.0
    while True:
        await clock.sleep(LOOK_EVERY_S)
        if not any_left() and clock.monotonic() >= silent_until_s:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            telemetry.warning("too many open files", limit=limit)
            silent_until_s = clock.monotonic() + SAY_AGAIN_S
