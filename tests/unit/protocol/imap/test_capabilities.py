"""What is announced when, and what ENABLE switches on."""

import pytest

from pillarbox.protocol.imap.capabilities import CAPABILITIES, Conditions, offered
from pillarbox.protocol.imap.commands import Enable
from pillarbox.protocol.imap.events import Received, Response
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import Dialogue

CLEAR = Conditions(tls_available=True, passwords_allowed=False, mechanisms=("SCRAM-SHA-256",))
SECURE = Conditions(tls_available=False, passwords_allowed=True, mechanisms=("SCRAM-SHA-256-PLUS", "PLAIN"))


def names(conditions: Conditions, *, authenticated: bool) -> set[bytes]:
    return set(offered(conditions, authenticated=authenticated, append_limit=100))


@pytest.mark.rfc("9051 §6.1.1", "MUST")
@pytest.mark.parametrize("conditions", [CLEAR, SECURE])
@pytest.mark.parametrize("authenticated", [True, False])
def test_both_revisions_are_announced_always(conditions: Conditions, authenticated: bool) -> None:
    assert {b"IMAP4rev1", b"IMAP4rev2"} <= names(conditions, authenticated=authenticated)


@pytest.mark.rfc("7888 §5", "MUST NOT")
def test_literal_plus_and_minus_are_never_announced_together() -> None:
    assert [row.name for row in CAPABILITIES if row.name.startswith(b"LITERAL")] == [b"LITERAL+"]


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_capabilities_before_login_without_tls() -> None:
    assert {b"STARTTLS", b"LOGINDISABLED", b"SASL-IR", b"AUTH=SCRAM-SHA-256"} <= names(
        CLEAR, authenticated=False
    )
    assert b"AUTH=PLAIN" not in names(CLEAR, authenticated=False)


def test_capabilities_before_login_with_tls() -> None:
    found = names(SECURE, authenticated=False)
    assert {b"AUTH=PLAIN", b"AUTH=SCRAM-SHA-256-PLUS"} <= found
    assert not {b"STARTTLS", b"LOGINDISABLED"} & found


def test_capabilities_after_login_have_no_authentication() -> None:
    found = names(CLEAR, authenticated=True)
    assert not {b"STARTTLS", b"LOGINDISABLED", b"SASL-IR"} & found
    assert not any(name.startswith(b"AUTH=") for name in found)
    assert b"APPENDLIMIT=100" in found


def test_no_capability_twice() -> None:
    assert len({row.name for row in CAPABILITIES}) == len(CAPABILITIES)


@pytest.mark.rfc("5161 §3.1", "MUST NOT")
def test_enable_does_not_change_the_list() -> None:
    dialogue = Dialogue(State.AUTHENTICATED)
    before = dialogue.machine.capabilities()
    dialogue.send(b"a ENABLE QRESYNC IMAP4rev2 UTF8=ACCEPT\r\n")
    assert dialogue.machine.capabilities() == before


@pytest.mark.rfc("5161 §3.2", "MUST")
def test_enable_returns_what_it_newly_enabled() -> None:
    machine = Dialogue(State.AUTHENTICATED).machine
    assert machine.enable(("X-NONSENSE", "IDLE", "CONDSTORE")) == (b"CONDSTORE",)
    assert machine.enable(("CONDSTORE", "IMAP4REV2")) == (b"IMAP4rev2",)
    assert machine.rev2
    assert machine.condstore
    assert not machine.qresync


@pytest.mark.rfc("7162 §3.2.3", "MUST")
def test_qresync_enables_condstore_too() -> None:
    machine = Dialogue(State.AUTHENTICATED).machine
    assert machine.enable(("QRESYNC",)) == (b"QRESYNC",)
    assert machine.condstore
    assert machine.qresync
    assert machine.enable(("CONDSTORE",)) == ()


@pytest.mark.rfc("7162 §3.1", "MUST")
@pytest.mark.parametrize(
    "octets",
    [
        b"FETCH 1 MODSEQ",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1)",
        b"SEARCH OR ALL MODSEQ 5",
        b"STORE 1 (UNCHANGEDSINCE 5) FLAGS ()",
        b"SELECT a (CONDSTORE)",
        b"STATUS a (HIGHESTMODSEQ)",
    ],
)
def test_commands_that_enable_condstore(octets: bytes) -> None:
    dialogue = Dialogue(State.SELECTED)
    first, second = (dialogue.send(b"a " + octets + b"\r\n")[0] for _ in range(2))
    assert isinstance(first, Received)
    assert first.enabling_condstore
    assert dialogue.machine.condstore
    assert isinstance(second, Received)
    assert not second.enabling_condstore


def test_ordinary_commands_enable_nothing() -> None:
    dialogue = Dialogue(State.SELECTED)
    dialogue.send(
        b"a FETCH 1 FLAGS\r\nb STORE 1 FLAGS ()\r\nc SEARCH ALL\r\nd NOOP\r\ne STATUS a (UNSEEN)\r\n"
    )
    assert not dialogue.machine.enabled


@pytest.mark.rfc("9051 §6.2.3", "MUST")
def test_login_is_refused_before_its_password_is_sent() -> None:
    dialogue = Dialogue(conditions=CLEAR)
    refusal = b"Plaintext authentication disallowed on non-secure (SSL/TLS) connections"
    assert dialogue.send(b"a LOGIN joe {6}\r\n") == [Response(b"a NO [PRIVACYREQUIRED] %b\r\n" % refusal)]
    assert dialogue.send(b"b LOGIN joe {6+}\r\nsecret\r\n") == [
        Response(b"b NO [PRIVACYREQUIRED] %b\r\n" % refusal)
    ]


def test_starttls_where_it_is_not_offered() -> None:
    assert Dialogue(conditions=SECURE).send(b"a STARTTLS\r\n") == [Response(b"a BAD TLS not available\r\n")]


@pytest.mark.rfc("6855 §3", "SHOULD")
def test_charset_after_utf8_accept_is_bad() -> None:
    dialogue = Dialogue(State.SELECTED)
    dialogue.send(b"a ENABLE UTF8=ACCEPT\r\n")
    assert dialogue.send(b"b SEARCH CHARSET UTF-8 ALL\r\n") == [
        Response(b"b BAD CHARSET after ENABLE UTF8=ACCEPT\r\n")
    ]


def test_pipelined_enable_counts_for_what_follows() -> None:
    dialogue = Dialogue(State.AUTHENTICATED)
    first, second = dialogue.commands(b"a ENABLE IMAP4rev2\r\nb CREATE a&b\r\n")
    assert first == Enable(("IMAP4REV2",))
    assert repr(second) == "Create(mailbox='a&b', uses=None)"
