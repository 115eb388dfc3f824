"""The conversation: literals, messages, IDLE, AUTHENTICATE, TLS, limits; whatever the chunks."""

import pytest

from pillarbox.mail.number_set import STAR, NumberSet
from pillarbox.protocol.imap import limits
from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.commands import (
    Append,
    Authenticate,
    Capability,
    Id,
    Idle,
    Login,
    Noop,
    Replace,
    Select,
    StartTls,
)
from pillarbox.protocol.imap.draft import CACHED_VERBS
from pillarbox.protocol.imap.events import (
    Bye,
    Event,
    IdleAborted,
    IdleEnded,
    MessageOctets,
    MessageOffered,
    MessageParameters,
    MessagesDropped,
    MessagesEnded,
    Received,
    Response,
    SaslAborted,
    SaslResponse,
)
from pillarbox.protocol.imap.machine import Machine
from pillarbox.protocol.imap.sequence_set import SequenceSet
from pillarbox.protocol.imap.states import State
from pillarbox.protocol.sasl.line import MAX_LINE_OCTETS
from tests.kit.imap.dialogue import CONDITIONS, Dialogue

MEMBER, READER = State.AUTHENTICATED, State.SELECTED
NEXT = b"n NOOP\r\n"
RECEIVED_NEXT = Received(b"n", Noop())


def offered(event: Event) -> MessageParameters:
    assert isinstance(event, MessageOffered)
    return event.message


# Literals


@pytest.mark.rfc("9051 §7.6", "MUST")
def test_a_synchronizing_literal_is_asked_for() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a LOGIN {3}\r\n") == [Response(b"+ OK\r\n")]
    assert dialogue.send(b"joe {0}\r\n") == [Response(b"+ OK\r\n")]
    assert dialogue.send(b"\r\n") == [Received(b"a", Login("joe", ""))]


@pytest.mark.rfc("7888 §3", "MUST")
def test_a_non_synchronizing_literal_is_not() -> None:
    assert Dialogue().send(b"a LOGIN {3+}\r\njoe {6+}\r\nsecret\r\n") == [
        Received(b"a", Login("joe", "secret"))
    ]


def test_a_literal_may_hold_what_looks_like_commands() -> None:
    assert Dialogue().send(b"a LOGIN x {9+}\r\nb NOOP\r\n{\r\n" + NEXT) == [
        Received(b"a", Login("x", "b NOOP\r\n{")),
        RECEIVED_NEXT,
    ]


@pytest.mark.rfc("7888 §4", "MUST")
def test_literals_of_a_refused_command_are_swallowed() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a XYZZY {8+}\r\nb NOOP\r\n {3+}\r\nc N OOP\r\n" + NEXT) == [
        Response(b"a BAD Unknown command\r\n"),
        RECEIVED_NEXT,
    ]


def test_a_refused_synchronizing_literal_never_comes() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a XYZZY {8}\r\n" + NEXT) == [Response(b"a BAD Unknown command\r\n"), RECEIVED_NEXT]


def test_swallowed_literal_then_refused_synchronizing_one() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a XYZZY {2+}\r\nzz {8}\r\n" + NEXT) == [
        Response(b"a BAD Unknown command\r\n"),
        RECEIVED_NEXT,
    ]


def test_a_literal_too_large_before_login() -> None:
    large = limits.BEFORE_LOGIN.literal_octets + 1
    refusal = Response(b"a NO [LIMIT] Literal too large\r\n")
    assert Dialogue().send(b"a LOGIN {%d}\r\n" % large + NEXT) == [refusal, RECEIVED_NEXT]
    assert Dialogue().send(b"a LOGIN {%d+}\r\n%b\r\n" % (large, b"x" * large) + NEXT) == [
        refusal,
        RECEIVED_NEXT,
    ]
    half = large // 2 + 1
    two = b"a LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (half, b"x" * half, half, b"y" * half)
    assert Dialogue().send(two + NEXT) == [refusal, RECEIVED_NEXT]


def test_a_literal_that_no_number_can_count() -> None:
    dialogue = Dialogue()
    (event,) = dialogue.send(b"a LOGIN {99999999999999999999+}\r\n" + NEXT)
    assert isinstance(event, Bye)
    assert event.octets.startswith(b"a NO [LIMIT] Literal too large\r\n* BYE ")
    assert dialogue.machine.state is State.LOGOUT


# Lines


