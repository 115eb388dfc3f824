"""What the workers of a running server have answered, put together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pillarbox.admin.control.client import Reply
from pillarbox.admin.control.messages import WorkerStatus
from pillarbox.world.shared.recent_events import RecentEvent

MAX_SILENT_S: Final = 5.0
"""A worker whose last heartbeat is longer ago is stuck."""
TOP_ACCOUNTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """One worker. What it would have to tell itself is `None` where it does not answer."""

    worker: int
    pid: int
    started_at_ms: int | None = None
    restarts: int = 0
    healthy: bool = False
    trouble: str = ""
    silent_s: float | None = None
    """Since its last heartbeat."""
    lag_s: float | None = None
    longest_lag_s: float | None = None
    memory_octets: int | None = None
    memory_limit_octets: int | None = None
    resident_octets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """A running server."""

    pid: int
    version: str = ""
    started_at_ms: int | None = None
    workers: tuple[WorkerState, ...] = ()
    connections: dict[str, int] = field(default_factory=dict)
    """By service."""
    logins: dict[str, int] = field(default_factory=dict)
    """Sessions by account, of those that have most."""
    damaged: int = 0
    """Damaged messages that the workers have come across."""
    recent: tuple[RecentEvent, ...] = ()
    totals: dict[str, float] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether all workers answer."""
        return bool(self.workers) and all(worker.healthy for worker in self.workers)


def servers(replies: Sequence[Reply]) -> list[ServerState]:
    """The servers that run on this data directory: one, if all is well."""
    by_pid: dict[int, list[Reply]] = {}
    for reply in replies:
        by_pid.setdefault(reply.server_pid, []).append(reply)
    return [_server(pid, of_server) for pid, of_server in by_pid.items()]


def _server(pid: int, replies: Sequence[Reply]) -> ServerState:
    told = {
        reply.worker: answer
        for reply in replies
        for answer in reply.answers
        if isinstance(answer, WorkerStatus)
    }
    if not told:
        silent = (WorkerState(worker=reply.worker, pid=0, trouble=reply.silent) for reply in replies)
        return ServerState(pid=pid, workers=tuple(silent))
    latest = max(told.values(), key=lambda status: len(status.recent))
    workers = tuple(_worker(reply, told.get(reply.worker), latest) for reply in replies)
    connections, logins = Counter[str](), Counter[str]()
    for status in told.values():
        connections.update(status.connections)
        logins.update(status.logins)
    return ServerState(
        pid=pid,
        version=latest.version,
        started_at_ms=latest.server_started_at_ms,
        workers=workers,
        connections=dict(connections),
        logins=dict(logins.most_common(TOP_ACCOUNTS)),
        damaged=sum(status.damaged for status in told.values()),
        recent=latest.recent,
        totals=latest.totals,
    )


def _worker(reply: Reply, status: WorkerStatus | None, any_status: WorkerStatus) -> WorkerState:
    row = next((row for row in any_status.workers if row.worker == reply.worker), None)
    silent_s = row.silent_s if row else None
    trouble = reply.silent
    if row and not row.pid:
        trouble = "it has ended, and is being replaced"
    elif silent_s is not None and silent_s > MAX_SILENT_S:
        trouble = f"its loop has been held for {silent_s:.0f} s"
    return WorkerState(
        worker=reply.worker,
        pid=row.pid if row else 0,
        started_at_ms=row.started_at_ms if row else None,
        restarts=row.restarts if row else 0,
        healthy=status is not None and not trouble,
        trouble=trouble,
        silent_s=silent_s,
        lag_s=status.lag_s if status else None,
        longest_lag_s=status.longest_lag_s if status else None,
        memory_octets=status.memory_octets if status else None,
        memory_limit_octets=status.memory_limit_octets if status else None,
        resident_octets=status.resident_octets if status else None,
    )
