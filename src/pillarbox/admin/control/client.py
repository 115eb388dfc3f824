"""Asking a running server: every worker over a socket of its own in the data directory.

The supervisor has bound the sockets and keeps them open: where nobody listens any more, the server does not run. A
worker that does not answer in time is reported as such, and holds up nobody else.
"""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.control.messages import Answer, End, Failed, NotUnderstood, Request, read_answer, written
from pillarbox.admin.permissions import OWNER, may
from pillarbox.world.socket_folder import SocketFolder

ANSWER_S: Final = 5.0
"""How long a worker may be silent, while we wait for its answer."""
MAX_ANSWER_OCTETS: Final = 64 * 1024 * 1024
"""Of one worker: some 200 000 sessions."""
MAX_LINE_OCTETS: Final = 1024 * 1024
MAX_ASKED_AT_ONCE: Final = 64
_READ_OCTETS: Final = 64 * 1024


class WorkerSilent(Exception):
    """A worker does not answer, or not what was asked. The text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one worker said."""

    socket: str
    """The name of its socket: the server's process id and the worker's number."""
    answers: tuple[Answer, ...]
    silent: str = ""
    """Why the answer is not complete; empty where it is."""

    @property
    def server_pid(self) -> int:
        """The process id of the server, by the name of the socket."""
        return int(self.socket.partition(".")[0])

    @property
    def worker(self) -> int:
        """The number of the worker, likewise."""
        return int(self.socket.partition(".")[2])


def socket_name(server_pid: int, worker: int) -> str:
    """The name of a worker's socket."""
    return f"{server_pid}.{worker}"


@may(OWNER)
def ask(folder: Path, request: Request, *, within_s: float = ANSWER_S) -> list[Reply]:
    """Ask all workers; empty where no server runs. Raises `PermissionError`."""
    try:
        sockets = SocketFolder(folder)
    except FileNotFoundError:
        return []
    try:
        names = sorted(filter(_is_name, sockets.names()), key=lambda name: [*map(int, name.split("."))])

        def ask_one(name: str) -> Reply | None:
            return _ask(sockets, name, request, within_s)

        if not names:
            return []
        with ThreadPoolExecutor(min(len(names), MAX_ASKED_AT_ONCE)) as threads:
            return [reply for reply in threads.map(ask_one, names) if reply is not None]
    finally:
        sockets.close()


def remove_dead(folder: SocketFolder) -> None:
    """Remove the sockets that servers left behind when they were killed."""
    for name in filter(_is_name, folder.names()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(folder.address(name))
            except ConnectionRefusedError:
                folder.remove(name)
            except OSError:
                continue  # it lives, and is busy; or it is gone by now


def _is_name(name: str) -> bool:
    pid, dot, worker = name.partition(".")
    return bool(dot) and all(part.isascii() and part.isdecimal() for part in (pid, worker))


def _ask(folder: SocketFolder, name: str, request: Request, within_s: float) -> Reply | None:
    """What it says; `None` where nobody listens."""
    answers: list[Answer] = []
    silent = ""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(within_s)
        try:
            connection.connect(folder.address(name))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except PermissionError:
            raise
        except OSError:  # its queue is full
            return Reply(name, (), f"no answer within {within_s:g} s")
        try:
            connection.sendall(written(request))
            answers.extend(_answers(connection, within_s))
        except TimeoutError:
            silent = f"no answer within {within_s:g} s"
        except (NotUnderstood, WorkerSilent, OSError) as failure:
            silent = str(failure)
    return Reply(name, tuple(answers), silent)


def _answers(connection: socket.socket, within_s: float) -> Iterator[Answer]:
    """The lines of an answer. Raises `WorkerSilent`, `NotUnderstood`, `TimeoutError` or another OSError."""
    until, monotonic = time.monotonic() + within_s, time.monotonic
    held, received = b"", 0
    while received <= MAX_ANSWER_OCTETS and len(held) <= MAX_LINE_OCTETS:
        octets = _received(connection, until, monotonic)
        received += len(octets)
        until = monotonic() + within_s  # as long as it says something
        *whole, held = (held + octets).split(b"\n")
        for line in whole:
            match answer := read_answer(line):
                case End():
                    return
                case Failed(why):
                    raise WorkerSilent(why)
                case _:
                    yield answer
    raise WorkerSilent("the answer is too long")


def _received(connection: socket.socket, until: float, monotonic: Callable[[], float]) -> bytes:
    connection.settimeout(max(0.001, until - monotonic()))
    octets = connection.recv(_READ_OCTETS)
    if not octets:
        raise WorkerSilent("the connection was closed")
    return octets
