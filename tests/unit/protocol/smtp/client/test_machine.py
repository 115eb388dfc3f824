"""The delivering side: dialogues, outcomes, and that no recipient is left without one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.sasl.client import Credentials, choose
from pillarbox.protocol.smtp.client.content import stuffed
from pillarbox.protocol.smtp.client.envelope import Envelope, OutcomeKind, Recipient
from pillarbox.protocol.smtp.client.events import (
    Ended,
    Event,
    Finished,
    Ready,
    SendContent,
    StartHandshake,
    TlsRefused,
)
from pillarbox.protocol.smtp.client.machine import ClientMachine
from pillarbox.protocol.smtp.client.replies import MAX_LINE_OCTETS, MAX_REPLY_OCTETS, Reply, ReplyReader
from pillarbox.protocol.smtp.client.states import State
from pillarbox.protocol.smtp.commands import Body, Notify, Return
from tests.kit.linear import assert_linear

MESSAGE = b"Subject: x\r\n\r\n.hidden\r\n"
PLAIN_OFFER = b"250-mx\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 DSN\r\n"
PIPELINED = b"250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
CHUNKED = b"250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250 CHUNKING\r\n"


def envelope(*addresses: str, body: Body = Body.EIGHT_BIT) -> Envelope:
    recipients = tuple(Recipient(address) for address in addresses or ("a@x",))
    return Envelope("me@one.example", recipients, len(MESSAGE), body)


def ready(offer: bytes = PLAIN_OFFER) -> ClientMachine:
    machine = ClientMachine("one.example")
    assert machine.receive(b"220 mx ESMTP\r\n") == []
    assert machine.outgoing() == b"EHLO one.example\r\n"
    assert machine.receive(offer) == [Ready()]
    return machine


def doubts(events: Sequence[Event]) -> list[bool]:
    (finished,) = [event for event in events if isinstance(event, Finished)]
    return [outcome.in_doubt for outcome in finished.outcomes]


def kinds(events: Sequence[Event]) -> list[OutcomeKind]:
    (finished,) = [event for event in events if isinstance(event, Finished)]
    return [outcome.kind for outcome in finished.outcomes]


@pytest.mark.rfc("5321 §4.1.4", "MUST")
def test_one_question_at_a_time_without_pipelining() -> None:
    machine = ready()
    machine.begin(envelope("a@x", "b@x"))
    said = []
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"550 5.1.1 who?\r\n"):
        said.append(machine.outgoing())
        assert machine.receive(reply) == []
    said.append(machine.outgoing())
    assert said == [
        b"MAIL FROM:<me@one.example> SIZE=23 BODY=8BITMIME\r\n",
        b"RCPT TO:<a@x>\r\n",
        b"RCPT TO:<b@x>\r\n",
        b"DATA\r\n",
    ]
    assert machine.receive(b"354 go\r\n") == [SendContent()]
    machine.content(MESSAGE)
    assert machine.outgoing() == b"Subject: x\r\n\r\n..hidden\r\n.\r\n"
    events = machine.receive(b"250 2.0.0 queued\r\n")
    assert kinds(events) == [OutcomeKind.DELIVERED, OutcomeKind.FAILED]
    assert events[-1] == Ready()


@pytest.mark.rfc("2920 §3.1", "MAY")
def test_everything_up_to_data_goes_in_one_write_with_pipelining() -> None:
    machine = ready(PIPELINED)
    machine.begin(envelope("a@x", "b@x"))
    assert machine.outgoing().count(b"\r\n") == 4
    events = machine.receive(b"250 ok\r\n450 4.2.1 later\r\n250 ok\r\n354 go\r\n")
    assert events == [SendContent()]
    machine.content(MESSAGE)
    assert kinds(machine.receive(b"250 ok\r\n")) == [OutcomeKind.DEFERRED, OutcomeKind.DELIVERED]


@pytest.mark.rfc("3030 §2", "MUST")
def test_a_server_that_takes_chunks_gets_one_without_doubled_dots() -> None:
    machine = ready(CHUNKED)
    machine.begin(envelope(body=Body.BINARY))
    assert machine.outgoing() == b"MAIL FROM:<me@one.example> BODY=BINARYMIME\r\nRCPT TO:<a@x>\r\n"
    assert machine.receive(b"250 ok\r\n250 ok\r\n") == [SendContent()]
    machine.content(MESSAGE)
    assert machine.outgoing() == b"BDAT 23 LAST\r\n" + MESSAGE
    assert kinds(machine.receive(b"250 ok\r\n")) == [OutcomeKind.DELIVERED]


@pytest.mark.rfc("2920 §3.1", "MUST")
def test_data_accepted_without_recipients_sends_nothing() -> None:
    machine = ready(PIPELINED)
    machine.begin(envelope())
    machine.outgoing()
    assert kinds(machine.receive(b"250 ok\r\n550 no\r\n354 go\r\n")) == [OutcomeKind.FAILED]
    assert machine.outgoing() == b".\r\n"
    assert machine.receive(b"554 no valid recipients\r\n") == [Ready()]


def test_a_refused_sender_is_the_outcome_for_all_and_the_connection_goes_on() -> None:
    for offer, replies in (
        (PLAIN_OFFER, b"550 5.7.1 not you\r\n"),
        (CHUNKED, b"550 5.7.1 no\r\n503 x\r\n503 x\r\n"),
    ):
        machine = ready(offer)
        machine.begin(envelope("a@x", "b@x"))
        assert kinds(machine.receive(replies)) == [OutcomeKind.FAILED] * 2
        assert machine.outgoing().endswith(b"RSET\r\n")
        assert machine.receive(b"250 ok\r\n") == [Ready()]


@pytest.mark.rfc("5321 §3.2", "SHOULD")
def test_an_old_server_is_greeted_the_old_way() -> None:
    machine = ClientMachine("one.example")
    machine.receive(b"220 x\r\n")
    machine.receive(b"502 what?\r\n")
    assert machine.outgoing() == b"EHLO one.example\r\nHELO one.example\r\n"
    assert machine.receive(b"250 hello\r\n") == [Ready()]
    assert kinds(machine.begin(envelope())) == [OutcomeKind.FAILED]
    machine.begin(envelope(body=Body.SEVEN_BIT))
    assert machine.outgoing() == b"MAIL FROM:<me@one.example>\r\n"


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (envelope()._replace(size=1001), "5.3.4"),
        (envelope()._replace(smtputf8=True), "5.6.7"),
        (envelope()._replace(body=Body.BINARY), "5.6.3"),
        (envelope()._replace(require_tls=True), "5.7.30"),
    ],
)
def test_what_the_server_lacks_is_not_asked_of_it(wanted: Envelope, status: str) -> None:
    machine = ready()
    finished, again = machine.begin(wanted)
    assert isinstance(finished, Finished)
    assert [outcome.status for outcome in finished.outcomes] == [status]
    assert again == Ready()
    assert machine.outgoing() == b""


@pytest.mark.rfc("3461 §5.2.1", "MUST")
def test_a_dsn_request_goes_on_to_a_server_that_supports_dsn() -> None:
    requested = Recipient("a@x", frozenset({Notify.SUCCESS, Notify.FAILURE}), "rfc822;b@y")
    machine = ready()
    machine.begin(
        Envelope(None, (requested,), 5, Body.SEVEN_BIT, returns=Return.HEADERS, envelope_id="id+2B")
    )
    machine.receive(b"250 ok\r\n")
    assert machine.outgoing() == (
        b"MAIL FROM:<> SIZE=5 RET=HDRS ENVID=id+2B\r\n"
        b"RCPT TO:<a@x> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;b@y\r\n"
    )


@pytest.mark.rfc("3207 §4.2", "MUST")
def test_after_tls_all_begins_anew_and_nothing_from_before_counts() -> None:
    machine = ready(b"250-mx\r\n250-CHUNKING\r\n250 STARTTLS\r\n")
    machine.start_tls()
    assert machine.receive(b"220 go\r\n") == [StartHandshake()]
    assert machine.receive(b"250 injected\r\n") == []
    machine.outgoing()
    assert machine.tls_started() == []
    assert machine.outgoing() == b"EHLO one.example\r\n"
    assert machine.receive(b"250 mx\r\n") == [Ready()]
    assert "CHUNKING" not in machine.capabilities


def test_a_flood_of_replies_is_read_up_to_the_one_that_ends_the_connection() -> None:
    machine = ready()
    assert isinstance(machine.receive(b"250 unasked\r\n" * 5_000)[-1], Ended)
    assert machine.replies == 3


def test_what_is_injected_behind_the_go_ahead_for_tls_ends_the_connection() -> None:
    machine = ready()
    machine.start_tls()
    assert isinstance(machine.receive(b"220 go\r\n250 injected\r\n")[-1], Ended)


def test_refused_starttls_is_reported() -> None:
    machine = ready()
    machine.start_tls()
    (event,) = machine.receive(b"454 4.7.0 no\r\n")
    assert isinstance(event, TlsRefused)
    assert machine.state is State.READY


def test_authentication_is_a_dialogue() -> None:
    machine = ready(b"250-mx\r\n250 AUTH LOGIN\r\n")
    exchange = choose(
        machine.capabilities.mechanisms, Credentials("me", "pw"), nonce="n", binding=None, plain_allowed=True
    )
    assert exchange
    machine.outgoing()
    machine.authenticate(exchange)
    machine.receive(b"334 VXNlcm5hbWU6\r\n")
    machine.receive(b"334 UGFzc3dvcmQ6\r\n")
    assert machine.outgoing() == b"AUTH LOGIN\r\nbWU=\r\ncHc=\r\n"
    assert machine.receive(b"235 ok\r\n") == [Ready()]


@pytest.mark.parametrize(
    "greeting", [b"554 go away\r\n", b"421 busy\r\n", b"hello?\r\n", b"250 what\r\n"][:3]
)
def test_a_server_that_refuses_the_session_lets_another_be_tried(greeting: bytes) -> None:
    (event,) = ClientMachine("one.example").receive(greeting)
    assert isinstance(event, Ended)
    assert event.session_refused


@pytest.mark.parametrize(
    "replies",
    [b"421 4.3.2 bye\r\n", b"250 ok\r\n421 bye\r\n", b"250 ok\r\n250 ok\r\nnonsense\r\n", b"250 ok\r\n", b""],
)
@pytest.mark.parametrize("offer", [PLAIN_OFFER, PIPELINED, CHUNKED])
def test_a_connection_that_ends_before_the_final_reply_leaves_all_deferred(
    replies: bytes, offer: bytes
) -> None:
    machine = ready(offer)
    events = [*machine.begin(envelope("a@x", "b@x")), *machine.receive(replies)]
    if SendContent() in events:
        machine.content(MESSAGE)
    events += machine.lost("connection lost")
    assert kinds(events) == [OutcomeKind.DEFERRED] * 2
    assert isinstance(events[-1], Ended)


def test_a_connection_lost_after_the_message_defers_it() -> None:
    machine = ready(CHUNKED)
    machine.begin(envelope())
    machine.receive(b"250 ok\r\n250 ok\r\n")
    machine.content(MESSAGE)
    events = machine.lost("no answer in time")
    assert kinds(events) == [OutcomeKind.DEFERRED]
    assert doubts(events) == [True]


@pytest.mark.parametrize(("reply", "doubt"), [(b"421 4.3.2 not taken, bye\r\n", False), (b"hm\r\n", True)])
def test_a_message_refused_on_the_way_out_is_not_in_doubt_and_one_answered_by_nonsense_is(
    reply: bytes, doubt: bool
) -> None:
    machine = ready(CHUNKED)
    machine.begin(envelope())
    machine.receive(b"250 ok\r\n250 ok\r\n")
    machine.content(MESSAGE)
    assert doubts(machine.receive(reply)) == [doubt]


def test_a_connection_lost_before_the_message_leaves_no_doubt() -> None:
    machine = ready(CHUNKED)
    machine.begin(envelope())
    machine.receive(b"250 ok\r\n250 ok\r\n")
    assert doubts(machine.lost("reset")) == [False]


@pytest.mark.rfc("6533 §3", "MUST")
@pytest.mark.parametrize(
    ("offer", "said"),
    [
        (b"250-mx\r\n250-DSN\r\n250 8BITMIME\r\n", rb"ORCPT=utf-8;j\x{FC}rgen\x{2B}a@x"),
        (b"250-mx\r\n250-DSN\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", "ORCPT=utf-8;jürgen\\x{2B}a@x".encode()),
    ],
)
def test_an_original_recipient_in_unicode_is_sent_in_a_form_the_server_supports(
    offer: bytes, said: bytes
) -> None:
    machine = ready(offer)
    machine.begin(Envelope(None, (Recipient("a@x", frozenset({Notify.NEVER}), r"utf-8;jürgen\x{2B}a@x"),), 5))
    machine.receive(b"250 ok\r\n")
    assert machine.outgoing().split()[-1] == said


def test_limits_of_a_server_are_read() -> None:
    machine = ready(b"250-mx\r\n250 LIMITS MAILMAX=5 RCPTMAX=x RCPTMAX=20\r\n")
    assert machine.capabilities.transactions_limit == 5
    assert machine.capabilities.recipients_limit == 20
    assert ready().capabilities.transactions_limit is None


@pytest.mark.rfc("5321 §4.5.3.1.10", "SHOULD")
def test_too_many_recipients_in_the_old_way_of_saying_it_is_no_failure() -> None:
    machine = ready()
    machine.begin(envelope("a@x", "b@x", "c@x"))
    machine.receive(b"250 ok\r\n")
    machine.receive(b"552 too many\r\n")
    machine.receive(b"552 5.2.2 full\r\n")
    assert kinds(machine.receive(b"452 no\r\n")) == [
        OutcomeKind.DEFERRED,
        OutcomeKind.FAILED,
        OutcomeKind.DEFERRED,
    ]


def test_quitting_ends() -> None:
    machine = ready()
    machine.quit()
    (event,) = machine.receive(b"221 bye\r\n")
    assert isinstance(event, Ended)
    assert not event.session_refused


@pytest.mark.rfc("5321 §4.5.2", "MUST")
@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"", b".\r\n"),
        (b".\r\n..\r\n", b"..\r\n...\r\n.\r\n"),
        (b"a\n.\r\nb\r.\r\n", b"a\r\n..\r\nb .\r\n.\r\n"),
    ],
)
def test_no_message_can_end_early(message: bytes, sent: bytes) -> None:
    assert stuffed(message) == sent


LINES = st.lists(
    st.sampled_from(
        [
            b"220 hi",
            b"250 ok",
            b"250-PIPELINING",
            b"250-CHUNKING",
            b"250 8BITMIME",
            b"354 go",
            b"450 x",
            b"550 y",
            b"421 z",
            b"x",
            b"",
            b"250",
            b"2",
            b"999 a",
            b"503-a",
            b"\xff",
            b"334 dGVzdA==",
        ]
    ),
    max_size=14,
)


def drive(octets: Sequence[bytes], offer: bytes) -> tuple[list[Event], bytes]:
    machine = ClientMachine("one.example")
    events: list[Event] = []
    sent = []
    for chunk in [b"220 x\r\n", offer, *octets]:
        fresh = list(machine.receive(chunk))
        while fresh:
            events += fresh
            follow: list[Event] = []
            if fresh[-1] == Ready():
                follow = list(machine.begin(envelope("a@x", "b@x")))
            elif fresh[-1] == SendContent():
                machine.content(MESSAGE)
            fresh = [event for event in follow if event != Ready()]
        sent.append(machine.outgoing())
    events += machine.lost("end")
    return events, b"".join(sent)


@given(LINES, st.sampled_from([PLAIN_OFFER, PIPELINED, CHUNKED]))
def test_each_transaction_ends_exactly_once_whatever_the_replies(lines: list[bytes], offer: bytes) -> None:
    events, _ = drive([line + b"\r\n" for line in lines], offer)
    assert isinstance(events[-1], Ended)
    for event in events:
        if isinstance(event, Finished):
            assert len(event.outcomes) == 2


@given(LINES, st.lists(st.integers(1, 9), max_size=20))
def test_replies_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(line + b"\r\n" for line in lines)
    pieces, rest = [], whole
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    reader = ReplyReader()
    expected = []
    for reply in ReplyReader().feed(whole):
        expected.append(reply)
        if reply.code == 0:
            break
    found: list[Reply] = []
    for piece in [*pieces, rest]:
        found += reader.feed(piece)
        if found and found[-1].code == 0:
            break
    assert found == expected


# --- hostile servers


def _end_of(machine: ClientMachine, octets: bytes) -> str:
    ended = machine.receive(octets)[-1]
    assert isinstance(ended, Ended)
    assert machine.receive(b"250 more\r\n" * 1000) == []
    return ended.text


def test_a_reply_has_limits() -> None:
    assert "not an SMTP reply" in _end_of(ready(), b"250-x\r\n" * 201)
    long = b"250-" + b"x" * (MAX_LINE_OCTETS - 6) + b"\r\n"
    assert "longer than 65536 octets" in _end_of(ready(), long * 17)
    assert "longer than 4096 octets" in _end_of(ready(), b"250 " + b"x" * MAX_LINE_OCTETS)
    # Each reply has them anew
    machine = ready()
    machine.begin(envelope())
    assert not any(
        isinstance(event, Ended) for event in machine.receive(long * 10 + b"250 ok\r\n" + long * 10)
    )


def test_a_server_that_never_ends_an_exchange() -> None:
    machine = ready(b"250-mx\r\n250 AUTH PLAIN\r\n")
    exchange = choose(
        machine.capabilities.mechanisms, Credentials("a", "b"), nonce="n", binding=None, plain_allowed=True
    )
    assert exchange is not None
    machine.authenticate(exchange)
    machine.outgoing()
    assert machine.receive(b"334 %%%\r\n") == []
    assert machine.outgoing() == b"*\r\n"
    assert "cancelled" in _end_of(machine, b"334 \r\n")


@pytest.mark.parametrize(
    "octets", [b"250-x\r\n", b"250-AUTH a b c\r\n", b"\n", b"250 ", b"2", b"250 AUTH=A B\r\n", b"500 x\r\n"]
)
def test_what_a_server_sends_costs_its_length(octets: bytes) -> None:
    def answer(received: bytes) -> None:
        machine = ClientMachine("one.example")
        machine.receive(b"220 mx ESMTP\r\n")
        machine.receive(received)

    assert_linear(answer, lambda size: octets * (size // len(octets)), 256 * 1024)


def test_a_reply_to_ehlo_of_many_words_costs_its_length() -> None:
    def answer(received: bytes) -> None:
        assert ready(received).capabilities.mechanisms == {"A"}

    def offer(size: int) -> bytes:
        return b"250-mx\r\n" + (b"250-AUTH" + b" a" * (size // 400) + b"\r\n") * 190 + b"250 SIZE\r\n"

    assert_linear(answer, offer, MAX_REPLY_OCTETS)
