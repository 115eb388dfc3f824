"""From host to host: which hosts are tried, with which TLS, what is sent, and each recipient's outcome."""

from typing import Unpack

import pytest

from pillarbox.protocol.sasl.client import Credentials
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.outcome import delivered
from pillarbox.queue.schedule import LEASE_MS, claim
from pillarbox.server.relay.delivery_agent import DeliveryAgent
from pillarbox.server.relay.host_finder import Encryption, Host
from pillarbox.server.relay.progress import NOT_TRIED
from pillarbox.world.network import Endpoint
from pillarbox.world.network.memory import Fault, MemoryStream
from pillarbox.world.resolver import Kind, Mx
from tests.kit.smtp.peer import SILENCE, PeerTraits, SmtpPeer
from tests.kit.smtp.relay import MESSAGE, RelayHouse, with_relay

TLS = ("PIPELINING", "8BITMIME", "STARTTLS")


def two_hosts(house: RelayHouse, **first: Unpack[PeerTraits]) -> tuple[SmtpPeer, SmtpPeer]:
    """Two exchangers of two.example, the first with these traits."""
    house.mx("two.example", "mx1.two.example", "mx2.two.example")
    return house.peer("mx1.two.example", "192.0.2.1", **first), house.peer("mx2.two.example", "192.0.2.2")


@pytest.mark.rfc("5321 §5.1", "MUST")
@pytest.mark.parametrize(
    "answers",
    [
        {"": "554 5.7.1 not you"},
        {"": "421 4.3.2 busy"},
        {"": None},
        {"": "hello"},
        {"": SILENCE},
        {"EHLO": "421 4.3.2 busy"},
        {"EHLO": "502 5.5.1 what?", "HELO": "550 5.7.1 no"},
        {"MAIL": "451 4.3.0 later"},
        {"RCPT": "450 4.2.1 later"},
        {"DATA": "451 4.3.0 later"},
        {".": "451 4.3.0 later"},
        {"MAIL": None},
        {"RCPT": "421 4.3.2 going"},
        {"DATA": "garbage"},
    ],
)
def test_if_the_first_host_defers_the_second_is_tried_in_the_same_attempt(
    answers: dict[str, str | None],
) -> None:
    async def test(house: RelayHouse) -> None:
        first, second = two_hosts(house, answers=answers)
        await house.queue("a@two.example")
        await house.pass_(400)
        assert (first.got, second.addresses) == ([], ["a@two.example"])
        assert (house.waiting(), house.inbox()) == ([], [])

    with_relay(test)


@pytest.mark.parametrize("fault", [Fault(refuses=True), Fault(silent=True)])
def test_where_nobody_answers_the_next_address_and_the_next_host_are_tried(fault: Fault) -> None:
    async def test(house: RelayHouse) -> None:
        first, second = two_hosts(house)
        house.resolver.put("mx1.two.example", Kind.AAAA, "2001:db8::1")
        tried = []

        def faults(to: Endpoint) -> Fault:
            tried.append(to.address)
            return Fault() if tried[-1] == "192.0.2.2" else fault

        house.network.faults = faults
        await house.queue("a@two.example")
        await house.pass_(65)
        assert tried == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
        assert (first.got, len(second.got)) == ([], 1)

    with_relay(test)


@pytest.mark.rfc("5321 §4.2.1", "MUST")
@pytest.mark.parametrize(
    "answers", [{"RCPT": "550 5.1.1 no"}, {"MAIL": "550 5.7.1 no"}, {".": "554 5.6.0 no"}]
)
def test_a_refusal_is_final_and_no_other_host_is_asked(answers: dict[str, str]) -> None:
    async def test(house: RelayHouse) -> None:
        _, second = two_hosts(house, answers=answers)
        await house.queue("a@two.example")
        await house.pass_(1)
        assert second.connections == 0
        assert [(action, status[0]) for _, action, status in house.reported()] == [("failed", "5")]
        assert "mx1.two.example" in house.inbox()[0].as_string()

    with_relay(test)


