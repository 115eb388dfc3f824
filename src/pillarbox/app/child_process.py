"""Work in a process of its own, beside what this one does meanwhile; nothing of it stays in memory."""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from pillarbox.app import ending

GRACE_S = 2.0
"""How long work that was asked to end may take to do so."""
LOOK_S = 0.05


class Failed(Exception):
    """The work could not be done; the text says why, for a person."""


@contextmanager
def running(work: Callable[[], None]) -> Iterator[None]:
    """Run `work` in a fork while the block runs; at its end, wait for it.

    Raises `Failed`, and SystemExit where a signal to end waits (see `ending`): then the work has been ended too.
    OSError and ValueError are what users can mend, so their text is told; of anything else the traceback.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            ending.let_through()
            code = _do(work, writing)
        finally:
            leave(code)
    os.close(writing)
    try:
        yield
        text = _told(reading, child)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        _, status = os.waitpid(child, 0)
    if ending.wanted():
        sys.exit(0)
    if status:
        raise Failed(text or f"a process ended with status {os.waitstatus_to_exitcode(status)}")


def _told(reading: int, child: int) -> str:
    """What the work says at its end; it is asked to end where that is wanted, and made to when it does not."""
    octets, patience = b"", GRACE_S
    while True:
        if select.select([reading], [], [], LOOK_S)[0]:
            more = os.read(reading, 65_536)
            if not more:
                return octets.decode("utf-8", "replace")
            octets += more
        elif ending.wanted():
            if patience == GRACE_S:
                os.kill(child, signal.SIGINT)
            elif patience <= 0:
                os.kill(child, signal.SIGKILL)
            patience -= LOOK_S


def _do(work: Callable[[], None], writing: int) -> int:
    text = ""
    try:
        work()
    except (OSError, ValueError) as failure:
        text = str(failure)
    except KeyboardInterrupt:
        text = "stopped"
    except BaseException:
        text = traceback.format_exc()
    os.write(writing, text.encode("utf-8", "replace"))
    return 1 if text else 0


def leave(code: int) -> NoReturn:
    """End a forked process here, whatever else fails: it must never go on with what its parent does."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a disk that is full, a stream that is closed
            stream.flush()
    os._exit(code)
