"""The machine: framing, holding, and that neither depends on how octets are cut into reads."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.address import Address
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.commands import (
    Auth,
    Bdat,
    Body,
    Hello,
    Mail,
    Rcpt,
    RejectedCommand,
    Simple,
    Verb,
)
from pillarbox.protocol.smtp.machine import (
    MAX_AUTH_OCTETS,
    MAX_COMMAND_OCTETS,
    MAX_EVENTS,
    PIECE_OCTETS,
    ChunkEnd,
    Event,
    MessageEnd,
    Piece,
    Response,
    SmtpMachine,
)
from pillarbox.protocol.smtp.states import TABLE, State
from tests.kit.smtp.conditions import conditions


def machine(role: Role = Role.SUBMISSION) -> SmtpMachine:
    return SmtpMachine(conditions(role, tls_available=True, mechanisms=("PLAIN",)))


class Willing:
    """Drives a machine as a session does that grants whatever the table allows; notes its events."""

    def __init__(self) -> None:
        self.machine = machine()
        self.events: list[object] = []
        self.message = b""

    def feed(self, octets: bytes) -> None:
        events = self.machine.receive(octets)
        while events:
            for event in events:
                self.handle(event)
            events = self.machine.receive(b"") if self.machine.buffered else []

    def handle(self, event: Event) -> None:
        match event:
            case Piece(octets):
                self.message += octets
            case MessageEnd(octets):
                self.events.append(("message", self.message + octets))
                self.message = b""
            case ChunkEnd(octets, chunk):
                accepted = self.machine.refusal(chunk) is None
                self.events.append((chunk, accepted, self.message + octets))
                self.message = b""
                self.machine.chunk_answered(chunk, accepted=accepted)
            case Response():
                self.events.append(event)
                self.machine.authentication_ended()
            case RejectedCommand(fatal=fatal):
                self.events.append(event)
                if fatal:
                    self.machine.close()
            case _:
                self.command(event)

    def command(self, command: Hello | Mail | Rcpt | Auth | Bdat | Simple) -> None:
        refusal = self.machine.refusal(command)
        self.events.append((command, refusal))
        if refusal:
            return
        self.machine.succeeded(command)
        if command.verb is Verb.AUTH:
            self.machine.expect_response()
        if command.verb is Verb.STARTTLS:
            self.machine.tls_started()


def events_of(octets: bytes, *cuts: int) -> list[object]:
    willing = Willing()
    for start, end in itertools.pairwise([0, *sorted(cuts), len(octets)]):
        willing.feed(octets[start:end])
    return willing.events


ENVELOPE = b"EHLO a.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"


def messages(octets: bytes) -> list[bytes]:
    return [event[1] for event in events_of(octets) if isinstance(event, tuple) and event[0] == "message"]


def test_a_pipelined_transaction_is_returned_at_once_up_to_data() -> None:
    events = machine().receive(ENVELOPE + b"DATA\r\nnot yet looked at")
    assert events == [
        Hello(Verb.EHLO, "a.example"),
        Mail(Address("a", "a.example")),
        Rcpt(Address("b", "b.example")),
        Simple(Verb.DATA),
    ]


def test_many_commands_are_returned_in_parts_and_none_is_lost() -> None:
    flooded, count = machine(), MAX_EVENTS * 2 + 7
    parts = [flooded.receive(b"NOOP\r\n" * count)]
    while flooded.buffered:
        parts.append(flooded.receive(b""))
    assert [len(part) for part in parts] == [MAX_EVENTS, MAX_EVENTS, 7]


def test_data_ends_at_its_dot_and_the_next_command_follows() -> None:
    assert events_of(ENVELOPE + b"DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nNOOP\r\n")[-2:] == [
        ("message", b"Subject: x\r\n\r\nbody\r\n"),
        (Simple(Verb.NOOP), None),
    ]


@pytest.mark.rfc("5321 §4.5.2", "MUST")
def test_dots_are_removed_at_the_start_of_lines_only() -> None:
    body = b"..a\r\n...\r\n..\r\nb.\r\n.c\r\n\r\n.."
    assert messages(ENVELOPE + b"DATA\r\n" + body + b"\r\n.\r\n") == [
        b".a\r\n..\r\n.\r\nb.\r\nc\r\n\r\n.\r\n"
    ]


def test_an_empty_message_ends_too() -> None:
    assert messages(ENVELOPE + b"DATA\r\n.\r\n") == [b""]


EDGES = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\0\r\n", b"\r\n\0", b"\n\0"]
SMUGGLING = [
    before + b"." + after
    for before, after in itertools.product(EDGES, repeat=2)
    if b"\r\n.\r\n" not in before + b"." + after
]


@pytest.mark.rfc("5321 §4.1.1.4", "MUST NOT")
@pytest.mark.parametrize("sequence", SMUGGLING)
def test_nothing_but_crlf_dot_crlf_ends_data(sequence: bytes) -> None:
    inner = b"MAIL FROM:<evil@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\nsmuggled\r\n"
    octets = ENVELOPE + b"DATA\r\nSubject: x\r\n\r\nbody" + sequence + inner + b".\r\nNOOP\r\n"
    for cuts in [(), range(len(octets))]:
        events = events_of(octets, *cuts)
        ended = [event for event in events if isinstance(event, tuple) and event[0] == "message"]
        assert len(ended) == 1
        assert b"smuggled" in ended[0][1]
        assert events[-1] == (Simple(Verb.NOOP), None)


def test_a_refused_data_command_is_followed_by_commands() -> None:
    assert events_of(b"DATA\r\nNOOP\r\n") == [
        (Simple(Verb.DATA), replies.NEED_HELLO),
        (Simple(Verb.NOOP), None),
    ]


def test_large_messages_come_in_pieces() -> None:
    line = b"x" * 998 + b"\r\n"
    subject = machine()
    for command in subject.receive(ENVELOPE + b"DATA\r\n"):
        assert not isinstance(command, RejectedCommand | Piece | MessageEnd | ChunkEnd | Response)
        subject.succeeded(command)
    events = [event for _ in range(300) for event in subject.receive(line)]
    assert all(isinstance(event, Piece) for event in events)
    assert subject.buffered < PIECE_OCTETS
    events += subject.receive(b".\r\n")
    assert b"".join(getattr(event, "octets") for event in events) == line * 300  # noqa: B009 - one of a union


def test_a_line_longer_than_a_piece_is_taken_as_it_is() -> None:
    body = b"." + b"y" * (3 * PIECE_OCTETS) + b"\r\n.z\r\n"
    octets = ENVELOPE + b"DATA\r\n" + body + b".\r\n"
    step = 4096
    ended = [
        event
        for event in events_of(octets, *range(0, len(octets), step))
        if event and isinstance(event, tuple)
    ]
    assert ended[-1] == ("message", body[1:-4] + b"z\r\n")


@pytest.mark.rfc("3030 §2", "MUST")
def test_chunks_are_octets_whatever_they_look_like() -> None:
    octets = ENVELOPE + b"BDAT 6\r\nQUIT\r\nBDAT 5 LAST\r\n\r\n.\r\nNOOP\r\n"
    assert events_of(octets)[-3:] == [
        (Bdat(6, last=False), True, b"QUIT\r\n"),
        (Bdat(5, last=True), True, b"\r\n.\r\n"),
        (Simple(Verb.NOOP), None),
    ]


@pytest.mark.rfc("3030 §2", "MUST")
def test_a_refused_chunk_is_read_and_dropped() -> None:
    assert events_of(b"EHLO a.example\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")[1:] == [
        (Bdat(6, last=True), False, b"QUIT\r\n"),
        (Simple(Verb.NOOP), None),
    ]


@pytest.mark.rfc("3030 §2", "MUST")
def test_bdat_after_the_last_is_out_of_order() -> None:
    willing = Willing()
    willing.feed(ENVELOPE + b"BDAT 0 LAST\r\nBDAT 0 LAST\r\n")
    assert [event[1] for event in willing.events[-2:] if isinstance(event, tuple)] == [True, False]


def test_a_line_that_ends_in_lf_alone_ends_the_session() -> None:
    assert events_of(b"EHLO a.example\nMAIL FROM:<a@a.example>\r\n") == [
        RejectedCommand(replies.LINE_END, fatal=True)
    ]
    assert events_of(b"\nNOOP\r\n") == [RejectedCommand(replies.LINE_END, fatal=True)]


@pytest.mark.rfc("5321 §4.5.3.1.4", "MUST")
def test_command_lines_have_a_limit_and_the_next_is_read() -> None:
    longest = b"NOOP " + b"x" * (MAX_COMMAND_OCTETS - 7)
    assert events_of(longest + b"\r\n") == [(Simple(Verb.NOOP), None)]
    for length in (MAX_COMMAND_OCTETS, MAX_AUTH_OCTETS, MAX_AUTH_OCTETS * 3):
        octets = b"NOOP " + b"x" * length + b"\r\nHELP\r\n"
        for cuts in [(), range(0, len(octets), 100)]:
            assert events_of(octets, *cuts) == [
                RejectedCommand(replies.LINE_TOO_LONG),
                (Simple(Verb.HELP), None),
            ]


def test_an_overlong_line_never_piles_up() -> None:
    subject = machine()
    for _ in range(100):
        subject.receive(b"x" * 4096)
    assert subject.buffered <= MAX_AUTH_OCTETS + 4096


def test_an_auth_exchange() -> None:
    assert events_of(b"EHLO a.example\r\nAUTH PLAIN\r\nAGEAYg==\r\nNOOP\r\n")[1:] == [
        (Auth("PLAIN", None), None),
        Response(b"\0a\0b"),
        (Simple(Verb.NOOP), None),
    ]
    for line, response in [
        (b"*", Response(None, replies.AUTH_CANCELLED)),
        (b"", Response(b"")),
        (b"????", Response(None, replies.AUTH_BASE64)),
        (b"x" * MAX_AUTH_OCTETS, Response(None, replies.AUTH_TOO_LONG)),
    ]:
        assert events_of(b"EHLO a\r\nAUTH PLAIN\r\n" + line + b"\r\nNOOP\r\n")[2:] == [
            response,
            (Simple(Verb.NOOP), None),
        ]


@pytest.mark.rfc("4954 §4", "MUST")
def test_a_long_initial_response_is_read() -> None:
    initial = b"QUJD" * 2000
    assert events_of(b"EHLO a\r\nAUTH PLAIN " + initial + b"\r\n")[-1] == (Auth("PLAIN", b"ABC" * 2000), None)


@pytest.mark.rfc("3207 §6", "MUST")
def test_nothing_sent_before_tls_survives_it() -> None:
    subject = machine()
    hello, starttls = subject.receive(b"EHLO a.example\r\nSTARTTLS\r\nMAIL FROM:<evil@a.example>\r\n")
    assert isinstance(hello, Hello)
    subject.succeeded(hello)
    assert isinstance(starttls, Simple)
    subject.succeeded(starttls)
    assert subject.discard() == len(b"MAIL FROM:<evil@a.example>\r\n")
    subject.tls_started()
    assert subject.state is State.START
    assert subject.receive(b"") == []
    [mail] = subject.receive(b"MAIL FROM:<a@a.example>\r\n")
    assert isinstance(mail, Mail)
    assert subject.refusal(mail) is replies.NEED_HELLO


def test_nothing_is_read_after_quit() -> None:
    assert events_of(b"QUIT\r\nNOOP\r\n") == [(Simple(Verb.QUIT), None)]


SCRIPTS = st.lists(
    st.sampled_from(
        [
            b"EHLO a.example\r\n", b"MAIL FROM:<a@a.example> SIZE=10\r\n", b"RCPT TO:<b@b.example>\r\n",
            b"DATA\r\n",
            b"Subject: x\r\n\r\n..\r\n.a\r\n.\r\n", b"\r\n.\r\n", b"\n.\r\n", b".\r\n", b"\r\r\n.\r\n",
            b"BDAT 7\r\n\r\n.\r\nab", b"BDAT 0 LAST\r\n", b"BDAT 3 LAST\r\nabc", b"RSET\r\n", b"NOOP\r\n",
            b"AUTH PLAIN\r\n", b"AGEAYg==\r\n", b"*\r\n", b"QUIT\r\n", b"x" * 3000, b"\r\n",
            b"\n",
            b"VRFY\r\n", b"BDAT x\r\n",
        ]
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=200)
@given(SCRIPTS, st.lists(st.integers(0, 600), max_size=20))
def test_any_chunking_gives_the_same_events(script: list[bytes], cuts: list[int]) -> None:
    octets = b"".join([b"EHLO a\r\n", *script])
    whole = events_of(octets)
    assert events_of(octets, *(cut for cut in cuts if cut < len(octets))) == whole
    assert events_of(octets, *range(len(octets))) == whole


@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from(list(State)))
def test_any_octets_in_any_state_are_answered_or_awaited(octets: bytes, state: State) -> None:
    subject = machine()
    subject.state = state
    subject.receive(octets)
    assert subject.receive(b"") == []


@given(st.binary(max_size=60))
def test_whatever_the_message_it_arrives_as_it_was_sent(tail: bytes) -> None:
    message = b"Subject: x\r\n\r\n" + tail.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
    assert messages(ENVELOPE + b"DATA\r\n" + stuffed + b".\r\n") == [message]


def test_the_machine_agrees_with_the_table() -> None:
    for (state, verb), step in TABLE.items():
        subject = machine()
        subject.state = state
        assert subject.refusal(Simple(verb)) is (None if isinstance(step, State) else step)


def test_what_is_offered_follows_the_conditions() -> None:
    subject = machine()
    assert "STARTTLS" in subject.offer.lines
    subject.change(tls_active=True)
    assert "STARTTLS" not in subject.offer.lines
    assert Body.BINARY.value in "".join(subject.offer.lines)
