"""Serving: in this process, or with a supervisor and workers.

`serve` always has a supervisor, so that a worker that dies or hangs is replaced. The demo has one only for several
workers, so that it starts faster.
"""

import os
import socket
from collections.abc import Callable
from contextlib import closing

from pillarbox.app.control import ControlSockets
from pillarbox.app.descriptors import allow_many
from pillarbox.app.metrics import FAMILIES
from pillarbox.app.resolved import Resolved
from pillarbox.app.sessions import load
from pillarbox.app.sockets import Sockets
from pillarbox.app.supervisor import Supervisor, SupervisorLink
from pillarbox.app.worker import Reread, run
from pillarbox.app.world import open_telemetry
from pillarbox.config.schema import ConfigWrong
from pillarbox.world.clock import SystemClock
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import for_one_alone, shared_among
from pillarbox.world.tls.server import CertificateUnusable, ServerTls


def alone(resolved: Resolved, sockets: Sockets, ready: Callable[[], None]) -> int:
    """Serve in this process until stopped; return an exit code."""
    allow_many()
    shared = for_one_alone(FAMILIES)
    telemetry = open_telemetry(resolved.config.log)
    shared.workers.serve(os.getpid(), SystemClock().now_ms())
    shared.workers.started(shared.worker, os.getpid(), SystemClock().now_ms())
    with closing(ControlSockets(resolved.config.data_directory.control, 1, telemetry)) as control:
        run(resolved, sockets, shared, None, ready, control=control.of(0))
    return 0


def supervised(
    resolved: Resolved, sockets: Sockets, ready: Callable[[], None], reread: Reread | None = None
) -> int:
    """Serve with workers that are replaced when they die, until stopped; return an exit code.

    `reread`: how to read the configuration again on SIGHUP. The supervisor tries it first: if something is wrong,
    the log says what, and all workers, later ones included, keep the configuration they had.
    """
    allow_many()
    load(sockets)  # once, in memory that all workers share
    workers = resolved.config.workers
    shared = shared_among(workers, SystemEntropy(), FAMILIES)
    telemetry = open_telemetry(resolved.config.log, shared[0].recent.at(workers))
    current = resolved

    def reload() -> bool:
        nonlocal current
        try:
            found = reread() if reread else current
            ServerTls(found.certificates)
            telemetry.reconfigure(found.config.log)
        except (ConfigWrong, CertificateUnusable, OSError) as failure:
            telemetry.warning("not reloaded", reason=str(failure))
            return False
        current = found
        return True

    with closing(ControlSockets(resolved.config.data_directory.control, workers, telemetry)) as control:

        def work(link: SupervisorLink) -> None:
            own = control.of(link.worker)
            run(current, sockets, shared[link.worker], link, link.ready, reread=reread, control=own)

        return Supervisor(shared[0].workers, work, telemetry, reload=reload).run(ready)


def notify_service_manager(state: str) -> None:
    """Send a state such as `READY=1` to systemd (sd_notify(3)), if it started us and listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
