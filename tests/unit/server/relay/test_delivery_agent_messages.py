"""What is sent of a message, and in which form."""

import pytest

from pillarbox.dns import Kind, Mx
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.outcome import delivered
from pillarbox.queue.schedule import LEASE_MS, claim
from pillarbox.server.relay.delivery_agent import DeliveryAgent
from pillarbox.server.relay.host_finder import Host
from pillarbox.server.relay.progress import NOT_TRIED
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.network.memory import MemoryStream
from tests.kit.smtp.peer import SILENCE
from tests.kit.smtp.relay import MESSAGE, RelayProvider, run_with_relay, two_hosts


@pytest.mark.rfc("9422 §4.2", "MUST")
def test_a_server_gets_no_more_recipients_at_once_than_it_allows() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=("PIPELINING", "LIMITS RCPTMAX=2"))
        await provider.queue(*(f"{number}@two.example" for number in range(5)))
        await provider.pass_(1)
        assert [len(got.recipients) for got in peer.received] == [2, 2, 1]
        assert peer.connections == 1

    run_with_relay(test)


@pytest.mark.rfc("5321 §4.5.3.1.10", "SHOULD")
def test_too_many_recipients_are_tried_in_another_transaction_at_once() -> None:
    async def test(provider: RelayProvider) -> None:
        room = ["250 OK", "250 OK", "452 4.5.3 too many", "452 4.5.3 too many", "250 OK", "250 OK"]
        peer = provider.peer("two.example", "192.0.2.1", answers={"RCPT": room})
        await provider.queue(*(f"{number}@two.example" for number in range(4)))
        await provider.pass_(1)
        assert [len(got.recipients) for got in peer.received] == [2, 2]
        assert provider.waiting() == []

    run_with_relay(test)


GREETING = "Grüße, und zwar viele und schöne"
EIGHT_BIT = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + (
    GREETING.encode() + b"\r\n"
)


@pytest.mark.rfc("6152 §3", "MUST NOT")
@pytest.mark.parametrize("extensions", [("8BITMIME",), ()])
def test_eight_bits_go_only_where_they_are_taken(extensions: tuple[str, ...]) -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
        await provider.queue("a@two.example", octets=EIGHT_BIT)
        await provider.pass_(1)
        (got,) = peer.received
        assert got.octets.isascii() is not bool(extensions)
        assert got.mail.endswith("BODY=8BITMIME") is bool(extensions)
        assert b"quoted-printable" in got.octets or got.octets == EIGHT_BIT

    run_with_relay(test)


def test_what_cannot_be_converted_fails_unless_another_host_accepts_it() -> None:
    async def test(provider: RelayProvider) -> None:
        signed = b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"
        provider.peer("three.example", "192.0.2.3", extensions=())
        _, second = two_hosts(provider, extensions=())
        await provider.queue("a@two.example", "a@three.example", octets=signed)
        await provider.pass_(1)
        assert second.addresses == ["a@two.example"]
        assert provider.reported() == [("a@three.example", "failed", "5.6.3")]

    run_with_relay(test)


@pytest.mark.rfc("6531 §3.5", "MUST")
@pytest.mark.parametrize(
    ("address", "octets", "extensions", "reported"),
    [
        ("jürgen@two.example", MESSAGE, ("8BITMIME", "SMTPUTF8"), []),
        ("jürgen@two.example", MESSAGE, ("8BITMIME",), ["5.6.7"]),
        ("a@two.example", MESSAGE, ("8BITMIME",), []),
        ("a@two.example", EIGHT_BIT, (), []),
        ("a@two.example", "Subject: Grüße\r\n\r\n".encode(), ("8BITMIME",), ["5.6.7"]),
    ],
)
def test_smtputf8_is_requested_only_where_needed_and_fails_where_missing(
    address: str, octets: bytes, extensions: tuple[str, ...], reported: list[str]
) -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
        await provider.queue(address, octets=octets, smtputf8=True)
        await provider.pass_(1)
        assert [status for _, _, status in provider.reported()] == reported
        if not reported:
            assert ("SMTPUTF8" in peer.received[0].mail) is ("SMTPUTF8" in extensions)

    run_with_relay(test)