def test_a_line_too_long() -> None:
    long = b"x" * (limits.BEFORE_LOGIN.line_octets + 1)
    refusal = Response(b"a BAD [LIMIT] Line too long\r\n")
    assert Dialogue().send(b"a LOGIN " + long + b" {9+}\r\nb NOOP\r\n \r\n" + NEXT) == [
        refusal,
        RECEIVED_NEXT,
    ]
    assert Dialogue().send(long + b" NOOP\r\n" + NEXT) == [
        Response(b"* BAD [LIMIT] Line too long\r\n"),
        RECEIVED_NEXT,
    ]
    after_literal = Dialogue().send(b"a LOGIN {1+}\r\nx " + long + b"\r\n" + NEXT)
    assert after_literal == [refusal, RECEIVED_NEXT]


@pytest.mark.rfc("2683 §3.2.1.5", "SHOULD")
def test_lines_of_8000_octets_are_taken_from_anyone() -> None:
    (identification,) = Dialogue().commands(b"a ID (" + b'"x" "%b" ' % (b"y" * 1000) * 7 + b'"x" NIL)\r\n')
    assert isinstance(identification, Id)


def test_a_long_line_ends_wherever_the_chunks_end() -> None:
    octets = b"a LOGIN " + b"x" * 40000 + b"{5+}\r\nabcde\r\n" + NEXT
    for size in (1000, 4096, 16385, 39999):
        dialogue = Dialogue()
        events = [e for at in range(0, len(octets), size) for e in dialogue.send(octets[at : at + size])]
        assert events == [Response(b"a BAD [LIMIT] Line too long\r\n"), RECEIVED_NEXT], size


def test_a_lone_lf_ends_a_line_too() -> None:
    assert Dialogue().send(b"a NOOP\nn NOOP\n") == [Received(b"a", Noop()), RECEIVED_NEXT]


def test_too_many_bad_commands_end_the_connection() -> None:
    dialogue = Dialogue()
    events = dialogue.send(b"GET / HTTP/1.1\r\n" * 20)
    assert len(events) == limits.BEFORE_LOGIN.bad_commands + 1
    assert isinstance(events[-1], Bye)
    assert events[-1].octets.startswith(b"GET BAD ")
    assert b"\r\n* BYE " in events[-1].octets
    assert dialogue.send(NEXT) == []
    assert dialogue.machine.buffered == 0


def test_a_good_command_makes_up_for_bad_ones() -> None:
    dialogue = Dialogue()
    for _ in range(5):
        events = dialogue.send(b"x\r\n" * limits.BEFORE_LOGIN.bad_commands + NEXT)
        assert events[-1] == RECEIVED_NEXT


# Messages


def test_append_with_everything() -> None:
    dialogue = Dialogue(MEMBER)
    events = dialogue.send(b'a APPEND box (\\seen $x) " 1-Jan-2024 01:00:00 +0100" ~{5+}\r\na\0b\r\n\r\n')
    assert events == [
        MessageOffered(b"a", Append("box"), MessageParameters(5, "\\Seen $x", 1704067200000, binary=True), 0),
        MessageOctets(b"a\0b\r\n"),
        MessagesEnded(b"a", Append("box")),
    ]
    assert dialogue.written == b""


def test_append_waits_for_leave_and_hands_on_as_it_comes() -> None:
    dialogue = Dialogue(MEMBER)
    machine = dialogue.machine
    (event,) = machine.receive(b"a APPEND {3}\r\n")
    assert event == Response(b"+ OK\r\n")
    (event,) = machine.receive(b"box {10}\r\n")
    assert offered(event) == MessageParameters(10)
    assert machine.receive(b"") == []
    assert machine.accept_message() == b"+ Ready for literal data\r\n"
    assert machine.receive(b"abc") == [MessageOctets(b"abc")]
    assert machine.receive(b"defghij\r") == [MessageOctets(b"defghij")]
    assert machine.receive(b"\n") == [MessagesEnded(b"a", Append("box"))]


@pytest.mark.rfc("3502 §6.3.11", "MUST")
def test_several_messages() -> None:
    dialogue = Dialogue(MEMBER)
    events = dialogue.send(b"a APPEND box {1+}\r\nA (\\Deleted) {2+}\r\nBC {1+}\r\nD\r\n" + NEXT)
    assert [(event.index, event.message.size) for event in events if isinstance(event, MessageOffered)] == [
        (0, 1),
        (1, 2),
        (2, 1),
    ]
    assert [event.octets for event in events if isinstance(event, MessageOctets)] == [b"A", b"BC", b"D"]
    assert events[-2:] == [MessagesEnded(b"a", Append("box")), RECEIVED_NEXT]


