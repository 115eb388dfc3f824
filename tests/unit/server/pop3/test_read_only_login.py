"""A login with an app password that may only read."""

import asyncio
from base64 import b64encode

import pytest

from pillarbox.directory.sign_in.app_passwords import Scope
from tests.kit.pop3.client import Pop3Client
from tests.kit.provider import open_provider

MESSAGE = b"Subject: hi\r\n\r\nlast\r\n"


@pytest.mark.parametrize("way", ["USER", "AUTH"])
def test_nothing_is_deleted(way: str) -> None:
    async def play() -> None:
        provider = await open_provider()
        await provider.deliver(0, MESSAGE)
        password = await provider.app_password(0, Scope.POP3, read_only=True)
        client = Pop3Client(provider)
        await client.session.opened()
        if way == "USER":
            await client.send(b"USER u0")
            assert (await client.send(b"PASS " + password.encode())).startswith(b"+OK")
        else:
            initial = b64encode(f"\0u0\0{password}".encode())
            assert (await client.send(b"AUTH PLAIN " + initial)).startswith(b"+OK")
        for number in (b"1", b"7"):
            refused = await client.send(b"DELE " + number)
            assert refused == b"-ERR [SYS/PERM] This app password is read-only.\r\n"
        other = Pop3Client(provider)
        assert (await other.log_in()).startswith(b"+OK 1 "), "the maildrop is not locked"
        for line in (b"NOOP", b"STAT", b"LIST", b"UIDL", b"RETR 1", b"TOP 1 1", b"RSET", b"QUIT"):
            assert (await client.send(line)).startswith(b"+OK"), line
        assert provider.messages(0) == 1
        assert (await other.send(b"DELE 1")).startswith(b"+OK")
        await other.send(b"QUIT")
        assert provider.messages(0) == 0
        await provider.close()

    asyncio.run(play())