def test_a_domain_in_unicode_has_another_form() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("xn--bcher-kva.example", "192.0.2.1")
        outbound = "a@bücher.example"
        await provider.queue(outbound, smtputf8=True)
        provider.database.write_now(
            lambda tx: tx.execute("UPDATE queue_recipients SET destination = 'xn--bcher-kva.example'")
        )
        provider.database.write_now(
            lambda tx: tx.execute("UPDATE queue_destinations SET name = 'xn--bcher-kva.example'")
        )
        await provider.pass_(1)
        assert peer.addresses == ["a@xn--bcher-kva.example"]

    run_with_relay(test)


@pytest.mark.rfc("6531 §3.2", "MUST")
@pytest.mark.parametrize(
    ("to", "reported"),
    [("a@bücher.example", []), ("ä@bücher.example", ["5.6.7"]), ("Ä <a@b.example>", ["5.6.7"])],
)
def test_domains_of_the_header_have_another_form_too(to: str, reported: list[str]) -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=("8BITMIME",))
        await provider.queue(
            "a@two.example",
            sender="anna@münchen.example",
            octets=f"To: {to}\r\n\r\nü\r\n".encode(),
            smtputf8=True,
        )
        await provider.pass_(1)
        if reported:
            assert peer.received == []
        else:
            (got,) = peer.received
            assert got.octets == "To: a@xn--bcher-kva.example\r\n\r\nü\r\n".encode()
            assert got.mail.startswith("MAIL FROM:<anna@xn--mnchen-3ya.example>")
            assert "SMTPUTF8" not in got.mail

    run_with_relay(test)


def test_a_route_to_a_host_that_cannot_be_found_defers() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.routes["two.example"] = Host("no.such.example", 25)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert provider.waiting() == ["a@two.example"]
        provider.peer("no.such.example", "192.0.2.1")
        await provider.pass_(3_600)
        assert (provider.waiting(), provider.reported()) == ([], [])

    run_with_relay(test)


@pytest.mark.rfc("3030 §3", "MAY")
@pytest.mark.parametrize("extensions", [("8BITMIME", "CHUNKING", "BINARYMIME"), ("8BITMIME", "CHUNKING"), ()])
def test_binary_messages_become_lines_where_they_must(extensions: tuple[str, ...]) -> None:
    async def test(provider: RelayProvider) -> None:
        octets = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\n\x00\r"
        peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
        await provider.queue("a@two.example", octets=octets, body=Body.BINARY)
        await provider.pass_(1)
        (got,) = peer.received
        assert (got.octets == octets) is ("BINARYMIME" in extensions)
        assert ("base64" in got.octets.decode("latin-1")) is ("BINARYMIME" not in extensions)

    run_with_relay(test)


LARGE = b"Subject: large\r\n\r\n" + b".x\r\n" + (b"y" * 70 + b"\r\n") * 5000 + b".\r\n"


@pytest.mark.parametrize("extensions", [("8BITMIME", "CHUNKING"), ("8BITMIME",), ()])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_large_message_is_sent_from_its_file(extensions: tuple[str, ...], ascii_only: bool) -> None:
    async def test(provider: RelayProvider) -> None:
        octets = LARGE if ascii_only else EIGHT_BIT + LARGE
        peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
        await provider.queue("a@two.example", octets=octets)
        await provider.pass_(1)
        (got,) = peer.received
        assert (got.octets == octets) is (ascii_only or "8BITMIME" in extensions)
        assert got.octets.isascii() is (ascii_only or not extensions)
        assert provider.memory.used_octets == 0

    run_with_relay(test)


