"""Work in a process of its own, beside what this one does meanwhile; nothing of it stays in memory."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Failed(Exception):
    """The work could not be done; the text says why, for a person."""


@contextmanager
def running(work: Callable[[], None]) -> Iterator[None]:
    """Run ``work`` in a fork while the block runs; at its end, wait for it. Raises `Failed`.

    OSError and ValueError are what users can mend, so their text is told; of anything else the traceback.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_do(work, writing))
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        try:
            yield
        except BaseException:
            os.kill(child, signal.SIGTERM)
            raise
        finally:
            text = told.read()
            _, status = os.waitpid(child, 0)
    if status:
        raise Failed(text or f"a process ended with status {os.waitstatus_to_exitcode(status)}")


def _do(work: Callable[[], None], writing: int) -> int:
    text = ""
    try:
        work()
    except (OSError, ValueError) as failure:
        text = str(failure)
    except SystemExit:
        text = "stopped"
    except BaseException:
        text = traceback.format_exc()
    os.write(writing, text.encode("utf-8", "replace"))
    sys.stderr.flush()
    return 1 if text else 0
