"""The reading side: dialogues, chunks of any size, and servers that do not keep to the protocol."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.client import commands
from pillarbox.protocol.imap.client.events import (
    Completed,
    Ended,
    Event,
    LoginRefused,
    Ready,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.imap.client.machine import ClientMachine
from pillarbox.protocol.imap.client.reader import MAX_LINE_OCTETS, MAX_RESPONSE_OCTETS, ContentPiece
from pillarbox.protocol.imap.client.responses import Exists, Fetched, Status, StatusResponse
from pillarbox.protocol.imap.client.states import State
from pillarbox.protocol.sasl.client import BearerToken, ClientExchange, Credentials, choose, choose_bearer

OFFER = b"* CAPABILITY IMAP4rev1 SASL-IR STARTTLS AUTH=PLAIN\r\nP1 OK done\r\n"
OK = StatusResponse(Status.OK, text="done")


def ready(offer: bytes = OFFER, *, max_content_octets: int = 10**9, max_unasked: int = 1000) -> ClientMachine:
    machine = ClientMachine(max_content_octets=max_content_octets, max_unasked=max_unasked)
    assert machine.receive(b"* OK hello\r\n") == []
    assert machine.outgoing() == b"P1 CAPABILITY\r\n"
    assert machine.receive(offer) == [Ready()]
    return machine


def plain() -> ClientExchange:
    exchange = choose(["PLAIN"], Credentials("a", "b"), nonce="n", binding=None, plain_allowed=True)
    assert exchange
    return exchange


def said(events: Sequence[Event]) -> bytes:
    return b"".join(event.octets for event in events if isinstance(event, ContentPiece))


def test_a_session_from_greeting_to_logout() -> None:
    machine = ready()
    assert machine.capabilities == {"IMAP4REV1", "SASL-IR", "STARTTLS", "AUTH=PLAIN"}
    machine.authenticate(plain())
    assert machine.outgoing() == b"P2 AUTHENTICATE PLAIN AGEAYg==\r\n"
    assert machine.receive(b"P2 OK in\r\n") == []
    assert machine.outgoing() == b"P3 CAPABILITY\r\n"
    assert machine.receive(b"* CAPABILITY IMAP4rev1 ESEARCH\r\nP3 OK done\r\n") == [Ready()]
    assert machine.authenticated
    assert machine.capabilities == {"IMAP4REV1", "ESEARCH"}
    machine.log_out()
    assert machine.outgoing() == b"P4 LOGOUT\r\n"
    assert machine.receive(b"* BYE now\r\nP4 OK done\r\n") == [Ended("logged out")]


@pytest.mark.rfc("4959 §3", "MUST")
def test_without_sasl_ir_the_response_waits_for_the_server() -> None:
    machine = ready(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nP1 OK done\r\n")
    machine.authenticate(plain())
    assert machine.outgoing() == b"P2 AUTHENTICATE PLAIN\r\n"
    machine.receive(b"+ \r\n")
    assert machine.outgoing() == b"AGEAYg==\r\n"


def test_login_sends_name_and_password_as_literals() -> None:
    machine = ready(b"P1 OK done\r\n")
    machine.log_in("a b", 'p"\\ö')
    assert machine.outgoing() == b"P2 LOGIN {3}\r\n"
    machine.receive(b"+ go\r\n")
    assert machine.outgoing() == b"a b {5}\r\n"
    machine.receive(b"+ go\r\n")
    assert machine.outgoing() == 'p"\\ö\r\n'.encode()
    refused = machine.receive(b"P2 NO [AUTHENTICATIONFAILED] wrong\r\n")
    assert refused == [LoginRefused(StatusResponse(Status.NO, "AUTHENTICATIONFAILED", "", "wrong"), b"")]
    assert machine.state is State.READY
    assert not machine.authenticated


@pytest.mark.rfc("7628 §3.2.3", "MUST")
def test_an_error_of_oauthbearer_is_answered_and_reported() -> None:
    machine = ready()
    exchange = choose_bearer(["OAUTHBEARER", "XOAUTH2"], BearerToken("u@x", "t", "h", 993))
    assert exchange
    machine.authenticate(exchange)
    expected = b"bixhPXVAeCwBaG9zdD1oAXBvcnQ9OTkzAWF1dGg9QmVhcmVyIHQBAQ=="
    assert machine.outgoing() == b"P2 AUTHENTICATE OAUTHBEARER " + expected + b"\r\n"
    machine.receive(b"+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n")
    assert machine.outgoing() == b"AQ==\r\n"
    refused = machine.receive(b"P2 NO failed\r\n")
    assert refused == [LoginRefused(StatusResponse(Status.NO, text="failed"), b'{"status":"invalid_token"}')]


def test_xoauth2_is_used_where_nothing_better_is_offered() -> None:
    exchange = choose_bearer(["XOAUTH2"], BearerToken("u@x", "t", "h", 993))
    assert exchange
    assert exchange.initial == b"user=u@x\x01auth=Bearer t\x01\x01"
    assert exchange.respond(b"{}") == b""


def test_a_server_that_does_not_prove_to_know_the_password_is_not_trusted() -> None:
    machine = ready()
    exchange = choose(["SCRAM-SHA-256"], Credentials("a", "b"), nonce="n", binding=None, plain_allowed=True)
    assert exchange
    machine.authenticate(exchange)
    assert machine.receive(b"P2 OK in\r\n") == [Ended("the server did not prove that it knows the password")]


@pytest.mark.rfc("3501 §6.2.1", "MUST")
def test_what_comes_before_tls_is_not_used_after_it() -> None:
    machine = ready()
    machine.start_tls()
    assert machine.outgoing() == b"P2 STARTTLS\r\n"
    assert machine.receive(b"P2 OK go\r\n* CAPABILITY AUTH=EVIL\r\nP3 OK x\r\n") == [StartHandshake()]
    assert machine.receive(b"* BYE\r\n") == []
    assert machine.tls_started() == []
    assert machine.tls_active
    assert machine.capabilities == frozenset()
    assert machine.outgoing() == b"P3 CAPABILITY\r\n"
    assert machine.receive(b"* CAPABILITY IMAP4rev1\r\nP3 OK done\r\n") == [Ready()]
    assert machine.capabilities == {"IMAP4REV1"}


def test_starttls_may_be_refused() -> None:
    machine = ready()
    machine.start_tls()
    assert machine.receive(b"P2 BAD no\r\n") == [TlsRefused(StatusResponse(Status.BAD, text="no"))]
    assert machine.state is State.READY


def test_several_commands_may_be_under_way() -> None:
    machine = ready()
    first, second = machine.run(b"NOOP"), machine.run(b"NOOP")
    assert machine.outgoing() == b"P2 NOOP\r\nP3 NOOP\r\n"
    assert machine.receive(b"* 3 EXISTS\r\nP3 OK done\r\nP2 OK done\r\n") == [
        Exists(3),
        Completed(second, OK),
        Completed(first, OK),
    ]


MESSAGE = b"Subject: x\r\n\r\nP2 OK no\r\n* BYE {3}\r\n)"
DIALOGUE = (
    b"* 1 EXISTS\r\n* 1 FETCH (UID 7 BODY[] {%d}\r\n%b FLAGS (\\Seen))\r\n" % (len(MESSAGE), MESSAGE)
    + b'* LIST () "/" {3}\r\na\nb\r\n'
    + b"* 2 FETCH (BODY[HEADER.FIELDS (DATE)] {4}\r\nab\r\n UID 8)\r\n* OK text {9}\r\nP2 OK done\r\n"
)


def dialogue(cuts: Sequence[int]) -> list[Event]:
    machine = ready()
    machine.run(b"NOOP")
    events: list[Event] = []
    start = 0
    for stop in (*sorted(cuts), len(DIALOGUE)):
        events += machine.receive(DIALOGUE[start:stop])
        start = stop
    return events


def merged(events: Sequence[Event]) -> list[Event]:
    """Neighbouring pieces are one."""
    found: list[Event] = []
    for event in events:
        if found and isinstance(event, ContentPiece) and isinstance(found[-1], ContentPiece):
            found[-1] = ContentPiece(found[-1].octets + event.octets)
        else:
            found.append(event)
    return found


def test_the_content_of_a_message_passes_through() -> None:
    events = dialogue(())
    assert said(events) == MESSAGE
    assert Fetched(7, ("\\Seen",), has_content=True) in events
    assert Fetched(8, header=b"ab\r\n") in events
    assert events[-1] == Completed(2, OK)


@given(st.lists(st.integers(0, len(DIALOGUE)), max_size=12))
def test_any_chunking_gives_the_same_events(cuts: list[int]) -> None:
    assert merged(dialogue(cuts)) == dialogue(())


@given(st.lists(st.sampled_from([*b'* P2OKNBADYE(){3}[]"\\\r\n +FETCHBODY[]1\0\xff']), max_size=80))
def test_no_octets_raise_and_nothing_follows_the_end(octets: list[int]) -> None:
    machine = ready()
    machine.run(b"NOOP")
    events = [*machine.receive(bytes(octets)), *machine.lost("gone")]
    ends = [place for place, event in enumerate(events) if isinstance(event, Ended)]
    assert ends == [len(events) - 1]
    assert machine.receive(b"* 1 EXISTS\r\n") == []
    assert machine.receive(b"* 1 FETCH (BODY[] {99999999999}\r\n") == []
    assert machine.lost("again") == []


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"* X" + b"x" * MAX_LINE_OCTETS, "longer than"),
        (b"* LIST () {%d}\r\n" % (MAX_RESPONSE_OCTETS + 1), "longer than"),
        (b"* LIST () {1000000}\r\n" + b"x" * 1_000_000 + b"{2000000}\r\n", "longer than"),
        (b"* 1 FETCH (BODY[] {1001}\r\n", "over the limit"),
        (b"* 1 FETCH (BODY[] {99999999999999999999}\r\n", "over the limit"),
        (b"* 1 FETCH (BODY[] {1}\r\nx BODY[] {1}\r\nx)\r\n", "two messages"),
        (b"P9 OK what\r\n", "unexpected"),
        (b"P2 HELLO\r\n", "unexpected"),
        (b"hello\r\n", "unexpected"),
        (b"+ go\r\n", "unexpected"),
        (b"* PREAUTH again\r\n", "unexpected"),
    ],
)
def test_what_is_beyond_a_limit_or_no_response_ends_the_connection(octets: bytes, why: str) -> None:
    machine = ready(max_content_octets=1000)
    machine.run(b"NOOP")
    *_, ended = machine.receive(octets)
    assert isinstance(ended, Ended)
    assert why in ended.text


def test_what_nobody_asked_for_is_limited() -> None:
    machine = ready(max_unasked=10)
    tag = machine.run(b"NOOP", expects=5)
    assert len(machine.receive(b"* 1 EXISTS\r\n" * 15)) == 15
    *_, ended = machine.receive(b"* 1 EXISTS\r\n")
    assert isinstance(ended, Ended)
    machine = ready(max_unasked=10)
    for tag in (2, 3):  # each command begins anew
        machine.run(b"NOOP")
        events = machine.receive(b"* 1 EXISTS\r\n" * 10 + b"P%d OK done\r\n" % tag)
        assert events[-1] == Completed(tag, OK)


def test_data_before_the_login_is_limited_too() -> None:
    machine = ClientMachine(max_unasked=10)
    machine.receive(b"* OK hello\r\n")
    [ended] = machine.receive(b"* CAPABILITY X\r\n" * 11)
    assert isinstance(ended, Ended)


def test_bye_ends_with_the_servers_words() -> None:
    machine = ready()
    machine.run(b"NOOP")
    bye = StatusResponse(Status.BYE, "UNAVAILABLE", "", "later")
    assert machine.receive(b"* BYE [UNAVAILABLE] later\r\n") == [Ended("later", bye)]


def test_commands() -> None:
    assert commands.examine(b'a"b\\', frozenset({"CONDSTORE"})) == b'EXAMINE "a\\"b\\\\" (CONDSTORE)'
    assert commands.search(1, 9, frozenset({"ESEARCH"})) == b"UID SEARCH RETURN (ALL) 1:9"
    assert commands.search(1, 9, frozenset()) == b"UID SEARCH 1:9"
    uids = NumberSet(((1, 3), (9, 9)))
    assert commands.fetch(uids, b"FLAGS", changed_since=5) == b"UID FETCH 1:3,9 (FLAGS) (CHANGEDSINCE 5)"
    assert commands.list_all(frozenset()) == [b'LIST "" "*"', b'LSUB "" "*"']
    offered = frozenset({"LIST-EXTENDED", "SPECIAL-USE"})
    assert commands.list_all(offered) == [b'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)']
    for name in (b"a\r\nP9 DELETE b", b"a\nb", b"\0"):
        with pytest.raises(commands.CannotBeSent):
            commands.status(name)
