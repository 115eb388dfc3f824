"""The connection to a host: with which TLS and login, and how long it is used."""

import pytest

from pillarbox.protocol.sasl.client import Credentials
from pillarbox.server.relay.host_finder import Encryption, Host
from pillarbox.world.network.memory import Fault, MemoryStream
from tests.kit.smtp.peer import PeerTraits
from tests.kit.smtp.relay import RelayProvider, run_with_relay

TLS = ("PIPELINING", "8BITMIME", "STARTTLS")


@pytest.mark.rfc("7435 §3", "SHOULD")
def test_tls_is_used_where_it_is_offered() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=TLS)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert [got.tls for got in peer.received] == [True]

    run_with_relay(test)


@pytest.mark.parametrize("traits", [{"handshake": False}, {"answers": {"STARTTLS": "454 4.7.0 not now"}}])
def test_where_tls_fails_plain_text_does_unless_it_must_not(traits: PeerTraits) -> None:
    async def test(provider: RelayProvider) -> None:
        offering: PeerTraits = {"extensions": TLS, **traits}
        peer = provider.peer("two.example", "192.0.2.1", **offering)
        strict = provider.peer("three.example", "192.0.2.3", **offering)
        provider.routes["three.example"] = Host("three.example", encryption=Encryption.REQUIRED)
        await provider.queue("a@two.example", "a@three.example")
        await provider.pass_(1)
        assert [got.tls for got in peer.received] == [False]
        assert (strict.received, provider.waiting()) == ([], ["a@three.example"])

    run_with_relay(test)


def test_where_tls_is_required_and_not_offered_mail_waits() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1")
        provider.routes["*"] = Host("two.example", encryption=Encryption.VERIFIED)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert (peer.received, provider.waiting()) == ([], ["a@two.example"])
        assert provider.rows("SELECT last_status FROM queue_recipients") == [("4.7.10",)]

    run_with_relay(test)


REQUIRETLS = (*TLS, "REQUIRETLS")


@pytest.mark.rfc("8689 §4.2.1", "MUST")
@pytest.mark.parametrize(
    ("extensions", "certain", "reported"),
    [
        (REQUIRETLS, True, []),
        (TLS, True, [("a@two.example", "failed", "5.7.30")]),
        (("8BITMIME",), True, [("a@two.example", "failed", "5.7.10")]),
        (REQUIRETLS, False, [("a@two.example", "failed", "5.7.10")]),
    ],
)
def test_requiretls_is_kept_or_delivery_fails(
    extensions: tuple[str, ...], certain: bool, reported: list[tuple[str, str, str]]
) -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
        if certain:
            provider.routes["two.example"] = Host("two.example")
        await provider.queue("a@two.example", require_tls=True)
        await provider.pass_(1)
        assert provider.reported() == reported
        if not reported:
            assert peer.received[0].mail.endswith(" REQUIRETLS")
            assert peer.received[0].tls

    run_with_relay(test)


@pytest.mark.rfc("8689 §5", "SHOULD NOT")
def test_a_report_about_such_a_message_is_not_lost_for_want_of_requiretls() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1")
        await provider.queue("a@two.example", sender=None, require_tls=True)
        await provider.pass_(1)
        assert len(peer.received) == 1

    run_with_relay(test)


def test_a_smart_host_is_logged_in_at_over_tls_only() -> None:
    async def test(provider: RelayProvider) -> None:
        smart = provider.peer("smart.example", "192.0.2.9", 587, extensions=(*TLS, "AUTH PLAIN"))
        naked = provider.peer("naked.example", "192.0.2.8", 587, extensions=("AUTH PLAIN",))
        careless = provider.peer("careless.example", "192.0.2.7", 587, extensions=(*TLS, "AUTH PLAIN"))
        me = Credentials("us", "secret")
        provider.routes["*"] = Host("smart.example", 587, encryption=Encryption.REQUIRED, credentials=me)
        provider.routes["three.example"] = Host("naked.example", 587, credentials=me)
        provider.routes["four.example"] = Host("careless.example", 587, credentials=me)
        await provider.queue("a@two.example", "a@three.example", "a@four.example")
        await provider.pass_(1)
        assert smart.addresses == ["a@two.example"]
        assert [line for line in smart.commands if line.startswith("AUTH")] == ["AUTH PLAIN AHVzAHNlY3JldA=="]
        assert not any(line.startswith("AUTH") for line in [*naked.commands, *careless.commands])
        assert provider.waiting() == ["a@three.example", "a@four.example"]

    run_with_relay(test)


def test_a_host_that_is_an_address_is_named_once() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.routes["*"] = Host("192.0.2.9")
        provider.network.faults = lambda _: Fault(refuses=True)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        replies = provider.rows("SELECT last_reply FROM queue_recipients")
        assert replies == [("192.0.2.9 port 25: Connection refused",)]

    run_with_relay(test)


def test_a_smart_host_that_refuses_the_login_defers_mail_and_nothing_bounces() -> None:
    async def test(provider: RelayProvider) -> None:
        answers = {"AUTH": "535 5.7.8 wrong password"}
        provider.peer("smart.example", "192.0.2.9", extensions=(*TLS, "AUTH PLAIN"), answers=answers)
        typo = Credentials("us", "typo")
        provider.routes["*"] = Host("smart.example", encryption=Encryption.REQUIRED, credentials=typo)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert (provider.waiting(), provider.inbox()) == (["a@two.example"], [])
        assert "wrong password" in provider.rows("SELECT last_reply FROM queue_recipients")[0][0]

    run_with_relay(test)


def test_implicit_tls() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("smart.example", "192.0.2.9", 465)

        async def secured(stream: MemoryStream) -> None:
            stream.answer_tls()
            await peer(stream)

        provider.network.serve("192.0.2.9", 465, secured)
        provider.routes["*"] = Host("smart.example", 465, implicit_tls=True, encryption=Encryption.REQUIRED)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert [got.tls for got in peer.received] == [True]

    run_with_relay(test)


@pytest.mark.rfc("5321 §3.8", "SHOULD")
@pytest.mark.parametrize("farewell", [None, "421 4.4.2 idle for too long"])
def test_a_connection_closed_while_it_rested_is_no_attempt(farewell: str | None) -> None:
    async def test(provider: RelayProvider) -> None:
        answers = {"MAIL": ["250 2.1.0 OK", farewell, "250 2.1.0 OK"]}
        peer = provider.peer("two.example", "192.0.2.1", answers=answers)
        await provider.queue("a@two.example")
        await provider.pass_(0.5)
        await provider.queue("b@two.example")
        await provider.pass_(0.5)
        assert peer.addresses == ["a@two.example", "b@two.example"]
        assert peer.connections == 2

    run_with_relay(test)


@pytest.mark.rfc("9422 §4.1", "MUST")
def test_a_server_gets_no_more_messages_on_a_connection_than_it_allows() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.1", extensions=("PIPELINING", "LIMITS MAILMAX=2"))
        for number in range(5):
            await provider.queue(f"{number}@two.example")
            await provider.pass_(0.5)
        assert (len(peer.received), peer.connections) == (5, 3)

    run_with_relay(test)