@pytest.mark.rfc("3502 §6.3.11", "MUST")
@pytest.mark.parametrize("plus", [b"", b"+"])
def test_an_empty_message_is_refused(plus: bytes) -> None:
    dialogue = Dialogue(MEMBER)
    tail = b"\r\n" if plus else b""
    events = dialogue.send(b"a APPEND box {0%b}\r\n" % plus + tail + NEXT)
    assert events == [Response(b"a NO Can't save a zero byte message\r\n"), RECEIVED_NEXT]
    events = dialogue.send(b"a APPEND box {1+}\r\nA {0%b}\r\n" % plus + tail + NEXT)
    assert events[2:] == [MessagesDropped(b"a NO Can't save a zero byte message\r\n"), RECEIVED_NEXT]


@pytest.mark.rfc("7889 §4", "SHALL")
def test_a_message_over_the_limit_is_refused_before_it_is_sent_or_swallowed() -> None:
    dialogue = Dialogue(MEMBER, append_limit=1000)
    refusal = b"a NO [TOOBIG] Message too large\r\n"
    assert dialogue.send(b"a APPEND box {1001}\r\n" + NEXT) == [Response(refusal), RECEIVED_NEXT]
    body = b"b NOOP\r\n" * 126
    assert dialogue.send(b"a APPEND box {1008+}\r\n" + body + b"\r\n" + NEXT) == [
        Response(refusal),
        RECEIVED_NEXT,
    ]
    events = dialogue.send(b"a APPEND box {1+}\r\nA {1008+}\r\n" + body + b" {3+}\r\nxyz\r\n" + NEXT)
    assert events[2:] == [MessagesDropped(refusal), RECEIVED_NEXT]


def test_one_append_has_its_limits() -> None:
    dialogue = Dialogue(MEMBER)
    refusal = MessagesDropped(b"a NO [LIMIT] Too much data in one command\r\n")
    events = dialogue.send(
        b"a APPEND box" + b" {1+}\r\nA" * (limits.MAX_APPEND_MESSAGES + 1) + b"\r\n" + NEXT
    )
    assert events[-2:] == [refusal, RECEIVED_NEXT]
    assert sum(isinstance(event, MessageOctets) for event in events) == limits.MAX_APPEND_MESSAGES
    vast = Dialogue(MEMBER, append_limit=2**62)
    assert isinstance(
        vast.send(b"a APPEND box {1+}\r\nA {%d}\r\n" % limits.MAX_APPEND_OCTETS)[-1], MessageOffered
    )
    other = Dialogue(MEMBER, append_limit=2**62)
    events = other.send(b"a APPEND box {1+}\r\nA {%d}\r\n" % (limits.MAX_APPEND_OCTETS + 1) + NEXT)
    assert events[-2:] == [refusal, RECEIVED_NEXT]


@pytest.mark.parametrize("plus", [b"", b"+"])
def test_a_session_may_refuse_a_message(plus: bytes) -> None:
    machine = Dialogue(MEMBER).machine
    assert len(machine.receive(b"a APPEND gone {3%b}\r\n" % plus)) == 1
    machine.refuse_message()
    sent = b"abc {3+}\r\ndef\r\n" if plus else b""
    assert machine.receive(sent + NEXT) == [RECEIVED_NEXT]


def test_what_follows_a_message_must_be_another_or_the_end() -> None:
    dialogue = Dialogue(MEMBER)
    for tail in (b"x\r\n", b" x\r\n", b" (a\r\n", b"{2+}\r\nzz\r\n", b' "nonsense" {2+}\r\nzz\r\n'):
        events = dialogue.send(b"a APPEND box {1+}\r\nA" + tail + NEXT)
        assert isinstance(events[2], MessagesDropped), events
        assert events[2].octets.startswith(b"a BAD ")
        assert events[3:] == [RECEIVED_NEXT]
    long = b"a APPEND box {1+}\r\nA" + b" " * (limits.AFTER_LOGIN.line_octets + 1) + b"\r\n"
    assert dialogue.send(long + NEXT)[2:] == [
        MessagesDropped(b"a BAD [LIMIT] Line too long\r\n"),
        RECEIVED_NEXT,
    ]


