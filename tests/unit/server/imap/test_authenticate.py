"""The greeting, STARTTLS, LOGIN, AUTHENTICATE (RFC 9051 §6.2)."""

from base64 import b64encode

import pytest

from tests.kit.imap.client import open_imap
from tests.kit.imap.responses import Continuation, Status
from tests.kit.provider import PASSWORD


def plain(login: str, password: str) -> bytes:
    return b64encode(f"\0{login}\0{password}".encode())


def test_the_greeting_has_the_capabilities() -> None:
    with open_imap() as mail:
        (greeting,) = mail.connect().greeting
    assert isinstance(greeting, Status)
    assert greeting.code == b"CAPABILITY"
    names = (greeting.arguments or b"").split()
    assert {b"IMAP4rev2", b"IMAP4rev1", b"AUTH=PLAIN", b"SASL-IR", b"STARTTLS"} <= set(names)


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_login_needs_the_right_password() -> None:
    with open_imap() as mail:
        anonymous = mail.connect()
        refused = anonymous.do('LOGIN u0 "wrong"')
        assert (refused.word, refused.code) == (b"NO", b"AUTHENTICATIONFAILED")
        assert anonymous.do("SELECT INBOX").word == b"BAD"
        welcome = anonymous.ok(f'LOGIN u0 "{PASSWORD}"')
        assert welcome.status.code == b"CAPABILITY"
        assert b"AUTH=" not in (welcome.status.arguments or b"")
        anonymous.ok("SELECT INBOX")


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_no_password_without_tls_unless_the_operator_allows_it() -> None:
    with open_imap() as mail:
        mail.provider.plain_allowed = False
        anonymous = mail.connect()
        (greeting,) = anonymous.greeting
        assert isinstance(greeting, Status)
        assert b"LOGINDISABLED" in (greeting.arguments or b"")
        assert b"AUTH=" not in (greeting.arguments or b"")
        assert anonymous.do(f'LOGIN u0 "{PASSWORD}"').word == b"NO"
        assert anonymous.do("AUTHENTICATE PLAIN " + plain("u0", PASSWORD).decode()).word == b"NO"


@pytest.mark.rfc("4959 §3", "MUST")
@pytest.mark.rfc("9051 §6.2.2", "MUST")
def test_authenticate_with_and_without_an_initial_response() -> None:
    with open_imap() as mail:
        at_once = mail.connect()
        at_once.ok(b"AUTHENTICATE PLAIN " + plain("u0", PASSWORD))
        asked = mail.connect()
        assert asked.send(b"a AUTHENTICATE PLAIN\r\n") == [Continuation(b"")]
        (done,) = asked.send(plain("u0", PASSWORD) + b"\r\n")
        assert isinstance(done, Status)
        assert (done.tag, done.word) == (b"a", b"OK")
        asked.ok("SELECT INBOX")


@pytest.mark.rfc("9051 §6.2.2", "MUST")
def test_a_cancelled_or_malformed_exchange_leaves_the_session_unauthenticated() -> None:
    with open_imap() as mail:
        anonymous = mail.connect()
        for answer, word in ((b"*", b"BAD"), (b"not base64!", b"BAD"), (plain("u0", "no"), b"NO")):
            anonymous.send(b"a AUTHENTICATE PLAIN\r\n")
            (done,) = anonymous.send(answer + b"\r\n")
            assert isinstance(done, Status)
            assert done.word == word
        assert anonymous.do("SELECT INBOX").word == b"BAD"