def test_a_destination_that_refuses_every_session_permanently_is_a_failure() -> None:
    async def test(house: RelayHouse) -> None:
        house.peer("two.example", "192.0.2.1", answers={"": "554 5.7.1 we take no mail from you"})
        await house.queue("a@two.example")
        await house.pass_(1)
        assert house.reported() == [("a@two.example", "failed", "5.7.1")]
        assert "we take no mail from you" in house.inbox()[0].as_string()

    with_relay(test)


@pytest.mark.rfc("5321 §4.5.3.2.6", "MUST")
def test_a_message_that_may_have_arrived_is_not_given_to_another_host_at_once() -> None:
    async def test(house: RelayHouse) -> None:
        _, second = two_hosts(house, answers={".": None})
        await house.queue("a@two.example")
        await house.pass_(10)
        assert (second.connections, house.waiting()) == (0, ["a@two.example"])

    with_relay(test)


def test_no_more_than_two_hosts_hear_of_a_message_in_one_attempt() -> None:
    async def test(house: RelayHouse) -> None:
        house.mx("two.example", *(f"mx{number}.two.example" for number in range(5)))
        peers = [
            house.peer(f"mx{number}.two.example", f"192.0.2.{number}", answers={"RCPT": "450 4.2.1 later"})
            for number in range(5)
        ]
        await house.queue("a@two.example")
        await house.pass_(10)
        assert [peer.connections for peer in peers] == [1, 1, 0, 0, 0]

    with_relay(test)


# --- the connection


@pytest.mark.rfc("7435 §3", "SHOULD")
def test_tls_is_used_where_it_is_offered() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=TLS)
        await house.queue("a@two.example")
        await house.pass_(1)
        assert [got.tls for got in peer.got] == [True]

    with_relay(test)


@pytest.mark.parametrize("traits", [{"handshake": False}, {"answers": {"STARTTLS": "454 4.7.0 not now"}}])
def test_where_tls_fails_plain_text_does_unless_it_must_not(traits: PeerTraits) -> None:
    async def test(house: RelayHouse) -> None:
        offering: PeerTraits = {"extensions": TLS, **traits}
        peer = house.peer("two.example", "192.0.2.1", **offering)
        strict = house.peer("three.example", "192.0.2.3", **offering)
        house.routes["three.example"] = Host("three.example", encryption=Encryption.REQUIRED)
        await house.queue("a@two.example", "a@three.example")
        await house.pass_(1)
        assert [got.tls for got in peer.got] == [False]
        assert (strict.got, house.waiting()) == ([], ["a@three.example"])

    with_relay(test)


def test_where_tls_is_required_and_not_offered_mail_waits() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1")
        house.routes["*"] = Host("two.example", encryption=Encryption.VERIFIED)
        await house.queue("a@two.example")
        await house.pass_(1)
        assert (peer.got, house.waiting()) == ([], ["a@two.example"])
        assert house.rows("SELECT last_status FROM queue_recipients") == [("4.7.10",)]

    with_relay(test)


REQUIRETLS = (*TLS, "REQUIRETLS")


@pytest.mark.rfc("8689 §4.2.1", "MUST")
@pytest.mark.parametrize(
    ("extensions", "certain", "told"),
    [
        (REQUIRETLS, True, []),
        (TLS, True, [("a@two.example", "failed", "5.7.30")]),
        (("8BITMIME",), True, [("a@two.example", "failed", "5.7.10")]),
        (REQUIRETLS, False, [("a@two.example", "failed", "5.7.10")]),
    ],
)
def test_requiretls_is_kept_or_delivery_fails(
    extensions: tuple[str, ...], certain: bool, told: list[tuple[str, str, str]]
) -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=extensions)
        if certain:
            house.routes["two.example"] = Host("two.example")
        await house.queue("a@two.example", require_tls=True)
        await house.pass_(1)
        assert house.reported() == told
        if not told:
            assert peer.got[0].mail.endswith(" REQUIRETLS")
            assert peer.got[0].tls

    with_relay(test)


