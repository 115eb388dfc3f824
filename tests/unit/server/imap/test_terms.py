"""On which terms a client may log in, as the greeting tells."""

import imaplib

import pytest

from tests.certificate import client_context
from tests.house import PASSWORD
from tests.server import serving


def test_where_tls_comes_first_the_password_is_taken_and_starttls_not_offered() -> None:
    with serving("imaps", plain_allowed=False) as server:
        client = imaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=client_context())
        assert "STARTTLS" not in client.capabilities
        assert "LOGINDISABLED" not in client.capabilities
        assert "AUTH=PLAIN" in client.capabilities
        client.login("u0", PASSWORD)
        client.logout()


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_without_tls_the_password_is_not_asked_for() -> None:
    with serving("imap", plain_allowed=False) as server:
        client = imaplib.IMAP4("localhost", server.ports["imap"])
        assert "LOGINDISABLED" in client.capabilities
        with pytest.raises(imaplib.IMAP4.error):
            client.login("u0", PASSWORD)
        client.starttls(client_context())
        client.login("u0", PASSWORD)
        client.logout()
