"""Large messages: spilled to a file, whole in the store and in the queue."""

import asyncio
import email
from dataclasses import replace
from pathlib import Path

from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.world.blobs import FileBlobs
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp


def test_a_large_message_is_the_same_here_and_elsewhere(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.world = replace(provider.world, blobs=FileBlobs(tmp_path))
        client = provider.client(Role.MX)
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<both@one.example>", "DATA")
        message = b"Subject: large\r\n\r\n" + (b"y" * 76 + b"\r\n") * 30_000
        sent = message + b".\r\n"
        for start in range(0, len(sent), 65_536):
            answer = await client.say(sent[start : start + 65_536])
        assert answer.startswith("250")
        [rested] = provider.inbox("anna")
        [queued] = provider.queued()
        assert rested.endswith(b"+0000\r\n" + message)
        assert rested == b"Return-Path: <a@mail.example>\r\n" + queued["octets"]
        assert not list((tmp_path / "incoming").iterdir())

    run_with_smtp(test)


def test_a_large_binary_message_is_placed_in_base64_and_queued_as_it_came(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.world = replace(provider.world, blobs=FileBlobs(tmp_path))
        client = provider.client(Role.MX)
        await client.greet()
        body = bytes(range(256)) * 8_000
        message = b"Subject: large\r\nContent-Transfer-Encoding: binary\r\n\r\n" + body
        await client.codes("MAIL FROM:<a@mail.example> BODY=BINARYMIME", "RCPT TO:<both@one.example>")
        assert (await client.say(b"BDAT %d LAST\r\n" % len(message) + message)).startswith("250")
        placed = email.message_from_bytes(provider.inbox("anna")[0])
        assert placed.get_payload(decode=True) == body
        [queued] = provider.queued()
        assert queued["octets"].endswith(message)
        assert not list((tmp_path / "incoming").iterdir())
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2

    run_with_smtp(test)


def test_a_connection_that_ends_leaves_no_file(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.world = replace(provider.world, blobs=FileBlobs(tmp_path))
        client = provider.client()
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        for _ in range(30):
            await client.say(b"x" * 998 + b"\r\n" + b"y" * 64_000 + b"\r\n")
        assert list((tmp_path / "incoming").iterdir())
        client.session.closed()
        assert not list((tmp_path / "incoming").iterdir())

    run_with_smtp(test)


def test_what_happens_when_the_disk_is_full(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.world = replace(provider.world, blobs=FileBlobs(tmp_path))
        (tmp_path / "incoming").rmdir()
        client = provider.client()
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        for _ in range(30):
            # nothing is said before the end of the message, or it would answer another command
            assert await client.say(b"x" * 65_534 + b"\r\n") == ""
        assert await client.say(b".\r\n") == "452 4.3.1 Insufficient system storage\r\n"
        assert await client.codes("NOOP") == [250]

    run_with_smtp(test)


def test_many_sessions_at_once_share_the_commit() -> None:
    async def test(provider: SmtpProvider) -> None:
        async def one(login: str) -> None:
            client = provider.client()
            await client.greet()
            for _ in range(5):
                await client.codes("MAIL FROM:<a@mail.example>", f"RCPT TO:<{login}@one.example>", "DATA")
                assert (await client.say(b"Subject: x\r\n\r\n.\r\n")).startswith("250")

        await asyncio.gather(*(one(login) for login in ("anna", "bert", "cleo") * 5))
        assert [len(provider.inbox(login)) for login in ("anna", "bert", "cleo")] == [25] * 3

    run_with_smtp(test)
