"""ENABLE, ID, LOGOUT (RFC 9051 §6.1, §6.3.1; RFC 2971)."""

import pytest

from pillarbox.directory.sign_in.app_passwords import Scope
from tests.kit.imap.client import open_imap
from tests.kit.imap.responses import Status
from tests.kit.provider import PASSWORD


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


@pytest.mark.rfc("9698 §4", "MUST")
def test_where_jmap_is() -> None:
    with open_imap() as mail:
        mail.provider.web_url = "https://mail.one.example:8443"
        anonymous = mail.connect()
        (greeting,) = anonymous.greeting
        assert isinstance(greeting, Status)
        assert b"JMAPACCESS" not in (greeting.arguments or b"").split()
        welcome = anonymous.ok(f'LOGIN u0 "{PASSWORD}"')
        assert b"JMAPACCESS" in (welcome.status.arguments or b"").split()
        (names,) = anonymous.ok("CAPABILITY").data(b"CAPABILITY")
        assert b"JMAPACCESS" in names
        told = anonymous.ok("GETJMAPACCESS").data(b"JMAPACCESS")
        assert told == [[b"https://mail.one.example:8443/jmap/session"]]


@pytest.mark.rfc("9698 §4", "MUST NOT")
def test_no_jmap_where_none_is_served() -> None:
    with open_imap() as mail:
        client = mail.client()
        assert b"JMAPACCESS" not in client.ok("CAPABILITY").data(b"CAPABILITY")[0]
        assert client.do("GETJMAPACCESS").word == b"BAD"


@pytest.mark.rfc("9698 §3", "MUST")
@pytest.mark.parametrize("scope", [Scope.IMAP, Scope.MAIL])
def test_jmap_only_for_a_credential_that_is_good_for_it(scope: Scope) -> None:
    with open_imap() as mail:
        mail.provider.web_url = "https://mail.one.example"
        password = mail.runner.run(mail.provider.app_password(0, scope))
        client = mail.connect()
        client.ok(f'LOGIN u0 "{password}"')
        assert client.do("GETJMAPACCESS").word == (b"OK" if scope is Scope.MAIL else b"BAD")
