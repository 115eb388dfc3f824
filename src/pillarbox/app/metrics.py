"""The metrics of a worker: all families, and those numbers that are read where they are kept."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

from pillarbox.config.services import SERVICES
from pillarbox.server.control.answers import resident_octets
from pillarbox.server.http.counts import REQUESTS
from pillarbox.server.imap.handlers import COMMANDS_RECEIVED
from pillarbox.server.listener import Listener
from pillarbox.server.login.history import LOGINS
from pillarbox.server.pulse import LOOP_LAG
from pillarbox.server.relay.settling import DELIVERIES, DELIVERY_FAILURES, DELIVERY_SECONDS
from pillarbox.server.smtp.message_counts import MESSAGES
from pillarbox.world.database.commit_counts import COMMIT_SECONDS, COMMIT_VERBS
from pillarbox.world.memory import MemoryBudget
from pillarbox.world.shared.metrics import Family, Kind, Metrics

_SERVICES: Final = ("service", tuple(SERVICES))

CONNECTIONS: Final = Family(
    name="connections", sentence="Open connections of clients.", kind=Kind.GAUGE, labels=(_SERVICES,)
)
CONNECTION_RESULTS: Final[dict[str, str]] = {
    "accepted": "accepted",
    "refused": "refused",
    "timed_out": "timed_out",
    "handshake_failed": "handshakes_failed",
    "failed": "failed",
}
"""Each result, and the field of `ListenerCounts` that counts it."""
CONNECTIONS_OPENED: Final = Family(
    name="connection_results",
    sentence="Connections of clients that were accepted, refused beyond a limit, or ended by a failure.",
    labels=(_SERVICES, ("result", tuple(CONNECTION_RESULTS))),
)
MEMORY: Final = Family(
    name="memory_budget_bytes",
    sentence="What messages under way have reserved of the memory budgets of all workers.",
    kind=Kind.GAUGE,
)
MEMORY_LIMIT: Final = Family(
    name="memory_budget_limit_bytes", sentence="The memory budgets of all workers.", kind=Kind.GAUGE
)
RESIDENT: Final = Family(name="resident_memory_bytes", sentence="The memory of all workers.", kind=Kind.GAUGE)

FAMILIES: Final[Sequence[Family]] = (
    CONNECTIONS,
    CONNECTIONS_OPENED,
    MESSAGES,
    LOGINS,
    COMMANDS_RECEIVED,
    REQUESTS,
    DELIVERIES,
    DELIVERY_FAILURES,
    DELIVERY_SECONDS,
    COMMIT_SECONDS,
    COMMIT_VERBS,
    LOOP_LAG,
    MEMORY,
    MEMORY_LIMIT,
    RESIDENT,
)
"""What workers publish. A family that is missing here can't be counted."""


def publish_readings(metrics: Metrics, memory: MemoryBudget, listeners: Sequence[Listener]) -> None:
    """Have published what the worker's parts keep for themselves."""
    metrics.read(MEMORY, lambda: memory.used_octets)
    metrics.read(MEMORY_LIMIT, lambda: memory.limit_octets)
    metrics.read(RESIDENT, resident_octets)
    for listener in listeners:
        name = listener.service.name
        metrics.read(CONNECTIONS, _reading(listener, "open_connections"), name)
        for result, counted in CONNECTION_RESULTS.items():
            metrics.read(CONNECTIONS_OPENED, _reading(listener.counts, counted), name, result)


def _reading(kept_by: object, name: str) -> Callable[[], float]:
    read = attrgetter(name)
    return lambda: float(read(kept_by))