@pytest.mark.rfc("8689 §5", "SHOULD NOT")
def test_a_report_about_such_a_message_is_not_lost_for_want_of_requiretls() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1")
        await house.queue("a@two.example", sender=None, require_tls=True)
        await house.pass_(1)
        assert len(peer.got) == 1

    with_relay(test)


def test_a_smart_host_is_logged_in_at_over_tls_only() -> None:
    async def test(house: RelayHouse) -> None:
        smart = house.peer("smart.example", "192.0.2.9", 587, extensions=(*TLS, "AUTH PLAIN"))
        naked = house.peer("naked.example", "192.0.2.8", 587, extensions=("AUTH PLAIN",))
        careless = house.peer("careless.example", "192.0.2.7", 587, extensions=(*TLS, "AUTH PLAIN"))
        me = Credentials("us", "secret")
        house.routes["*"] = Host("smart.example", 587, encryption=Encryption.REQUIRED, credentials=me)
        house.routes["three.example"] = Host("naked.example", 587, credentials=me)
        house.routes["four.example"] = Host("careless.example", 587, credentials=me)
        await house.queue("a@two.example", "a@three.example", "a@four.example")
        await house.pass_(1)
        assert smart.addresses == ["a@two.example"]
        assert [line for line in smart.heard if line.startswith("AUTH")] == ["AUTH PLAIN AHVzAHNlY3JldA=="]
        assert not any(line.startswith("AUTH") for line in [*naked.heard, *careless.heard])
        assert house.waiting() == ["a@three.example", "a@four.example"]

    with_relay(test)


def test_a_smart_host_that_refuses_the_login_defers_mail_and_nothing_bounces() -> None:
    async def test(house: RelayHouse) -> None:
        answers = {"AUTH": "535 5.7.8 wrong password"}
        house.peer("smart.example", "192.0.2.9", extensions=(*TLS, "AUTH PLAIN"), answers=answers)
        typo = Credentials("us", "typo")
        house.routes["*"] = Host("smart.example", encryption=Encryption.REQUIRED, credentials=typo)
        await house.queue("a@two.example")
        await house.pass_(1)
        assert (house.waiting(), house.inbox()) == (["a@two.example"], [])
        assert "wrong password" in house.rows("SELECT last_reply FROM queue_recipients")[0][0]

    with_relay(test)


def test_implicit_tls() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("smart.example", "192.0.2.9", 465)

        async def secured(stream: MemoryStream) -> None:
            stream.answer_tls()
            await peer(stream)

        house.network.serve("192.0.2.9", 465, secured)
        house.routes["*"] = Host("smart.example", 465, implicit_tls=True, encryption=Encryption.REQUIRED)
        await house.queue("a@two.example")
        await house.pass_(1)
        assert [got.tls for got in peer.got] == [True]

    with_relay(test)


@pytest.mark.rfc("5321 §3.8", "SHOULD")
@pytest.mark.parametrize("farewell", [None, "421 4.4.2 idle for too long"])
def test_a_connection_closed_while_it_rested_is_no_attempt(farewell: str | None) -> None:
    async def test(house: RelayHouse) -> None:
        answers = {"MAIL": ["250 2.1.0 OK", farewell, "250 2.1.0 OK"]}
        peer = house.peer("two.example", "192.0.2.1", answers=answers)
        await house.queue("a@two.example")
        await house.pass_(0.5)
        await house.queue("b@two.example")
        await house.pass_(0.5)
        assert peer.addresses == ["a@two.example", "b@two.example"]
        assert peer.connections == 2

    with_relay(test)


@pytest.mark.rfc("9422 §4.1", "MUST")
def test_a_server_gets_no_more_messages_on_a_connection_than_it_allows() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=("PIPELINING", "LIMITS MAILMAX=2"))
        for number in range(5):
            await house.queue(f"{number}@two.example")
            await house.pass_(0.5)
        assert (len(peer.got), peer.connections) == (5, 3)

    with_relay(test)


