"""LMTP: one answer for each recipient (RFC 2033)."""

import pytest

from pillarbox.protocol.smtp.capabilities import Role
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp, set_quota


@pytest.mark.rfc("2033 §4.2", "MUST")
def test_one_answer_for_each_accepted_recipient() -> None:
    async def test(provider: SmtpProvider) -> None:
        set_quota(provider, "cleo", 1)
        client = provider.client(Role.LMTP)
        assert (await client.connect()).startswith("220 mx.one.example LMTP")
        offer = await client.say("LHLO queue.one.example")
        assert {"250-PIPELINING", "250-ENHANCEDSTATUSCODES", "250-8BITMIME"} <= set(offer.splitlines())
        await client.say("MAIL FROM:<a@mail.example>")
        recipients = [
            "anna@one.example",
            "nobody@one.example",
            "bert@one.example",
            "anna@one.example",
            "cleo@one.example",
        ]
        first = [await client.codes(f"RCPT TO:<{recipient}> NOTIFY=NEVER") for recipient in recipients]
        await client.say("DATA")
        answers = (await client.say(b"Subject: x\r\n\r\nbody\r\n.\r\n")).splitlines()
        assert first[:4] == [[250], [550], [250], [250]]
        assert len(answers) == sum(code == [250] for code in first)
        assert {answer[:3] for answer in answers} == {"250"}
        assert [len(provider.inbox(login)) for login in ("anna", "bert")] == [1, 1]
        assert b"with LMTP id" in provider.inbox("anna")[0]

    run_with_smtp(test)


@pytest.mark.rfc("2033 §4.1", "MUST NOT")
def test_smtp_is_not_taken_for_lmtp() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await client.connect()
        assert await client.codes("EHLO a.example", "HELO a.example", "MAIL FROM:<>", "LHLO a.example") == [
            500, 500, 503, 250,
        ]  # fmt: skip
        client = provider.client(Role.MX)
        await client.connect()
        assert await client.codes("LHLO a.example") == [500]

    run_with_smtp(test)


@pytest.mark.rfc("2033 §4.2", "MUST")
def test_data_without_recipients_is_503() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await client.greet()
        assert await client.codes("MAIL FROM:<>", "RCPT TO:<nobody@one.example>", "DATA") == [250, 550, 503]

    run_with_smtp(test)


def test_lmtp_does_not_relay_and_forwards_by_alias() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await client.greet()
        recipients = "RCPT TO:<x@elsewhere.example>", "RCPT TO:<away@one.example>"
        assert await client.codes("MAIL FROM:<>", *recipients) == [
            250, 550, 250,
        ]  # fmt: skip
        await client.codes("DATA")
        assert (await client.say(b".\r\n")).startswith("250")
        [queued] = provider.queued()
        assert queued["reverse_path"] is None  # the null path, not an empty string

    run_with_smtp(test)