def test_bad_and_impossible_appends_are_refused_before_the_message() -> None:
    dialogue = Dialogue(MEMBER)
    for arguments in (
        b"a b",
        b"a (\\Recent)",
        b'a " 1-Jan-2024"',
        b'a "32-Jan-2024 00:00:00 +0000"',
        b"a UTF8 (",
    ):
        (event,) = dialogue.send(b"a APPEND %b {3}\r\n" % arguments)
        assert isinstance(event, Response)
        assert event.octets.startswith(b"a BAD "), arguments
        assert dialogue.send(b"a APPEND %b {3+}\r\nabc\r\n" % arguments + NEXT)[1:] == [RECEIVED_NEXT]
    (event,) = dialogue.send(b"a APPEND a//b {3}\r\n")
    assert isinstance(event, Response)
    assert event.octets.startswith(b"a NO [CANNOT] ")


@pytest.mark.rfc("6855 §4", "MUST")
def test_a_utf8_message() -> None:
    dialogue = Dialogue(MEMBER)
    assert dialogue.send(b"a APPEND box UTF8 (~{2+}\r\n\xc3\xa9)\r\n") == [
        MessageOffered(b"a", Append("box"), MessageParameters(2, binary=True, utf8=True), 0),
        MessageOctets(b"\xc3\xa9"),
        MessagesEnded(b"a", Append("box")),
    ]
    events = dialogue.send(b"a APPEND box UTF8 (~{2+}\r\n\xc3\xa9\r\n")
    assert events[2] == MessagesDropped(b"a BAD Expected the end of the UTF8 message\r\n")


@pytest.mark.rfc("8508 §5", "MUST")
def test_replace_takes_one_message() -> None:
    dialogue = Dialogue(READER)
    last = SequenceSet(NumberSet(((STAR, STAR),)))
    assert dialogue.send(b"a UID REPLACE * box {1+}\r\nA\r\n")[0] == MessageOffered(
        b"a", Replace(last, "box", uid=True), MessageParameters(1), 0
    )
    events = dialogue.send(b"a REPLACE 1 box {1+}\r\nA {1+}\r\nB\r\n" + NEXT)
    assert events[2:] == [MessagesDropped(b"a BAD REPLACE takes one message\r\n"), RECEIVED_NEXT]


def test_append_needs_a_login() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a APPEND box {3+}\r\nabc\r\n" + NEXT) == [
        Response(b"a BAD Please login first\r\n"),
        RECEIVED_NEXT,
    ]


# IDLE


@pytest.mark.rfc("9051 §6.3.13", "MUST")
def test_idle() -> None:
    dialogue = Dialogue(MEMBER)
    assert dialogue.send(b"a IDLE\r\n") == [Received(b"a", Idle())]
    assert dialogue.written == b"+ idling\r\n"
    assert dialogue.send(b"done\r\n" + NEXT) == [IdleEnded(b"a"), RECEIVED_NEXT]


def test_idle_that_does_not_wait() -> None:
    dialogue = Dialogue(MEMBER)
    assert dialogue.send(b"a IDLE\r\nDONE\r\n" + NEXT) == [
        Received(b"a", Idle()),
        IdleEnded(b"a"),
        RECEIVED_NEXT,
    ]


def test_idle_ends_with_anything_else_too() -> None:
    dialogue = Dialogue(MEMBER)
    aborted = IdleAborted(b"a BAD Expected DONE\r\n")
    assert dialogue.send(b"a IDLE\r\nb NOOP\r\n" + NEXT)[1:] == [aborted, RECEIVED_NEXT]
    assert dialogue.send(b"a IDLE\r\nb X {3+}\r\nabc\r\n" + NEXT)[1:] == [aborted, RECEIVED_NEXT]
    long = b"x" * (limits.AFTER_LOGIN.line_octets + 1) + b"\r\n"
    too_long = IdleAborted(b"a BAD [LIMIT] Line too long\r\n")
    assert dialogue.send(b"a IDLE\r\n" + long + NEXT)[1:] == [too_long, RECEIVED_NEXT]


# AUTHENTICATE


