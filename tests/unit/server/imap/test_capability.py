"""ENABLE, ID, LOGOUT (RFC 9051 §6.1, §6.3.1; RFC 2971)."""

import pytest

from tests.kit.imap.client import open_imap
from tests.kit.imap.responses import Status


def test_enable_names_what_is_newly_on() -> None:
    with open_imap() as mail:
        client = mail.client()
        assert client.ok("ENABLE CONDSTORE X-UNKNOWN").data(b"ENABLED") == [[b"CONDSTORE"]]
        assert client.ok("ENABLE CONDSTORE").data(b"ENABLED") == [[]]
        assert client.ok("ENABLE QRESYNC IMAP4rev2").data(b"ENABLED") == [[b"QRESYNC", b"IMAP4rev2"]]


@pytest.mark.rfc("2971 §3.1", "MUST")
def test_id_answers_with_our_name() -> None:
    with open_imap() as mail:
        ((fields,),) = mail.connect().ok('ID ("name" "test")').data(b"ID")
        assert fields[:2] == [b"name", b"Pillarbox"]


@pytest.mark.rfc("9051 §6.1.3", "MUST")
def test_logout_sends_bye_before_ok_and_closes() -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        answer = client.ok("LOGOUT")
        assert [one.word for one in answer.responses if isinstance(one, Status)] == [b"BYE"]
        assert client.wire.connection.gone