# --- the message


@pytest.mark.rfc("9422 §4.2", "MUST")
def test_a_server_gets_no_more_recipients_at_once_than_it_allows() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=("PIPELINING", "LIMITS RCPTMAX=2"))
        await house.queue(*(f"{number}@two.example" for number in range(5)))
        await house.pass_(1)
        assert [len(got.recipients) for got in peer.got] == [2, 2, 1]
        assert peer.connections == 1

    with_relay(test)


@pytest.mark.rfc("5321 §4.5.3.1.10", "SHOULD")
def test_too_many_recipients_are_tried_in_another_transaction_at_once() -> None:
    async def test(house: RelayHouse) -> None:
        room = ["250 OK", "250 OK", "452 4.5.3 too many", "452 4.5.3 too many", "250 OK", "250 OK"]
        peer = house.peer("two.example", "192.0.2.1", answers={"RCPT": room})
        await house.queue(*(f"{number}@two.example" for number in range(4)))
        await house.pass_(1)
        assert [len(got.recipients) for got in peer.got] == [2, 2]
        assert house.waiting() == []

    with_relay(test)


GREETING = "Grüße, und zwar viele und schöne"
EIGHT_BIT = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + (
    GREETING.encode() + b"\r\n"
)


@pytest.mark.rfc("6152 §3", "MUST NOT")
@pytest.mark.parametrize("extensions", [("8BITMIME",), ()])
def test_eight_bits_go_only_where_they_are_taken(extensions: tuple[str, ...]) -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=extensions)
        await house.queue("a@two.example", octets=EIGHT_BIT)
        await house.pass_(1)
        (got,) = peer.got
        assert got.octets.isascii() is not bool(extensions)
        assert got.mail.endswith("BODY=8BITMIME") is bool(extensions)
        assert b"quoted-printable" in got.octets or got.octets == EIGHT_BIT

    with_relay(test)


def test_what_cannot_be_converted_is_told_unless_another_host_takes_it() -> None:
    async def test(house: RelayHouse) -> None:
        signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"
        house.peer("three.example", "192.0.2.3", extensions=())
        _, second = two_hosts(house, extensions=())
        await house.queue("a@two.example", "a@three.example", octets=signed)
        await house.pass_(1)
        assert second.addresses == ["a@two.example"]
        assert house.reported() == [("a@three.example", "failed", "5.6.3")]

    with_relay(test)


@pytest.mark.rfc("6531 §3.5", "MUST")
@pytest.mark.parametrize(
    ("address", "octets", "extensions", "told"),
    [
        ("jürgen@two.example", MESSAGE, ("8BITMIME", "SMTPUTF8"), []),
        ("jürgen@two.example", MESSAGE, ("8BITMIME",), ["5.6.7"]),
        ("a@two.example", MESSAGE, ("8BITMIME",), []),
        ("a@two.example", EIGHT_BIT, (), []),
        ("a@two.example", "Subject: Grüße\r\n\r\n".encode(), ("8BITMIME",), ["5.6.7"]),
    ],
)
def test_smtputf8_is_asked_for_only_where_it_is_needed_and_told_where_it_is_missing(
    address: str, octets: bytes, extensions: tuple[str, ...], told: list[str]
) -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1", extensions=extensions)
        await house.queue(address, octets=octets, smtputf8=True)
        await house.pass_(1)
        assert [status for _, _, status in house.reported()] == told
        if not told:
            assert ("SMTPUTF8" in peer.got[0].mail) is ("SMTPUTF8" in extensions)

    with_relay(test)


