"""BDAT (RFC 3030 §2)."""

import pytest

from pillarbox.config.sections.limits import Limits
from pillarbox.protocol.smtp.capabilities import Role
from tests.kit.smtp.provider import SmtpClient, SmtpProvider, run_with_smtp

MESSAGE = b"Subject: x\r\n\r\nbody\r\n.\r\n..more\r\n"


async def addressed(client: SmtpClient, recipient: str = "anna@one.example") -> None:
    await client.greet()
    await client.codes("MAIL FROM:<a@mail.example>", f"RCPT TO:<{recipient}>")


def test_chunks_make_a_message_as_it_is_dots_and_all() -> None:
    async def test(provider: SmtpProvider) -> None:
        for cuts in ([len(MESSAGE)], [0, len(MESSAGE)], [1] * len(MESSAGE), [5, len(MESSAGE) - 5, 0]):
            client = provider.client()
            await addressed(client)
            start, answers = 0, ""
            for at, octets in enumerate(cuts):
                last = b" LAST" if at == len(cuts) - 1 else b""
                answers += await client.say(
                    b"BDAT %d%b\r\n" % (octets, last) + MESSAGE[start : start + octets]
                )
                start += octets
            codes = [line[:3] for line in answers.splitlines()]
            assert codes == ["250"] * len(cuts)
            assert provider.inbox("anna")[-1].endswith(b"+0000\r\n" + MESSAGE)

    run_with_smtp(test)


@pytest.mark.rfc("3030 §4.2", "MUST")
def test_all_in_one_read() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        once = (
            b"MAIL FROM:<a@mail.example>\r\nRCPT TO:<anna@one.example>\r\n"
            b"BDAT 12\r\nSubject: x\r\nBDAT 8\r\n\r\nbody\r\nBDAT 0 LAST\r\n"
        )
        answers = await client.say(once + once + b"QUIT\r\n")
        assert [line[:3] for line in answers.splitlines()] == ["250"] * 10 + ["221"]
        assert len(provider.inbox("anna")) == 2

    run_with_smtp(test)


@pytest.mark.rfc("3030 §2", "MUST")
def test_out_of_order() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        assert await client.say(b"BDAT 6 LAST\r\nQUIT\r\n") == "503 5.5.1 Need MAIL command\r\n"
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<nobody@one.example>")
        # no recipient was accepted: each chunk is read, refused, and dropped
        answers = await client.say(b"BDAT 6\r\nQUIT\r\nBDAT 6\r\nRSET\r\nBDAT 0 LAST\r\n")
        assert [line[:3] for line in answers.splitlines()] == ["503"] * 3
        assert await client.codes("BDAT 0 LAST") == [503]
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>")
        assert (await client.say(b"BDAT 3\r\nabc")).startswith("250 2.0.0 3 octets received")
        assert (
            await client.codes("DATA", "MAIL FROM:<a@mail.example>", "RCPT TO:<bert@one.example>")
            == [503] * 3
        )
        assert await client.codes("RSET", "DATA") == [250, 503]
        assert provider.inbox("anna") == []

    run_with_smtp(test)


def test_after_the_last_comes_a_new_transaction() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await addressed(client)
        assert await client.codes("BDAT 0 LAST") == [250]
        assert await client.codes("BDAT 0 LAST", "DATA") == [503, 503]

    run_with_smtp(test)


def test_a_size_that_cannot_be_read_ends_the_session() -> None:
    async def test(provider: SmtpProvider) -> None:
        for command in (
            "BDAT",
            "BDAT x",
            "BDAT -5",
            "BDAT 5 FIRST",
            "BDAT 999999999999999999999",
            "BDAT 0x10",
        ):
            client = provider.client()
            await addressed(client)
            answer = await client.say(command.encode() + b"\r\nMAIL FROM:<evil@mail.example>\r\n")
            assert answer.startswith("501 5.5.4"), command
            assert answer.count("\r\n") == 1
            assert not client.connection.open

    run_with_smtp(test)


def test_chunks_have_the_message_limit() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(limits=Limits(message_octets=100))
        await addressed(client)
        assert (await client.say(b"BDAT 60\r\n" + b"x" * 60)).startswith("250")
        # the chunk that goes too far is read, the message is lost for the sender to know, and so are the rest
        assert (await client.say(b"BDAT 60\r\n" + b"x" * 60)).startswith("552 5.3.4")
        assert await client.codes("MAIL FROM:<a@mail.example>") == [503]
        assert (await client.say(b"BDAT 3 LAST\r\nabc")).startswith("503")
        assert await client.codes("MAIL FROM:<a@mail.example>") == [250]
        assert provider.inbox("anna") == []

    run_with_smtp(test)


def test_an_absurd_chunk_is_refused_at_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await addressed(client)
        assert await client.say("BDAT 99999999999 LAST") == "552 5.3.4 Message size exceeds fixed limit\r\n"
        assert not client.connection.open

    run_with_smtp(test)


def test_a_huge_chunk_is_not_kept() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(limits=Limits(message_octets=1_000_000))
        await addressed(client)
        assert await client.say(b"BDAT 16000000 LAST\r\n" + b"x" * 10_000) == ""
        for _ in range(100):
            assert await client.say(b"x" * 65_536) == ""
        assert client.session.machine.buffered == 0
        assert client.connection.open

    run_with_smtp(test)


@pytest.mark.rfc("2033 §4.3", "MUST")
def test_lmtp_answers_the_last_chunk_for_each_recipient() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await addressed(client)
        await client.codes(
            "RCPT TO:<nobody@one.example>", "RCPT TO:<bert@one.example>", "RCPT TO:<anna@one.example>"
        )
        answers = await client.say(b"BDAT 12\r\nSubject: x\r\nBDAT 2 LAST\r\n\r\n")
        assert [line[:3] for line in answers.splitlines()] == ["250"] * 4
        assert [len(provider.inbox(login)) for login in ("anna", "bert")] == [1, 1]
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<nobody@one.example>")
        assert await client.say("BDAT 0 LAST") == ""

    run_with_smtp(test)
