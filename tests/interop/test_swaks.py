"""swaks: every mechanism it has, STARTTLS and TLS, at each of our SMTP doors."""

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.programs import run
from tests.interop.reading import messages

pytestmark = pytest.mark.interop

WAYS = {
    "submission": ("--tls",),
    "submissions": ("--tls-on-connect",),
    "smtp": ("--tls",),
    "lmtp": ("--tls", "--protocol", "LMTP"),
}


def swaks(provider: Demo, door: str, sender: str, to: str, *options: str, expect: int | None = 0) -> str:
    """The output of swaks."""
    done = run(
        "swaks", "--server", "localhost", "--port", str(provider.ports[door]), "--ehlo", "client.example",
        "--from", sender, "--to", to, "--tls-verify", "--tls-ca-path", provider.authority,
        "--header", "Subject: by swaks", "--body", ".one dot\\n..two", "--timeout", "30", *options, expect=expect,
    )  # fmt: skip
    return done.stdout.decode() + done.stderr.decode()


def login(person: Person, mechanism: str) -> tuple[str, ...]:
    return "--auth", mechanism, "--auth-user", person.login, "--auth-password", person.password


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("door", ["submission", "submissions"])
def test_submission(any_provider: Demo, door: str, mechanism: str) -> None:
    sender, receiver = any_provider.newcomer(), any_provider.newcomer()
    addresses = f"{receiver.address},{sender.address}"
    swaks(any_provider, door, sender.address, addresses, *WAYS[door], *login(sender, mechanism))
    for person in (sender, receiver):
        [octets] = messages(any_provider, person)
        assert b"Subject: by swaks\r\n" in octets
        assert b"\r\n\r\n.one dot\r\n..two\r\n" in octets


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("pipelining", [(), ("--pipeline",)], ids=["one by one", "pipelined"])
def test_mail_from_elsewhere(any_provider: Demo, door: str, pipelining: tuple[str, ...]) -> None:
    receiver = any_provider.newcomer()
    swaks(any_provider, door, "ann@two.example", receiver.address, *WAYS[door], *pipelining)
    swaks(any_provider, door, "ann@two.example", receiver.address, *WAYS[door][1:], *pipelining)
    secured, clear = messages(any_provider, receiver)
    assert (b"with ESMTPS id" if door == "smtp" else b"with LMTPS id") in secured
    assert (b"with ESMTP id" if door == "smtp" else b"with LMTP id") in clear


def test_without_tls_only_the_plain_one_takes_a_password(any_provider: Demo) -> None:
    person = any_provider.newcomer()
    said = swaks(
        any_provider, "submission", person.address, person.address, *login(person, "PLAIN"),
        expect=0 if any_provider.plain else 28,
    )  # fmt: skip
    assert ("235 2.7.0" in said) == any_provider.plain
    assert len(messages(any_provider, person)) == int(any_provider.plain)


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "DIGEST-MD5", "NTLM"])
def test_mechanisms_of_the_past_are_not_offered(provider: Demo, mechanism: str) -> None:
    person = provider.newcomer()
    said = swaks(
        provider,
        "submission",
        person.address,
        person.address,
        "--tls",
        *login(person, mechanism),
        expect=None,
    )
    assert "250 2.0.0" not in said
    assert messages(provider, person) == []


def test_nothing_is_relayed_without_authentication(provider: Demo) -> None:
    said = swaks(provider, "smtp", "ann@two.example", "bob@elsewhere.example", "--tls", expect=24)
    assert "<** 550 5.7.1" in said or "<~* 550 5.7.1" in said
    said = swaks(provider, "submission", "u0@one.example", "u1@one.example", "--tls", expect=23)
    assert "530 5.7.0" in said


def test_the_sender_must_belong_to_the_account(provider: Demo) -> None:
    mine, other = provider.newcomer(), provider.newcomer()
    said = swaks(
        provider, "submission", other.address, mine.address, "--tls", *login(mine, "PLAIN"), expect=None
    )
    assert "250 2.0.0" not in said
    said = swaks(
        provider, "submission", mine.address, mine.address, "--tls", *login(mine, "PLAIN"),
        "--header", f"From: {other.address}", expect=26,
    )  # fmt: skip
    assert messages(provider, mine) == []
