"""What the client's side refuses, and how it chooses."""

import pytest

from pillarbox.protocol.sasl.client import Binding, ClientExchange, Credentials, choose
from pillarbox.protocol.sasl.exchange import AuthenticationFailed

ANNA = Credentials("anna", "secret")


def scram() -> ClientExchange:
    client = choose(["SCRAM-SHA-256"], ANNA, nonce="client", binding=None, plain_allowed=False)
    assert client is not None
    return client


@pytest.mark.rfc("5802 §5.1", "MUST")
@pytest.mark.parametrize(
    "message",
    [
        b"r=other-nonce,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096",
        b"r=client,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096",
        b"r=client-server,s=AAAAAAAAAAAAAAAAAAAAAA==,i=1",
        b"r=client-server,s=AAAAAAAAAAAAAAAAAAAAAA==,i=999999999",
        b"r=client-server,s=AAA,i=4096",
        b"m=x,r=client-server,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096",
        b"e=other-error",
        b"",
    ],
)
def test_a_server_that_cheats_is_refused(message: bytes) -> None:
    with pytest.raises(AuthenticationFailed):
        scram().respond(message)


@pytest.mark.rfc("5802 §3", "MUST")
@pytest.mark.parametrize("final", [b"v=AAAA", b"e=invalid-proof", b"", b"v=" + b"A" * 43 + b"="])
def test_a_server_that_does_not_know_the_password_is_refused(final: bytes) -> None:
    client = scram()
    client.respond(b"r=client-server,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096")
    with pytest.raises(AuthenticationFailed):
        client.respond(final)
    assert not client.server_proven


def test_the_strongest_common_mechanism_is_chosen() -> None:
    names = ["LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]
    binding = Binding("tls-exporter", b"x")

    def chosen(
        offered: list[str], binding: Binding | None = None, *, plain_allowed: bool = True
    ) -> str | None:
        client = choose(offered, ANNA, nonce="n", binding=binding, plain_allowed=plain_allowed)
        return client.name if client else None

    assert chosen(names, binding) == "SCRAM-SHA-256-PLUS"
    assert chosen(names) == "SCRAM-SHA-256"
    assert chosen(names[:2]) == "PLAIN"
    assert chosen(names[:1]) == "LOGIN"
    assert chosen(names[:2], plain_allowed=False) is None
    assert chosen(["GSSAPI"]) is None


@pytest.mark.rfc("5802 §6", "MUST")
def test_a_client_without_an_offered_plus_mechanism_sends_the_y_flag() -> None:
    client = choose(
        ["SCRAM-SHA-256"], ANNA, nonce="n", binding=Binding("tls-exporter", b"x"), plain_allowed=True
    )
    assert client is not None
    assert client.initial is not None
    assert client.initial.startswith(b"y,,")
