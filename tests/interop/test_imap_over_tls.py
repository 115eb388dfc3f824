"""IMAP by an ordinary client on each of its doors: what is offered follows from the TLS that is there."""

import imaplib
from collections.abc import Callable

import pytest

from tests.kit.certificate import client_context
from tests.kit.provider import PASSWORD
from tests.kit.server import Server, serve

pytestmark = [pytest.mark.interop]


def implicit(server: Server) -> imaplib.IMAP4:
    return imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=client_context(), timeout=20)


def started(server: Server) -> imaplib.IMAP4:
    client = imaplib.IMAP4("localhost", server.ports["imap"], timeout=20)
    client.starttls(client_context())
    return client


@pytest.mark.rfc("8314 §3.2", "MUST")
@pytest.mark.parametrize("connect", [implicit, started])
def test_a_password_may_be_sent_once_tls_stands(connect: Callable[[Server], imaplib.IMAP4]) -> None:
    with serve("imap", "imaps", plain_allowed=False) as server, connect(server) as client:
        assert "STARTTLS" not in client.capabilities
        assert "LOGINDISABLED" not in client.capabilities
        assert client.login("u0", PASSWORD)[0] == "OK"
        assert client.select("INBOX")[0] == "OK"


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_none_may_be_sent_before() -> None:
    with (
        serve("imap", plain_allowed=False) as server,
        imaplib.IMAP4("localhost", server.ports["imap"], timeout=20) as client,
    ):
        assert {"STARTTLS", "LOGINDISABLED"} <= set(client.capabilities)
        with pytest.raises(imaplib.IMAP4.error):
            client.login("u0", PASSWORD)
