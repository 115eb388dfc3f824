"""Every mechanism, client against server, and what a server does with a client that misbehaves."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.protocol.sasl.client import Binding, Credentials, choose
from pillarbox.protocol.sasl.exchange import (
    MAX_RESPONSE_OCTETS,
    Challenge,
    CheckPassword,
    Exchange,
    Failure,
    NeedKeys,
    Reason,
    Success,
)
from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS, MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.mechanisms import MECHANISMS, offered, start
from pillarbox.protocol.sasl.scram import ChannelBinding
from pillarbox.protocol.sasl.scram_keys import KeyPair, ScramKeys, server_keys
from tests.kit.sasl import converse, keys_of

PASSWORDS = {"anna": "secret", "bo,b=": "pass, word="}
DATA = {"tls-exporter": b"E" * 32, "tls-server-end-point": b"P" * 32}


def begin(name: str, channel: ChannelBinding | None = None) -> Exchange:
    exchange = start(name, nonce="server-nonce", channel=channel)
    assert exchange is not None
    return exchange


NAMES = [offer.name for offer in MECHANISMS]


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize("login", PASSWORDS)
@pytest.mark.parametrize("name", NAMES)
def test_the_right_password_succeeds(name: str, login: str, initial: bool) -> None:
    plus = name.endswith("-PLUS")
    binding = Binding("tls-exporter", DATA["tls-exporter"]) if plus else None
    client = choose(
        [name], Credentials(login, PASSWORDS[login]), nonce="client", binding=binding, plain_allowed=True
    )
    assert client is not None
    server = begin(name, DATA.get if plus else None)
    assert converse(server, client, PASSWORDS, initial=initial) == Success(login)
    assert client.server_proven


@pytest.mark.parametrize("login", ["anna", "nobody"])
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_password_and_an_unknown_login_fail_alike(name: str, login: str) -> None:
    plus = name.endswith("-PLUS")
    binding = Binding("tls-exporter", DATA["tls-exporter"]) if plus else None
    client = choose([name], Credentials(login, "guess"), nonce="client", binding=binding, plain_allowed=True)
    assert client is not None
    outcome = converse(begin(name, DATA.get if plus else None), client, PASSWORDS)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.CREDENTIALS
    assert client.server_proven is not name.startswith("SCRAM")


@pytest.mark.rfc("7677 §3", "MUST")
def test_scram_reproduces_the_example_of_the_rfc() -> None:
    server = start("scram-sha-256", nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", channel=None)
    assert server is not None
    assert server.respond(None) == Challenge(b"")
    assert server.respond(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == NeedKeys("user")
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    both = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    step = server.supply(ScramKeys(salt, 4096, (server_keys("pencil", salt, 4096),)))
    assert step == Challenge(both + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    step = server.respond(b"c=biws," + both + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert step == Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert server.respond(b"") == Success("user")


def test_our_scram_and_an_independent_one_agree() -> None:
    scramp = pytest.importorskip("scramp")
    other = scramp.ScramClient(["SCRAM-SHA-256"], "bo,b=", "pass, word=")
    server = begin("SCRAM-SHA-256")
    assert isinstance(server.respond(other.get_client_first().encode()), NeedKeys)
    step = server.supply(keys_of("pass, word="))
    assert isinstance(step, Challenge)
    other.set_server_first(step.octets.decode())
    step = server.respond(other.get_client_final().encode())
    assert isinstance(step, Challenge)
    other.set_server_final(step.octets.decode())
    assert server.respond(b"") == Success("bo,b=")


def test_an_independent_scram_server_believes_our_client() -> None:
    scramp = pytest.importorskip("scramp")
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    salt, stored, key, rounds = mechanism.make_auth_info("secret", iteration_count=4096)
    other = mechanism.make_server(lambda _name: (salt, stored, key, rounds))
    client = choose(
        ["SCRAM-SHA-256"], Credentials("anna", "secret"), nonce="client", binding=None, plain_allowed=False
    )
    assert client is not None
    assert client.initial is not None
    other.set_client_first(client.initial.decode())
    other.set_client_final(client.respond(other.get_server_first().encode()).decode())
    assert client.respond(other.get_server_final().encode()) == b""
    assert client.server_proven


def test_several_passwords_of_a_login_and_which_one_was_used() -> None:
    salt = bytes(16)
    app = server_keys("app password", salt, 4096)
    pairs = (server_keys("own", salt, 4096), KeyPair(app.stored_key, app.server_key, 7))
    client = choose(
        ["SCRAM-SHA-256"], Credentials("anna", "app password"), nonce="c", binding=None, plain_allowed=False
    )
    assert client is not None
    server = begin("SCRAM-SHA-256")
    server.respond(client.initial)
    step = server.supply(ScramKeys(salt, 4096, pairs))
    assert isinstance(step, Challenge)
    step = server.respond(client.respond(step.octets))
    assert isinstance(step, Challenge)
    client.respond(step.octets)
    assert client.server_proven
    assert server.respond(b"") == Success("anna", "", 7)


@pytest.mark.rfc("4422 §3.4.1", "MUST")
@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256"])
def test_the_authorization_identity_is_carried(name: str) -> None:
    credentials = Credentials("anna", "secret", authorization="boss,=")
    client = choose([name], credentials, nonce="c", binding=None, plain_allowed=True)
    assert client is not None
    assert converse(begin(name), client, PASSWORDS) == Success("anna", "boss,=")


@pytest.mark.rfc("5802 §6", "MUST")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SCRAM-SHA-256", b"y,,n=anna,r=c"),  # -PLUS was offered, and the client did not see it
        ("SCRAM-SHA-256", b"p=tls-exporter,,n=anna,r=c"),  # binding belongs to -PLUS
        ("SCRAM-SHA-256-PLUS", b"n,,n=anna,r=c"),
        ("SCRAM-SHA-256-PLUS", b"y,,n=anna,r=c"),
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=anna,r=c"),  # a kind we cannot give
    ],
)
def test_binding_is_negotiated_or_fails(name: str, message: bytes) -> None:
    step = begin(name, DATA.get).respond(message)
    assert isinstance(step, Failure)
    assert step.reason is Reason.CHANNEL_BINDING


@pytest.mark.rfc("5802 §6", "MUST")
def test_a_client_on_another_channel_fails() -> None:
    elsewhere = Binding("tls-exporter", b"X" * 32)
    client = choose(
        ["SCRAM-SHA-256-PLUS"],
        Credentials("anna", "secret"),
        nonce="c",
        binding=elsewhere,
        plain_allowed=False,
    )
    assert client is not None
    outcome = converse(begin("SCRAM-SHA-256-PLUS", DATA.get), client, PASSWORDS)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.CHANNEL_BINDING


def test_a_client_that_cannot_bind_uses_plain_scram_where_binding_is_offered() -> None:
    client = choose(
        ["SCRAM-SHA-256"], Credentials("anna", "secret"), nonce="c", binding=None, plain_allowed=False
    )
    assert client is not None
    assert converse(begin("SCRAM-SHA-256", DATA.get), client, PASSWORDS) == Success("anna")


@pytest.mark.rfc("5802 §5.1", "MUST")
@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n,,n=anna",
        b"n,,r=c,n=anna",
        b"n,,m=future,n=anna,r=c",  # a mandatory extension
        b"n,,n=an=na,r=c",  # '=' that escapes nothing
        b"n,,n=an\xffna,r=c",
        b"n,,n=anna,r=c\x00",
        b"q,,n=anna,r=c",
        b"n,,n=\xc2\xad,r=c",  # empty once prepared
    ],
)
def test_a_first_message_that_is_none_fails(message: bytes) -> None:
    assert isinstance(begin("SCRAM-SHA-256").respond(message), Failure)


@pytest.mark.rfc("5802 §5.1", "MUST")
def test_unknown_optional_extensions_are_ignored() -> None:
    assert begin("SCRAM-SHA-256").respond(b"n,,n=anna,r=c,x=future") == NeedKeys("anna")


@pytest.mark.rfc("5802 §5.1", "MUST")
def test_a_changed_nonce_fails() -> None:
    client = choose(
        ["SCRAM-SHA-256"], Credentials("anna", "secret"), nonce="c", binding=None, plain_allowed=False
    )
    assert client is not None
    server = begin("SCRAM-SHA-256")
    server.respond(client.initial)
    step = server.supply(keys_of("secret"))
    assert isinstance(step, Challenge)
    tampered = client.respond(step.octets).replace(b"server-nonce", b"another-one!")
    assert isinstance(server.respond(tampered), Failure)


@pytest.mark.rfc("4616 §2", "MUST")
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"anna\0secret", Reason.MALFORMED),
        (b"\0anna\0sec\0ret", Reason.MALFORMED),
        (b"\0\0secret", Reason.CREDENTIALS),
        (b"\0anna\0", Reason.CREDENTIALS),
        (b"\0anna\0\xff", Reason.CREDENTIALS),
        (b"\0anna\0\x07", Reason.CREDENTIALS),
        (b"\0" + b"a" * (MAX_IDENTITY_OCTETS + 1) + b"\0p", Reason.TOO_LONG),
        (b"\0a\0" + b"p" * (MAX_PASSWORD_OCTETS + 1), Reason.TOO_LONG),
    ],
)
def test_plain_that_is_none_fails_before_any_look_up(message: bytes, reason: Reason) -> None:
    step = begin("PLAIN").respond(message)
    assert isinstance(step, Failure)
    assert step.reason is reason


@pytest.mark.rfc("4616 §2", "MUST")
def test_names_and_passwords_of_255_octets_are_taken() -> None:
    message = b"\0" + b"a" * 255 + b"\0" + b"p" * 255
    assert begin("PLAIN").respond(message) == CheckPassword("a" * 255, "p" * 255)


def test_login_sends_the_prompts_that_old_clients_expect() -> None:
    server = begin("LOGIN")
    assert server.respond(None) == Challenge(b"Username:")
    assert server.respond(b"anna") == Challenge(b"Password:")
    assert server.respond(b"secret") == CheckPassword("anna", "secret")
    assert server.decide(granted=True) == Success("anna")


def test_a_password_is_in_no_representation() -> None:
    assert "secret" not in repr(CheckPassword("anna", "secret"))
    assert "secret" not in repr(Credentials("anna", "secret"))


@pytest.mark.parametrize("name", NAMES)
def test_a_response_has_a_limit(name: str) -> None:
    step = begin(name, DATA.get).respond(b"x" * (MAX_RESPONSE_OCTETS + 1))
    assert isinstance(step, Failure)
    assert step.reason is Reason.TOO_LONG


@given(st.sampled_from(NAMES), st.lists(st.binary(max_size=60), max_size=5))
@settings(max_examples=200)
def test_no_octets_break_a_mechanism(name: str, responses: list[bytes]) -> None:
    server = begin(name, DATA.get)
    for response in responses:
        step = server.respond(response)
        match step:
            case CheckPassword():
                step = server.decide(granted=False)
            case NeedKeys():
                step = server.supply(keys_of("secret"))
        if isinstance(step, Failure):
            return
        assert isinstance(step, Challenge)


def test_what_is_offered_depends_on_the_connection() -> None:
    everything = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert offered(tls=True, plain_allowed=False, binding=True) == everything
    assert offered(tls=True, plain_allowed=False, binding=False) == everything[1:]
    assert offered(tls=False, plain_allowed=True, binding=False) == everything[1:]
    assert offered(tls=False, plain_allowed=False, binding=False) == ()
    assert start("CRAM-MD5", nonce="n", channel=None) is None
    assert start("SCRAM-SHA-256-PLUS", nonce="n", channel=None) is None