def test_a_domain_in_unicode_has_another_form() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("xn--bcher-kva.example", "192.0.2.1")
        outbound = "a@bücher.example"
        await house.queue(outbound, smtputf8=True)
        house.database.write_now(
            lambda tx: tx.execute("UPDATE queue_recipients SET destination = 'xn--bcher-kva.example'")
        )
        house.database.write_now(
            lambda tx: tx.execute("UPDATE queue_destinations SET name = 'xn--bcher-kva.example'")
        )
        await house.pass_(1)
        assert peer.addresses == ["a@xn--bcher-kva.example"]

    with_relay(test)


@pytest.mark.rfc("3030 §3", "MAY")
@pytest.mark.parametrize("extensions", [("8BITMIME", "CHUNKING", "BINARYMIME"), ("8BITMIME", "CHUNKING"), ()])
def test_binary_messages_become_lines_where_they_must(extensions: tuple[str, ...]) -> None:
    async def test(house: RelayHouse) -> None:
        octets = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\n\x00\r"
        peer = house.peer("two.example", "192.0.2.1", extensions=extensions)
        await house.queue("a@two.example", octets=octets, body=Body.BINARY)
        await house.pass_(1)
        (got,) = peer.got
        assert (got.octets == octets) is ("BINARYMIME" in extensions)
        assert ("base64" in got.octets.decode("latin-1")) is ("BINARYMIME" not in extensions)

    with_relay(test)


@pytest.mark.rfc("3461 §5.2.1", "MUST")
def test_a_dsn_request_goes_on_with_the_message() -> None:
    async def test(house: RelayHouse) -> None:
        peer = house.peer("two.example", "192.0.2.1")
        await house.queue("a@two.example", notify="FAILURE,SUCCESS", envelope_id="e1", return_content="HDRS")
        await house.pass_(1)
        assert peer.got[0].mail == "MAIL FROM:<anna@one.example> RET=HDRS ENVID=e1"
        assert "RCPT TO:<a@two.example> NOTIFY=FAILURE,SUCCESS" in peer.heard
        assert house.inbox() == []  # the next server has taken over the duty to report

    with_relay(test)


def test_why_a_large_message_is_not_wanted_is_heard_though_the_connection_breaks() -> None:
    async def test(house: RelayHouse) -> None:
        async def full(stream: MemoryStream) -> None:
            write = stream.write
            await write(b"220 peer\r\n")
            for reply in (b"250 peer", b"250 OK", b"250 OK", b"354 go on"):
                await stream.read()
                await write(reply + b"\r\n")
            await stream.read()
            await write(b"552 5.3.4 far too large\r\n")

        house.resolver.put("two.example", Kind.MX, Mx(10, "mx.two.example"))
        house.resolver.put("mx.two.example", Kind.A, "192.0.2.1")
        house.network.serve("192.0.2.1", 25, full)
        await house.queue("a@two.example", octets=MESSAGE + (b"x" * 70 + b"\r\n") * 20_000)
        await house.pass_(1)
        assert house.reported() == [("a@two.example", "failed", "5.3.4")]

    with_relay(test)


def test_a_job_that_was_lost_while_it_waited_is_not_even_read() -> None:
    async def test(house: RelayHouse) -> None:
        await house.stop()
        await house.queue("a@two.example")
        (job,) = house.database.write_now(claim, lease=1, now_ms=house.clock.now_ms(), jobs=1)
        house.clock._started_ms += LEASE_MS
        assert house.database.write_now(delivered, job, job.recipients[0])
        result = await DeliveryAgent(house.context()).deliver(job)
        assert (result.reached, result.attempts[0].outcome) == (True, NOT_TRIED)

    with_relay(test)


def test_a_job_whose_lease_was_lost_on_the_way_is_offered_to_nobody() -> None:
    async def test(house: RelayHouse) -> None:
        _, second = two_hosts(house, answers={"": SILENCE})
        await house.queue("a@two.example")
        await house.pass_(1)
        house.database.write_now(lambda tx: tx.execute("UPDATE queue_recipients SET lease = 99"))
        house.clock._started_ms += LEASE_MS
        await house.pass_(400)
        assert (second.got, house.waiting()) == ([], ["a@two.example"])

    with_relay(test)
