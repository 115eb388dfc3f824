"""Submission: TLS, AUTH, and what a message of our own users must be (RFC 6409, 8314, 4954)."""

import base64

import pytest

from pillarbox.protocol.sasl.client import Credentials, choose
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.command_counts import SessionLimits
from tests.kit.smtp.provider import PASSWORD, SmtpClient, SmtpProvider, run_with_smtp


def credentials(login: str = "anna@one.example", password: str = PASSWORD) -> str:
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


async def logged_in(provider: SmtpProvider, **options: object) -> SmtpClient:
    client = provider.client(Role.SUBMISSION, tls=True, **options)
    await client.greet()
    assert await client.say(f"AUTH PLAIN {credentials()}") == "235 2.7.0 Authentication successful\r\n"
    return client


async def submit(client: SmtpClient, message: str, *recipients: str, sender: str = "anna@one.example") -> str:
    recipients = recipients or ("x@elsewhere.example",)
    await client.say(f"MAIL FROM:<{sender}>")
    for recipient in recipients:
        await client.say(f"RCPT TO:<{recipient}>")
    await client.say("DATA")
    return await client.say(message.encode() + b"\r\n.\r\n")


def test_tls_comes_before_auth_and_auth_before_mail() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION)
        offer = await client.greet()
        assert "STARTTLS" in offer
        assert "AUTH" not in offer
        assert (
            await client.say("MAIL FROM:<anna@one.example>")
            == "530 5.7.0 Must issue a STARTTLS command first\r\n"
        )
        assert await client.say(f"AUTH PLAIN {credentials()}") == (
            "538 5.7.11 Encryption required for authentication\r\n"
        )
        assert await client.say("STARTTLS") == "220 2.0.0 Ready to start TLS\r\n"
        offer = await client.say("EHLO client.example")
        assert "STARTTLS" not in offer
        assert "250-REQUIRETLS" in offer
        assert "250 AUTH SCRAM-SHA-256 PLAIN LOGIN" in offer
        assert await client.say("MAIL FROM:<anna@one.example>") == "530 5.7.0 Authentication required\r\n"
        assert await client.codes(f"AUTH PLAIN {credentials()}") == [235]
        assert await client.codes(f"AUTH PLAIN {credentials()}") == [503]
        assert "AUTH" not in await client.say("EHLO client.example")
        assert await client.codes(
            "MAIL FROM:<anna@one.example> AUTH=<>", "RCPT TO:<x@elsewhere.example>"
        ) == [250, 250]

    run_with_smtp(test)


@pytest.mark.rfc("3207 §4.2", "MUST")
def test_nothing_sent_before_starttls_survives_it() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.MX)
        await client.greet()
        assert await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>") == [250, 250]
        answer = await client.say(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@mail.example>\r\n")
        assert answer == "220 2.0.0 Ready to start TLS\r\n"
        assert (
            "octets before TLS dropped",
            {"address": "192.0.2.7", "octets": 50},
        ) in provider.telemetry.events
        assert (
            await client.codes("DATA", "RCPT TO:<anna@one.example>", "MAIL FROM:<a@mail.example>")
            == [503] * 3
        )
        await client.say("EHLO client.example")
        assert await client.codes("STARTTLS", "DATA") == [503, 503]

    run_with_smtp(test)


def test_starttls_without_a_certificate() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        client.connection._tls_available = False
        assert "STARTTLS" not in await client.greet()
        assert await client.codes("STARTTLS", "NOOP") == [454, 250]

    run_with_smtp(test)


def test_auth_in_its_forms() -> None:
    async def test(provider: SmtpProvider) -> None:
        for lines, code in [
            (["AUTH PLAIN", credentials()], 235),
            (["auth plain", credentials("anna")], 235),
            (["AUTH LOGIN", b64("anna@one.example"), b64(PASSWORD)], 235),
            (["AUTH LOGIN " + b64("anna@one.example"), b64(PASSWORD)], 235),
            ([f"AUTH PLAIN {credentials(password='wrong')}"], 535),
            ([f"AUTH PLAIN {credentials('nobody@one.example')}"], 535),
            (["AUTH PLAIN", "*"], 501),
            (["AUTH PLAIN", "????"], 501),
            (["AUTH PLAIN", "x" * 13_000], 500),
            (["AUTH CRAM-MD5"], 504),
            (["AUTH SCRAM-SHA-256-PLUS"], 504),
        ]:
            client = provider.client(Role.SUBMISSIONS, tls=True)
            await client.greet()
            answers = [await client.say(line) for line in lines]
            assert int(answers[-1][:3]) == code, (lines, answers)
            assert all(answer.startswith("334 ") for answer in answers[:-1])
            assert await client.codes("NOOP") == [250]

    run_with_smtp(test)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.rfc("4954 §4", "MUST")
def test_an_empty_challenge_keeps_its_space() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        assert await client.say("AUTH PLAIN") == "334 \r\n"

    run_with_smtp(test)


@pytest.mark.rfc("4954 §4", "MUST")
def test_no_auth_in_a_transaction() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        assert await client.codes("MAIL FROM:<anna@one.example>", f"AUTH PLAIN {credentials()}") == [250, 503]

    run_with_smtp(test)


@pytest.mark.rfc("4954 §9", "SHOULD NOT")
def test_failed_logins_end_the_session_but_not_before_three() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, tls=True, session_limits=SessionLimits(authentications=4))
        await client.greet()
        assert await client.codes(*["AUTH CRAM-MD5"] * 5) == [504] * 5  # no attempt at a password
        assert await client.codes(*["AUTH PLAIN", "*"] * 3) == [334, 501] * 3
        await client.say("AUTH PLAIN")
        assert "421 4.7.0" in await client.say("*")
        assert not client.connection.open

    run_with_smtp(test)


