"""Serving with what has been prepared: in this process, or with a supervisor and workers.

`serve` always has a supervisor, so that a worker that dies is replaced; the demo has one only if it was asked
for several workers, so that it starts at once.
"""

import os
import socket
from collections.abc import Callable

from pillarbox.app.services import Doors
from pillarbox.app.settings import Settings
from pillarbox.app.supervisor import Supervisor
from pillarbox.app.worker import run
from pillarbox.config.schema import ConfigWrong
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import for_one_alone, shared_among
from pillarbox.world.telemetry import SystemTelemetry
from pillarbox.world.tls.server import CertificateUnusable, ServerTls


def alone(settings: Settings, doors: Doors, ready: Callable[[], None]) -> int:
    """Serve in this process until told to stop; return an exit code."""
    run(settings, doors, for_one_alone(), None, ready)
    return 0


def supervised(
    settings: Settings,
    doors: Doors,
    ready: Callable[[], None],
    reread: Callable[[], Settings] | None = None,
) -> int:
    """Serve with workers that are replaced when they die, until told to stop; return an exit code.

    `reread`: how SIGHUP comes to new settings. They are tried here first: if something is wrong with
    them, the log says what, and workers, also those to come, go on with what they had.
    """
    telemetry = SystemTelemetry()
    current = settings

    def reload() -> bool:
        nonlocal current
        try:
            found = reread() if reread else current
            ServerTls(found.certificates)
        except (ConfigWrong, CertificateUnusable, OSError) as failure:
            telemetry.warning("not reloaded", reason=str(failure))
            return False
        current = found
        return True

    shared = shared_among(settings.workers, SystemEntropy())
    supervisor = Supervisor(
        settings.workers,
        lambda lifeline: run(current, doors, shared[lifeline.seat], lifeline, lifeline.ready, reread),
        reload,
    )
    return supervisor.run(ready)


def tell_service_manager(state: str) -> None:
    """Tell systemd, if it started us and listens (sd_notify(3)), such as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as mouth:
        mouth.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
