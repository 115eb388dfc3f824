"""Asking workers over their sockets: those that answer, those that do not, and what is left of dead ones."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pillarbox.admin.control.client import Reply, ask, remove_dead
from pillarbox.admin.control.messages import End, Failed, GetStatus, Kicked, written
from pillarbox.world.socket_folder import SocketFolder

SHORT_S = 2.0
"""How long a worker that will not answer is waited for."""


@contextmanager
def listening(folder: Path, name: str, answer: bytes | None = None, *, stay: bool = False) -> Iterator[None]:
    """A worker that answers one request with these octets, and then closes or stays silent; `None`: never answers."""
    sockets = SocketFolder(folder, create=True)
    bound = sockets.bind(socket.SOCK_STREAM, name)
    bound.settimeout(10)
    bound.listen()
    end = threading.Event()

    def serve() -> None:
        with bound.accept()[0] as connection:
            connection.settimeout(10)
            connection.recv(10_000)
            with suppress(OSError):  # who asked has left
                connection.sendall(answer or b"")
            if stay:
                end.wait(10)

    thread = threading.Thread(target=serve) if answer is not None else None
    if thread:
        thread.start()
    try:
        yield
    finally:
        end.set()
        if thread:
            thread.join()
        bound.close()
        sockets.close()


def test_where_no_server_ever_ran_nobody_answers(tmp_path: Path) -> None:
    assert ask(tmp_path / "control", GetStatus()) == []
    assert not (tmp_path / "control").exists()


def test_each_worker_answers_for_itself(tmp_path: Path) -> None:
    answers = [written(Kicked(2)) + written(End()), written(End())]
    with listening(tmp_path, "7.10", answers[1]), listening(tmp_path, "7.9", answers[0]):
        replies = ask(tmp_path, GetStatus())
    assert replies == [Reply("7.9", (Kicked(2),)), Reply("7.10", ())]
    assert (replies[0].server_pid, replies[0].worker) == (7, 9)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "no answer within 2 s"),
        (written(Kicked(2)), "the connection was closed"),
        (b"", "the connection was closed"),
        (written(Failed("too many commands at once")), "too many commands at once"),
        (b"HTTP/1.1 400\n", "JSON is malformed"),
        (b"\xff" * 2_000_000, "too long"),
    ],
)
def test_a_worker_that_does_not_answer_holds_up_nobody(
    tmp_path: Path, answer: bytes | None, why: str
) -> None:
    with listening(tmp_path, "7.0", answer), listening(tmp_path, "7.1", written(End())):
        first, second = ask(tmp_path, GetStatus(), within_s=SHORT_S)
    assert why in first.silent
    assert second == Reply("7.1", ())


def test_a_worker_that_stops_in_the_middle_is_not_waited_for(tmp_path: Path) -> None:
    with listening(tmp_path, "7.0", written(Kicked(1)) + b'{"type":"ki', stay=True):
        (reply,) = ask(tmp_path, GetStatus(), within_s=SHORT_S)
    assert reply == Reply("7.0", (Kicked(1),), "no answer within 2 s")


def test_what_a_dead_server_left_is_no_server(tmp_path: Path) -> None:
    with listening(tmp_path, "7.0"):
        pass
    (tmp_path / "notes").write_text("no socket")
    (tmp_path / "7.x").write_text("no socket")
    assert ask(tmp_path, GetStatus()) == []
    folder = SocketFolder(tmp_path)
    with listening(tmp_path, "8.0"):
        remove_dead(folder)
        assert sorted(folder.names()) == ["7.x", "8.0", "notes"]
    folder.close()