def test_plain_text_logins_where_they_are_allowed() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, plain_passwords=True)
        assert "AUTH SCRAM-SHA-256 PLAIN LOGIN" in await client.greet()
        assert await client.codes(f"AUTH PLAIN {credentials()}", "MAIL FROM:<anna@one.example>") == [235, 250]

    run_with_smtp(test)


def test_a_submission_is_completed_and_queued() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await client.say("MAIL FROM:<anna@one.example> REQUIRETLS")
        await client.codes("RCPT TO:<x@Elsewhere.Example>", "RCPT TO:<bert@one.example>", "DATA")
        answer = await client.say(
            b"From: Anna <anna@one.example>\r\nTo: x@elsewhere.example\r\nBcc: bert@one.example\r\n"
            b"Return-Path: <anna@one.example>\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
        )
        trace_id = answer.split()[-1]
        [queued] = provider.queued()
        assert queued["octets"].decode() == (
            "Received: from client.example ([192.0.2.7])\r\n"
            f"\tby mx.one.example with ESMTPSA id {trace_id}\r\n"
            "\ttls TLS_AES_256_GCM_SHA384;\r\n"
            "\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
            f"Message-ID: <{trace_id}@one.example>\r\n"
            "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
            "From: Anna <anna@one.example>\r\nTo: x@elsewhere.example\r\nSubject: x\r\n\r\nbody\r\n"
        )
        assert (queued["address"], queued["destination"]) == ("x@Elsewhere.Example", "elsewhere.example")
        assert (queued["account"], queued["require_tls"]) == (provider.people["anna"], 1)
        [rested] = provider.inbox("bert")
        assert rested == b"Return-Path: <anna@one.example>\r\n" + queued["octets"]

    run_with_smtp(test)


@pytest.mark.rfc("6409 §6.1", "MAY")
def test_the_sender_must_own_reverse_path_and_from() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        assert await client.say("MAIL FROM:<bert@one.example>") == (
            "550 5.7.1 Sender address rejected: not owned by user\r\n"
        )
        assert await client.codes("MAIL FROM:<x@elsewhere.example>", "MAIL FROM:<x@two.example>") == [
            550,
            550,
        ]
        for sender in ("anna@one.example", "Anna+shop@one.example", "info@one.example"):
            assert await client.codes(f"MAIL FROM:<{sender}>", "RSET") == [250, 250], sender
        for written, code in [
            ("anna@one.example", "250"),
            ('"The Boss" <Anna@ONE.example>', "250"),
            ("info@one.example", "250"),
            ("bert@one.example", "550"),
            ("anna@one.example, bert@one.example", "550"),
            ("x@elsewhere.example", "550"),
            ("nobody at all", "550"),
            ("undisclosed-recipients:;", "554"),
        ]:
            assert (await submit(client, f"From: {written}\r\n\r\n"))[:3] == code, written
        twice = "From: anna@one.example\r\nFrom: bert@one.example\r\n\r\n"
        assert (await submit(client, twice)).startswith("550 5.7.1")
        assert (await submit(client, "From: anna@one.example\r\n\r\n", sender="")).startswith("250")

    run_with_smtp(test)


def test_a_header_must_be_readable_as_a_whole() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        many = "X: y\r\n" * 5000 + "From: anna@one.example\r\nBcc: secret@x.example\r\n\r\n"
        assert (await submit(client, many)).startswith("554 5.6.0")
        long = "X: " + "y" * 1_100_000 + "\r\nBcc: secret@x.example\r\nFrom: anna@one.example\r\n\r\n"
        await client.codes("MAIL FROM:<anna@one.example>", "RCPT TO:<x@elsewhere.example>", "DATA")
        octets = long.encode() + b".\r\n"
        for start in range(0, len(octets), 65_536):
            answer = await client.say(octets[start : start + 65_536])
        assert answer.startswith("554 5.6.0")
        assert provider.queued() == []

    run_with_smtp(test)


def test_eight_bit_text_is_marked_for_the_next_hop() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await submit(client, "From: anna@one.example\r\n\r\nplain")
        await submit(client, "From: anna@one.example\r\n\r\nfür")
        assert [queued["body"] for queued in provider.queued()] == ["7BIT", "8BITMIME"]

    run_with_smtp(test)


def test_a_loop_of_submissions_ends_too() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        message = "Received: x\r\n" * 101 + "From: anna@one.example\r\n\r\n"
        assert (await submit(client, message)).startswith("554 5.4.6")

    run_with_smtp(test)


def test_scram() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        exchange = choose(
            ("SCRAM-SHA-256",),
            Credentials("anna@one.example", PASSWORD),
            nonce="fyko+d2lbbFgONRv9qkxdawL",
            binding=None,
            plain_allowed=False,
        )
        assert exchange is not None
        answer = await client.say("AUTH SCRAM-SHA-256 " + base64.b64encode(exchange.initial or b"").decode())
        while answer.startswith("334 "):
            response = exchange.respond(base64.b64decode(answer[4:]))
            answer = await client.say(base64.b64encode(response) + b"\r\n")
        assert answer.startswith("235")
        assert exchange.server_proven

    run_with_smtp(test)
