"""A search ends when its client has left, also where that looks like a client that only waits for the answer."""

import socket
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pillarbox.server.connection import ConnectionGone
from pillarbox.store import search as store_search
from pillarbox.store.cached_mailbox import CachedMailbox
from tests.kit.provider import PASSWORD
from tests.kit.server import Server, serve


class EndlessSearch:
    """In place of the evaluation of a query: goes on until it is told to end, or `let_go` is set."""

    def __init__(self) -> None:
        self.begun, self.ended, self.let_go = threading.Event(), threading.Event(), threading.Event()
        self.searched: list[CachedMailbox] = []
        """The mailboxes, as the searches have them."""

    def __call__(
        self,
        tx: Any,
        blobs: Any,
        mailbox: CachedMailbox,
        query: Any,
        *,
        now_ms: int,
        interlude: Callable[[], None],
    ) -> "array[int]":
        self.searched.append(mailbox)
        self.begun.set()
        try:
            while not self.let_go.wait(0.01):
                interlude()
        except ConnectionGone:
            self.ended.set()
            raise
        return array("I")


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> EndlessSearch:
    made = EndlessSearch()
    monkeypatch.setattr(store_search, "evaluate", made)
    return made


@contextmanager
def _searching(server: Server, endless: EndlessSearch) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.ports["imap"])) as client:
        client.sendall(f'a LOGIN u0 "{PASSWORD}"\r\nb SELECT INBOX\r\nc SEARCH BODY word\r\n'.encode())
        assert endless.begun.wait(10)
        yield client


def test_a_search_ends_when_its_client_has_left(endless: EndlessSearch, tmp_path: Path) -> None:
    with serve("imap", folder=tmp_path) as server:
        server.run(server.provider.deliver(0, b"Subject: x\r\n\r\nx\r\n"))
        with _searching(server, endless):
            pass
        assert endless.ended.wait(20)


def test_a_client_that_has_sent_all_it_will_gets_its_answer(endless: EndlessSearch, tmp_path: Path) -> None:
    with serve("imap", folder=tmp_path) as server:
        server.run(server.provider.deliver(0, b"Subject: x\r\n\r\nx\r\n"))
        with _searching(server, endless) as client:
            client.shutdown(socket.SHUT_WR)
            received = b""
            while b"Still searching\r\n" not in received:
                received += client.recv(4096)
            endless.let_go.set()
            while got := client.recv(4096):
                received += got
        assert b"c OK SEARCH completed\r\n" in received


def test_a_search_that_waits_for_its_turn_keeps_no_state_of_the_mailbox(
    endless: EndlessSearch, tmp_path: Path
) -> None:
    with serve("imap", folder=tmp_path) as server:
        server.run(server.provider.deliver(0, b"Subject: x\r\n\r\nx\r\n"))
        with _searching(server, endless), _searching(server, endless) as waiting:
            while b"b OK" not in waiting.recv(4096):
                pass
            server.run(server.provider.deliver(0, b"Subject: x\r\n\r\nx\r\n"))
            endless.let_go.set()
            while b"c OK" not in waiting.recv(4096):
                pass
    assert [len(mailbox.uids) for mailbox in endless.searched] == [1, 2]
