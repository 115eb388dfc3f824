"""SIGTERM and SIGINT, blocked while work that must not be interrupted is under way.

A signal handler that raises may do so anywhere: in the middle of a fork, of an import, or of the removal of a
temporary folder. So these signals stay blocked until something waits for them, and long work polls for them.
"""

import signal

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def block() -> None:
    """Block them from now on, also in the threads and processes that are started from here."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock() -> None:
    """Deliver them again; those that are pending are delivered at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def pending() -> bool:
    """Whether one of them has been sent while they were blocked."""
    return not SIGNALS.isdisjoint(signal.sigpending())
