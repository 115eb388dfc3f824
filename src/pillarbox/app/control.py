"""The control channel of a server: the sockets, bound before the workers are forked, and the listener of each worker.

A worker has one of its own. As with those of the services, they stay open while a worker is replaced; where they
refuse connections, no server runs.
"""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pillarbox.admin.control.client import remove_dead, socket_name
from pillarbox.admin.control.messages import Failed, written
from pillarbox.server.control.answers import ControlService
from pillarbox.server.listener import FailureReporter, Listener, ListenerLimits, ServiceOffer
from pillarbox.server.pump.turns import Turns
from pillarbox.world.socket_folder import SocketFolder
from pillarbox.world.telemetry import Telemetry
from pillarbox.world.world import World

MAX_CONNECTIONS: Final = 100
"""Commands that may ask at once, all workers together."""
BACKLOG: Final = 64


class ControlSockets:
    """The sockets of one server."""

    def __init__(self, folder: Path, workers: int, telemetry: Telemetry) -> None:
        """Where they can't be made, the server serves all the same, and the log says so."""
        self._folder: SocketFolder | None = None
        self._names = [socket_name(os.getpid(), worker) for worker in range(workers)]
        self._sockets: Sequence[socket.socket | None] = [None] * workers
        try:
            self._folder = SocketFolder(folder, create=True)
            remove_dead(self._folder)
            self._sockets = [self._bound(self._folder, name) for name in self._names]
        except OSError as failure:
            telemetry.warning("control channel not opened", folder=str(folder), why=str(failure.strerror))

    def of(self, worker: int) -> socket.socket | None:
        """The socket of a worker, listening; `None` where there is none."""
        return self._sockets[worker]

    def close(self) -> None:
        """Close and remove them."""
        for bound in self._sockets:
            if bound is not None:
                bound.close()
        if self._folder is not None:
            for name in self._names:
                self._folder.remove(name)
            self._folder.close()

    @staticmethod
    def _bound(folder: SocketFolder, name: str) -> socket.socket:
        bound = folder.bind(socket.SOCK_STREAM, name)
        bound.listen(BACKLOG)
        return bound


async def listen_for_control(
    listening: socket.socket,
    service: ControlService,
    world: World,
    reporter: FailureReporter,
    turns: Turns | None = None,
) -> Listener:
    """Answer commands on this socket; `turns` are those of the clients' connections."""
    offer = ServiceOffer(
        name="control",
        session=service.session,
        busy=written(Failed("too many commands at once")),
        limits=ListenerLimits(connections=MAX_CONNECTIONS),
    )
    counts, memory = world.shared.open_counts, world.memory
    listener = Listener(offer, reporter, open_counts=counts, turns=turns, memory=memory)
    await listener.open([listening])
    return listener
