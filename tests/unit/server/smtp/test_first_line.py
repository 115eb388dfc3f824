"""Whatever a message begins with, what we write above it says what we mean."""

import base64

import pytest

from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.capabilities import Role
from tests.kit.smtp.provider import PASSWORD, SmtpClient, SmtpProvider, run_with_smtp

FIRST_LINES = [
    b" <ceo@bank.example>\r\n",
    b"\t(by other.example)\r\n",
    b" \r\n <ceo@bank.example>\r\n",
    b" \r\n",
]
REST = b"Subject: x\r\n\r\nbody\r\n"


async def sent(client: SmtpClient, message: bytes, recipient: str, *, by_chunk: bool) -> str:
    await client.say("MAIL FROM:<anna@one.example>")
    await client.say(f"RCPT TO:<{recipient}>")
    if by_chunk:
        return await client.say(b"BDAT %d LAST\r\n" % len(message) + message)
    await client.say("DATA")
    return await client.say(message + b".\r\n")


@pytest.mark.parametrize("by_chunk", [False, True])
@pytest.mark.parametrize("first", FIRST_LINES)
def test_at_the_mx_it_does_not_continue_received(first: bytes, by_chunk: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.MX)
        await client.greet()
        assert (await sent(client, first + REST, "bert@one.example", by_chunk=by_chunk)).startswith("250")
        (message,) = provider.inbox("bert")
        header, body_start = Header.parse(message)
        assert [field.key for field in header.fields] == [
            "return-path",
            "authentication-results",
            "received",
        ]
        assert first not in header.octets
        assert message[body_start:] == first + REST

    run_with_smtp(test)


@pytest.mark.parametrize("by_chunk", [False, True])
@pytest.mark.parametrize("first", FIRST_LINES)
def test_in_a_submission_it_does_not_continue_from(first: bytes, by_chunk: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        secret = base64.b64encode(f"\0anna@one.example\0{PASSWORD}".encode()).decode()
        assert await client.codes(f"AUTH PLAIN {secret}") == [235]
        assert (await sent(client, first + REST, "x@elsewhere.example", by_chunk=by_chunk)).startswith("250")
        (queued,) = provider.queued()
        header, body_start = Header.parse(queued["octets"])
        assert header.all("From") == [b"anna@one.example"]
        assert queued["octets"][body_start:] == first + REST

    run_with_smtp(test)


def test_results_of_authentication_cannot_be_brought_along() -> None:
    async def test(provider: SmtpProvider) -> None:
        claim = b"Authentication-Results: mx.one.example; dmarc=pass\r\n"
        for role, kept in ((Role.MX, False), (Role.LMTP, True)):
            client = provider.client(role)
            await client.greet()
            assert (await sent(client, claim + REST, "bert@one.example", by_chunk=False)).startswith("250")
            assert (claim in provider.inbox("bert")[-1]) is kept

    run_with_smtp(test)


def test_what_only_we_write_cannot_hide_beyond_the_fields_that_are_read() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.MX)
        await client.greet()
        hidden = b"X: y\r\n" * 5000 + b"Return-Path: <forged@mail.example>\r\n" + REST
        assert (await sent(client, hidden, "bert@one.example", by_chunk=False)).startswith("554 5.6.0")

    run_with_smtp(test)