def test_a_large_message_that_must_be_converted_waits_for_memory() -> None:
    async def test(provider: RelayProvider) -> None:
        relay = provider.memory.relay
        taken = await relay.reserve(relay.limit_octets)
        peer = provider.peer("two.example", "192.0.2.1", extensions=())
        await provider.queue("a@two.example", octets=EIGHT_BIT + LARGE)
        await provider.pass_(1)
        assert peer.received == []
        assert relay.scarce
        taken.release()
        await provider.pass_(1)
        assert len(peer.received) == 1
        assert relay.used_octets == 0

    run_with_relay(test)


def test_a_large_message_that_is_damaged_is_not_sent() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1")
        await provider.stop()
        await provider.queue("a@two.example", octets=LARGE)
        (job,) = provider.database.write_now(claim, lease=1, now_ms=provider.clock.now_ms(), jobs=1)
        provider.database.write_now(
            lambda tx: tx.execute("UPDATE blob_octets SET octets = ?", (LARGE.replace(b"y", b"z"),))
        )
        with pytest.raises(BlobDamaged):
            await DeliveryAgent(provider.context()).deliver(job)
        assert peer.received == []

    run_with_relay(test)


@pytest.mark.rfc("3461 §5.2.1", "MUST")
def test_a_dsn_request_goes_on_with_the_message() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1")
        await provider.queue(
            "a@two.example", notify="FAILURE,SUCCESS", envelope_id="e1", return_content="HDRS"
        )
        await provider.pass_(1)
        assert peer.received[0].mail == "MAIL FROM:<anna@one.example> RET=HDRS ENVID=e1"
        assert "RCPT TO:<a@two.example> NOTIFY=FAILURE,SUCCESS" in peer.commands
        assert provider.inbox() == []  # the next server has taken over the duty to report

    run_with_relay(test)


def test_the_refusal_of_a_large_message_is_read_though_the_connection_breaks() -> None:
    async def test(provider: RelayProvider) -> None:
        async def full(stream: MemoryStream) -> None:
            write = stream.write
            await write(b"220 peer\r\n")
            for reply in (b"250 peer", b"250 OK", b"250 OK", b"354 go on"):
                await stream.read()
                await write(reply + b"\r\n")
            await stream.read()
            await write(b"552 5.3.4 far too large\r\n")

        provider.resolver.put("two.example", Kind.MX, Mx(10, "mx.two.example"))
        provider.resolver.put("mx.two.example", Kind.A, "192.0.2.1")
        provider.network.serve("192.0.2.1", 25, full)
        await provider.queue("a@two.example", octets=MESSAGE + (b"x" * 70 + b"\r\n") * 20_000)
        await provider.pass_(1)
        assert provider.reported() == [("a@two.example", "failed", "5.3.4")]

    run_with_relay(test)


def test_a_job_that_was_lost_while_it_waited_is_not_even_read() -> None:
    async def test(provider: RelayProvider) -> None:
        await provider.stop()
        await provider.queue("a@two.example")
        (job,) = provider.database.write_now(claim, lease=1, now_ms=provider.clock.now_ms(), jobs=1)
        provider.clock._started_ms += LEASE_MS
        assert provider.database.write_now(delivered, job, job.recipients[0])
        result = await DeliveryAgent(provider.context()).deliver(job)
        assert (result.reached, result.attempts[0].outcome) == (True, NOT_TRIED)

    run_with_relay(test)


def test_a_job_whose_lease_was_lost_is_not_sent() -> None:
    async def test(provider: RelayProvider) -> None:
        _, second = two_hosts(provider, answers={"": SILENCE})
        await provider.queue("a@two.example")
        await provider.pass_(1)
        provider.database.write_now(lambda tx: tx.execute("UPDATE queue_recipients SET lease = 99"))
        provider.clock._started_ms += LEASE_MS
        await provider.pass_(400)
        assert (second.received, provider.waiting()) == ([], ["a@two.example"])

    run_with_relay(test)
