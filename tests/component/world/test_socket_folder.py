"""A folder of sockets: long paths, what dead processes leave behind, and who may connect."""

import socket
import stat
from pathlib import Path

import pytest

from pillarbox.world.socket_folder import SocketFolder


def connected(folder: SocketFolder, name: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(folder.address(name))


def test_it_may_lie_deeper_than_a_socket_path_is_long(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder with a long name"] * 6)
    folder = SocketFolder(deep, create=True)
    with folder.bind(socket.SOCK_STREAM, "here") as bound:
        bound.listen()
        connected(folder, "here")
    assert len(str(deep / "here")) > 107
    folder.close()


def test_nobody_else_may_connect(tmp_path: Path) -> None:
    folder = SocketFolder(tmp_path / "sockets", create=True)
    folder.bind(socket.SOCK_STREAM, "here").close()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder.path, folder.path / "here")]
    assert modes == [0o700, 0o600]
    folder.close()


def test_what_was_left_behind_is_replaced(tmp_path: Path) -> None:
    folder = SocketFolder(tmp_path / "sockets", create=True)
    folder.bind(socket.SOCK_STREAM, "here").close()
    with pytest.raises(ConnectionRefusedError):
        connected(folder, "here")
    with folder.bind(socket.SOCK_STREAM, "here") as bound:
        bound.listen()
        connected(folder, "here")
    folder.remove("here")
    folder.remove("here")
    assert folder.names() == []
    folder.close()


def test_where_there_is_no_folder_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SocketFolder(tmp_path / "sockets")
    assert not (tmp_path / "sockets").exists()
