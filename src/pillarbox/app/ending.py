"""The signals that end a process, held back while what they would interrupt must come to an end first.

A handler that raises may do so anywhere: in the midst of a fork, of an import, of the removal of what must not
be left behind. So until something waits for these signals they are blocked, and who has time looks for them.
"""

import signal

SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def hold() -> None:
    """From now on they wait. Threads and processes that are begun meanwhile inherit that."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def let_through() -> None:
    """Now they may come, those that have waited at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def wanted() -> bool:
    """Whether one of them waits."""
    return not SIGNALS.isdisjoint(signal.sigpending())
