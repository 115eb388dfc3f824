"""A client that waits for a long search learns that it goes on (RFC 9585)."""

import threading
from array import array
from pathlib import Path
from typing import Any

import pytest

from pillarbox.server.imap.limits import ImapLimits
from pillarbox.store import search as store_search
from tests.kit.imap.client import open_imap
from tests.kit.imap.responses import Data, Status


@pytest.mark.rfc("9585 §4", "RECOMMENDED")
@pytest.mark.parametrize(("tag", "named"), [(b"a1", b'"a1"'), (b"a]", b"NIL")])
def test_a_client_that_waits_for_a_long_search_learns_that_it_goes_on(
    tag: bytes, named: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noticed = threading.Event()

    def evaluate(*_: Any, **__: Any) -> "array[int]":
        assert noticed.wait(30)
        return array("I")

    with open_imap(limits=ImapLimits(notice_s=0.001, progress_s=0.002), folder=tmp_path) as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        write = client.session.connection.write

        def noticing(octets: bytes) -> None:
            if b"INPROGRESS" in octets:
                noticed.set()
            write(octets)

        monkeypatch.setattr(client.session.connection, "write", noticing)
        monkeypatch.setattr(store_search, "evaluate", evaluate)
        first, *_, found, tagged = client.send(tag + b" SEARCH BODY word\r\n")
    assert isinstance(first, Status)
    assert (first.tag, first.code, first.arguments) == (b"*", b"INPROGRESS", b"(%b NIL NIL)" % named)
    assert isinstance(found, Data)
    assert isinstance(tagged, Status)
    assert tagged.word == b"OK"
