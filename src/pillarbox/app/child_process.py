"""Running work in a child process while this one does something else; none of its memory stays."""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from pillarbox.app import termination

GRACE_S = 2.0
"""How long work may take to end once it is signalled to."""
POLL_S = 0.05


class ChildFailed(Exception):
    """The work failed; the text says why, for a person."""


@contextmanager
def running(work: Callable[[], None]) -> Iterator[None]:
    """Run `work` in a forked process while the block runs, and wait for it at the end of the block.

    Raises `ChildFailed`, and SystemExit where a signal to terminate is pending (see `termination`): then the work
    has been stopped as well. OSError and ValueError are what users can correct, so `ChildFailed` has their text; for
    anything else it has the traceback.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            termination.unblock()
            code = _do(work, writing)
        finally:
            leave(code)
    os.close(writing)
    try:
        yield
        text = _outcome(reading, child)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(reading)
        _, status = os.waitpid(child, 0)
    if termination.pending():
        sys.exit(0)
    if status:
        raise ChildFailed(text or f"a child process ended with status {os.waitstatus_to_exitcode(status)}")


def _outcome(reading: int, child: int) -> str:
    """What the child reports at its end. Where termination is pending it is interrupted, and killed if it goes on."""
    octets, left_s = b"", GRACE_S
    while True:
        if select.select([reading], [], [], POLL_S)[0]:
            more = os.read(reading, 65_536)
            if not more:
                return octets.decode("utf-8", "replace")
            octets += more
        elif termination.pending():
            if left_s == GRACE_S:
                os.kill(child, signal.SIGINT)
            elif left_s <= 0:
                os.kill(child, signal.SIGKILL)
            left_s -= POLL_S


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
    """End a forked process here, whatever else fails: it must never run on into its parent's code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the disk is full, the stream is closed
            stream.flush()
    os._exit(code)