@pytest.mark.rfc("9051 §6.2.2", "MUST")
def test_an_exchange_of_responses() -> None:
    dialogue = Dialogue()
    assert dialogue.send(b"a AUTHENTICATE PLAIN\r\n") == [Received(b"a", Authenticate("PLAIN", None))]
    assert dialogue.written == b"+ \r\n"
    assert dialogue.send(b"AGEAYg==\r\n" + NEXT) == [SaslResponse(b"\0a\0b"), RECEIVED_NEXT]
    assert dialogue.machine.state is MEMBER


def test_a_challenge_is_base64() -> None:
    assert Machine(CONDITIONS, append_limit=1000).challenge(b"r=abc,s=\xff") == b"+ cj1hYmMscz3/\r\n"


@pytest.mark.rfc("9051 §6.2.2", "MUST")
def test_an_exchange_can_be_cancelled_and_broken() -> None:
    dialogue = Dialogue()
    start = b"a AUTHENTICATE PLAIN\r\n"
    assert dialogue.send(start + b"*\r\n" + NEXT)[1:] == [
        SaslAborted(b"a BAD Authentication aborted by client\r\n"),
        RECEIVED_NEXT,
    ]
    assert dialogue.send(start + b"%%%\r\n" + NEXT)[1:] == [
        SaslAborted(b"a BAD Invalid base64 data\r\n"),
        RECEIVED_NEXT,
    ]
    long = b"A" * (MAX_LINE_OCTETS + 1) + b"\r\n"
    assert dialogue.send(start + long + NEXT)[1:] == [
        SaslAborted(b"a BAD [LIMIT] Line too long\r\n"),
        RECEIVED_NEXT,
    ]


def test_an_exchange_that_never_succeeds_ends_the_connection() -> None:
    dialogue = Dialogue()
    events = dialogue.send(b"x\r\n" * limits.BEFORE_LOGIN.bad_commands)
    events = dialogue.send(b"a AUTHENTICATE PLAIN\r\n")
    for _ in range(limits.BEFORE_LOGIN.bad_commands + 1):
        dialogue.machine.challenge(b"")
        events = dialogue.send(b"%%\r\n")
    assert isinstance(events[-1], Bye)


# TLS


@pytest.mark.rfc("9051 §6.2.1", "MUST")
def test_input_before_starttls_is_discarded() -> None:
    machine = Machine(CONDITIONS, append_limit=1000)
    assert machine.receive(b"a STARTTLS\r\nb LOGIN joe secret\r\n") == [Received(b"a", StartTls())]
    assert machine.buffered == len(b"b LOGIN joe secret\r\n")
    assert machine.discard() == len(b"b LOGIN joe secret\r\n")
    machine.tls_started(Conditions(mechanisms=("PLAIN",)))
    assert machine.receive(b"") == []
    assert machine.receive(b"c CAPABILITY\r\n") == [Received(b"c", Capability())]
    assert b"STARTTLS" not in machine.capabilities()
    assert machine.receive(b"d STARTTLS\r\n") == [Response(b"d BAD TLS not available\r\n")]


def test_half_a_command_before_tls_is_forgotten() -> None:
    machine = Machine(CONDITIONS, append_limit=1000)
    machine.receive(b"a STARTTLS\r\nb LOGIN {3+}\r\nj")
    machine.tls_started(Conditions())
    assert machine.receive(NEXT) == [RECEIVED_NEXT]


# States


def test_a_stop_after_what_may_change_the_meaning_of_the_rest() -> None:
    machine = Machine(CONDITIONS, append_limit=1000)
    assert machine.receive(b"a LOGIN x y\r\nb SELECT INBOX\r\n") == [Received(b"a", Login("x", "y"))]
    machine.authenticated()
    assert machine.receive(b"") == [Received(b"b", Select("INBOX"))]


@pytest.mark.rfc("9051 §6.3.2", "MUST")
def test_a_select_that_fails_leaves_nothing_selected() -> None:
    dialogue = Dialogue(READER)
    dialogue.machine.receive(b"a SELECT gone\r\n")
    dialogue.machine.deselect()
    assert dialogue.machine.state is MEMBER
    assert dialogue.machine.selected is None


def test_no_secret_is_kept_for_the_next_who_sends_the_same() -> None:
    assert not {b"LOGIN", b"AUTHENTICATE", b"ID"} & CACHED_VERBS


def test_nothing_is_read_after_logout() -> None:
    dialogue = Dialogue(MEMBER)
    assert len(dialogue.send(b"a LOGOUT\r\n" + NEXT)) == 1
    assert dialogue.machine.buffered == 0
