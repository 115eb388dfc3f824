"""The `Database` protocol: `write`, `read`, and `write_in_thread`, `read_in_thread`.

`write` runs a verb and returns once its effects are durable. `read` runs a short verb on what is committed.
`write_in_thread` and `read_in_thread` do the same for verbs that would hold up the loop. A database is one shard;
an open one does not survive a fork: each process opens its own. Engines are packages below this one (`sqlite`).
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

P = ParamSpec("P")
T = TypeVar("T")
Verb = Callable[Concatenate[Transaction, P], T]
OnCommit = Callable[[Iterable[Topic]], None]
OnFailure = Callable[[str, BaseException], None]


MAX_SEARCH_THREADS: Final = 16
"""Searches under way at once in a process; `server.searches` has few of them run."""


class Lane(Enum):
    """What long reads have threads for, so that none waits for another kind; the values are their numbers."""

    READS = 2
    """What a client waits for: parts of large messages, large mailboxes."""
    SEARCHES = MAX_SEARCH_THREADS
    MAINTENANCE = 1


class Database(Protocol):
    """One shard, open for reading and writing."""

    on_commit: OnCommit
    """Called in the loop (or by `write_now`) with the topics that a durable commit announces."""
    on_failure: OnFailure
    """Called with what happened, and the failure, where an operator must know: no caller waits for the outcome, or the
    database is damaged and clients only get a transient error."""
    calls: int
    """Verbs this process has run, reading or writing: a measure of load for background work."""

    async def write(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that writes; return its result after the durable commit.

        Raises what the verb raises, or `DatabaseUnavailable`; nothing has changed in either case. A caller that
        is cancelled while waiting does not know whether the verb took effect.
        """

    async def write_in_thread(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`write` for a verb that writes much: in a transaction of its own, without holding up the loop.

        Whoever else writes waits until it is done, but for one such verb only. The verb may touch nothing but its
        arguments and the transaction.
        """

    def write_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`write` for programs without a loop: blocks until the commit is durable."""

    async def read(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a short verb that only reads, on what is committed. Raises `DatabaseUnavailable`."""

    def read_now(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`read` for programs without a loop. Raises `DatabaseUnavailable`."""

    async def read_in_thread(self, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Run a verb that reads much without holding up the loop. Raises `DatabaseUnavailable`."""

    async def read_in_lane(self, lane: Lane, verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """`read_in_thread` in the threads of a lane; without it, of `READS`."""

    async def close(self) -> None:
        """Finish what is under way and release the files."""

    def close_now(self) -> None:
        """`close` for programs without a loop, or when no `write` is under way."""
