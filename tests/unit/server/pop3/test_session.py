"""Sessions on a real store: what transcripts cannot show easily (large mail, time, failures, many messages)."""

import asyncio
import base64
from array import array
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.mail.identifiers import UidValidity
from pillarbox.protocol.sasl import client as sasl
from pillarbox.server.login.outcome import Authenticated
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.server.pop3.retrieval import PART_OCTETS
from pillarbox.server.pop3.session import (
    AUTOLOGOUT_S,
    MAX_COMMANDS_BEFORE_LOGIN,
    MAX_FAILED_LOGINS,
    MAX_REFUSALS,
    Pop3Session,
)
from pillarbox.store import fetch, maildrop
from pillarbox.store.maildrop import LEASE_MS, MaildropMessages
from pillarbox.world.blobs import BlobMissing
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.pop3.client import Pop3Client
from tests.kit.provider import PASSWORD, Provider, open_provider

MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nlast\r\n"


def virtual_clock(provider: Provider) -> VirtualClock:
    clock = provider.world.clock
    assert isinstance(clock, VirtualClock)
    return clock


def scene(play: Callable[[Provider], Awaitable[None]]) -> None:
    async def whole() -> None:
        provider = await open_provider(clock=VirtualClock())
        await play(provider)
        for _ in range(5):
            await asyncio.sleep(0)
        await provider.close()

    asyncio.run(whole())


def test_a_session_answers_from_memory_without_ado() -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        assert await client.log_in() == b"+OK 1 messages (27 octets)\r\n"
        assert client.connection.deadline_s == AUTOLOGOUT_S >= 600  # RFC 1939 §3
        assert await client.send(b"STAT") == b"+OK 1 27\r\n"
        assert await client.send(b"RETR 1") == b"+OK 27 octets\r\nSubject: hi\r\n\r\n..dot\r\nlast\r\n.\r\n"

    scene(play)


@pytest.mark.rfc("1939 §7", "SHOULD NOT")
def test_unique_ids_are_stable_and_never_given_again() -> None:
    async def play(provider: Provider) -> None:
        for _ in range(3):
            await provider.deliver(0, MESSAGE)
        first = Pop3Client(provider)
        await first.log_in()
        before = (await first.send(b"UIDL")).split(b"\r\n")[1:4]
        await first.send(b"DELE 1")
        await first.send(b"DELE 3")
        await first.send(b"QUIT")
        await provider.deliver(0, MESSAGE)
        second = Pop3Client(provider)
        await second.log_in()
        after = (await second.send(b"UIDL")).split(b"\r\n")[1:3]
        ids_before, ids_after = ([line.split()[1] for line in lines] for lines in (before, after))
        assert ids_after[0] == ids_before[1]
        assert ids_after[1] not in ids_before
        assert all(1 <= len(name) <= 70 for name in ids_before)

    scene(play)


def test_numbers_stay_while_others_deliver_and_expunge() -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        await client.log_in()
        await provider.deliver(0, MESSAGE)
        assert await client.send(b"STAT") == b"+OK 1 27\r\n"
        await provider.expunge(0)
        assert await client.send(b"RETR 1") == b"-ERR Message has been expunged.\r\n"
        assert (await client.send(b"TOP 1 1")).startswith(b"-ERR")
        assert await client.send(b"STAT") == b"+OK 1 27\r\n"
        await client.send(b"DELE 1")
        assert (await client.send(b"QUIT")).startswith(b"+OK")

    scene(play)


@pytest.mark.parametrize("end", [b"\r\n", b"", b"\n"])
def test_large_messages_go_in_parts_and_come_out_whole(end: bytes) -> None:
    lines = b".a line\r\n\r\n..\r\n" + b"x" * 70 + b"\r\n"
    body = lines * (3 * PART_OCTETS // len(lines)) + b"last" + end
    large = b"Subject: large\r\n\r\n" + body

    async def play(provider: Provider) -> None:
        await provider.deliver(0, large)
        client = Pop3Client(provider)
        await client.log_in()
        status, got = (await client.send(b"RETR 1")).split(b"\r\n", 1)
        sent = large.removesuffix(end) + b"\r\n"
        assert status == b"+OK %d octets" % len(sent)
        assert got == sent.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        many = len(large.splitlines()) // 2
        for count in (0, 1, 5, many, 10**9):
            _, got = (await client.send(b"TOP 1 %d" % count)).split(b"\r\n", 1)
            kept = b"".join(
                line + b"\r\n" for line in sent.split(b"\r\n")[: 2 + count][: sent.count(b"\r\n")]
            )
            assert got == kept.replace(b"\r\n.", b"\r\n..") + b".\r\n", count

    scene(play)


def test_a_slow_client_is_waited_for_between_the_parts() -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, b"Subject: large\r\n\r\n" + b"x\r\n" * PART_OCTETS)
        client = Pop3Client(provider)
        await client.log_in()
        drained = []

        async def drain() -> None:
            drained.append(len(client.connection.written))

        client.connection.drain = drain  # type: ignore[method-assign]  # to see when it waits
        await client.send(b"RETR 1")
        assert len(drained) == 3
        assert max(b - a for a, b in zip([0, *drained], drained, strict=False)) <= PART_OCTETS + 100

    scene(play)


def test_many_messages_are_listed() -> None:
    async def play(provider: Provider) -> None:
        for _ in range(2100):
            await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        await client.log_in()
        await client.send(b"DELE 2")
        listing = (await client.send(b"LIST")).split(b"\r\n")
        assert len(listing) == 2099 + 3
        assert listing[1:3] == [b"1 27", b"3 27"]
        assert (await client.send(b"STAT")) == b"+OK 2099 %d\r\n" % (2099 * 27)

    scene(play)


def test_very_many_messages_are_listed_in_pieces() -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        await client.log_in()
        session = client.session
        assert isinstance(session, Pop3Session)
        uids, sizes = array("I", range(10, 12_010)), array("Q", [27] * 12_000)
        many = MaildropMessages(session.maildrop.mailbox, UidValidity(1), uids, sizes, sum(sizes))
        session.open_maildrop(Authenticated(session.owner), Maildrop(many), session.lease)
        await client.send(b"DELE 5001")
        waits: list[bytes] = []

        async def drain() -> None:
            waits.append(client.connection.written)

        client.connection.drain = drain  # type: ignore[method-assign]
        for command, line in ((b"LIST", b"12000 27"), (b"UIDL", b"12000 00000001%08x" % (10 + 11_999))):
            waits.clear()
            lines = (await client.send(command)).split(b"\r\n")
            assert len(lines) == 11_999 + 3
            assert lines[-3:] == [line, b".", b""]
            assert [int(one.split()[0]) for one in lines[1:-2]] == [*range(1, 5001), *range(5002, 12_001)]
            assert [one.count(b"\r\n") for one in waits] == [1 + 5_000, 1 + 9_999]

    scene(play)


def test_the_lease_is_renewed_while_the_session_lives() -> None:
    async def play(provider: Provider) -> None:
        clock = virtual_clock(provider)
        await provider.deliver(0, MESSAGE)
        client, other = Pop3Client(provider), Pop3Client(provider)
        await client.log_in()
        await clock.advance(LEASE_MS)
        assert await client.posted() == 0, "who only reads holds nothing"
        await client.send(b"DELE 1")
        for _ in range(10):
            await clock.advance(LEASE_MS / 3000)
            assert await client.posted() == 1
        assert (await other.log_in()).startswith(b"-ERR [IN-USE]")
        assert (await client.send(b"QUIT")).startswith(b"+OK")
        assert (await other.log_in()).startswith(b"+OK 0")

    scene(play)


def test_a_session_that_lost_its_lease_deletes_nothing() -> None:
    async def play(provider: Provider) -> None:
        clock = virtual_clock(provider)
        await provider.deliver(0, MESSAGE)
        client, other = Pop3Client(provider), Pop3Client(provider)
        await client.log_in()
        await client.send(b"DELE 1")
        await clock.advance(LEASE_MS / 1000 + 1)  # as after a long sleep of the whole machine
        await other.log_in()
        assert (await other.send(b"DELE 1")).startswith(b"+OK")
        assert await client.posted() == 1
        assert (await client.send(b"QUIT")).startswith(b"-ERR [IN-USE]")
        assert client.connection.gone
        assert provider.messages(0) == 1
        assert (await other.send(b"QUIT")).startswith(b"+OK")
        assert provider.messages(0) == 0

    scene(play)


def test_two_that_read_may_do_so_together_but_only_one_deletes() -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        one, two = Pop3Client(provider), Pop3Client(provider)
        await one.log_in()
        await two.log_in()
        assert (await one.send(b"DELE 1")).startswith(b"+OK")
        assert (await two.send(b"DELE 1")).startswith(b"-ERR [IN-USE]")
        one.session.closed()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (await two.send(b"DELE 1")).startswith(b"+OK")

    scene(play)


def test_scram() -> None:
    async def play(provider: Provider) -> None:
        client = Pop3Client(provider)
        await client.session.opened()
        exchange = sasl.choose(
            ("SCRAM-SHA-256",),
            sasl.Credentials("u0", PASSWORD),
            nonce="rOprNGfwEbeRWgbNEkqO",
            binding=None,
            plain_allowed=False,
        )
        assert exchange is not None
        said = await client.send(b"AUTH SCRAM-SHA-256 " + base64.b64encode(exchange.initial or b""))
        while said.startswith(b"+ "):
            said = await client.send(base64.b64encode(exchange.respond(base64.b64decode(said[2:]))))
        assert said == b"+OK 0 messages (0 octets)\r\n"

    scene(play)


def test_guessing_ends_the_connection() -> None:
    async def play(provider: Provider) -> None:
        client = Pop3Client(provider)
        await client.session.opened()
        for _ in range(MAX_FAILED_LOGINS):
            assert not client.connection.gone
            await client.send(b"USER u0")
            guess = asyncio.ensure_future(client.send(b"PASS wrong"))
            while not guess.done():
                await asyncio.sleep(0.001)
                await virtual_clock(provider).advance(60)
            assert guess.result().startswith(b"-ERR [AUTH]")
        assert client.connection.gone

    scene(play)


def test_nonsense_ends_the_connection_but_now_and_then_does_not() -> None:
    async def play(provider: Provider) -> None:
        client = Pop3Client(provider)
        await client.session.opened()
        for _ in range(3):
            for _ in range(MAX_REFUSALS - 1):
                assert (await client.send(b"XYZZY")).startswith(b"-ERR")
            await client.send(b"CAPA")
        assert not client.connection.gone
        for _ in range(MAX_REFUSALS):
            await client.send(b"XYZZY")
        assert client.connection.gone

    scene(play)


def test_a_stranger_may_send_so_many_commands_and_a_client_that_has_logged_in_any_number() -> None:
    async def play(provider: Provider) -> None:
        stranger, client = Pop3Client(provider), Pop3Client(provider)
        await stranger.session.opened()
        for _ in range(MAX_COMMANDS_BEFORE_LOGIN):
            assert (await stranger.send(b"CAPA")).startswith(b"+OK")
        assert (await stranger.send(b"CAPA")) == b"-ERR Too many commands before login.\r\n"
        assert stranger.connection.gone
        await client.log_in()
        for _ in range(MAX_COMMANDS_BEFORE_LOGIN + 1):
            assert (await client.send(b"NOOP")).startswith(b"+OK")

    scene(play)


@pytest.mark.parametrize(
    ("failure", "said"),
    [(DatabaseUnavailable("full"), b"-ERR [SYS/TEMP]"), (BlobMissing("00"), b"-ERR [SYS/PERM]")],
)
@pytest.mark.rfc("3206 §4", "SHOULD")
def test_database_and_disk_failures_are_reported_as_such(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, said: bytes
) -> None:
    def fail(*arguments: Any, **keywords: Any) -> bytes:
        raise failure

    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        await client.log_in()
        monkeypatch.setattr(maildrop, "messages", fail)
        assert (await client.send(b"RETR 1")).startswith(said)
        assert not client.connection.gone
        assert (await client.send(b"STAT")).startswith(b"+OK")
        assert (await client.send(b"RETR 1")).startswith(said)
        told = [name for name, _ in provider.telemetry.events].count("message damaged")
        assert told == isinstance(failure, BlobMissing), "once, not each time"

    scene(play)


def test_a_failure_in_the_middle_of_a_message_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, b"Subject: large\r\n\r\n" + b"x\r\n" * PART_OCTETS)
        client = Pop3Client(provider)
        await client.log_in()
        real, reads = fetch.octets, []

        def fail(*arguments: Any, **keywords: Any) -> bytes:
            reads.append(keywords)
            if len(reads) == 3:
                raise DatabaseUnavailable("gone")
            return real(*arguments, **keywords)

        monkeypatch.setattr(fetch, "octets", fail)
        said = await client.send(b"RETR 1")
        assert client.connection.gone
        assert not said.endswith(b"\r\n.\r\n"), "the client must not take it for the whole"

    scene(play)


def test_deletions_that_cannot_be_made_durable_are_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(provider: Provider) -> None:
        await provider.deliver(0, MESSAGE)
        client = Pop3Client(provider)
        await client.log_in()
        await client.send(b"DELE 1")

        async def fail(*arguments: Any, **keywords: Any) -> None:
            raise DatabaseUnavailable("full")

        monkeypatch.setattr(provider.world.database, "write", fail)
        assert (await client.send(b"QUIT")).startswith(b"-ERR [SYS/TEMP]")
        assert client.connection.gone
        monkeypatch.undo()
        assert provider.messages(0) == 1

    scene(play)


@pytest.mark.rfc("1939 §3", "SHOULD")
def test_nothing_is_sent_when_the_deadline_passes() -> None:
    async def play(provider: Provider) -> None:
        client = Pop3Client(provider)
        assert client.session.timed_out() == b""
        assert client.session.failed().startswith(b"-ERR [SYS/TEMP]")

    scene(play)


@pytest.mark.rfc("6856 §2.1", "MUST")
@pytest.mark.parametrize("lines", [1, PART_OCTETS])
def test_an_internationalized_header_is_shown_as_it_is_in_utf8_mode_only(lines: int) -> None:
    header = "From: J\u00f6rg <j\u00f6rg@one.example>\r\nSubject: gr\u00fcn\r\n\r\n".encode()
    body = "gr\u00fcn\r\n".encode() * lines

    async def play(provider: Provider) -> None:
        await provider.deliver(0, header + body)
        old, new = Pop3Client(provider), Pop3Client(provider)
        await new.session.opened()
        await new.send(b"UTF8")
        await new.log_in()
        await old.log_in()
        for command, part in ((b"RETR 1", body), (b"TOP 1 1", body[: body.index(b"\n") + 1])):
            assert (await new.send(command)).split(b"\r\n", 1)[1] == header + part + b".\r\n"
            shown, shown_part = (await old.send(command)).split(b"\r\n", 1)[1].split(b"\r\n\r\n", 1)
            assert shown.isascii()
            assert b"internationalized-address.invalid" in shown
            assert shown_part == part + b".\r\n"

    scene(play)


def test_legacy_octets_in_a_header_are_shown_as_they_came() -> None:
    legacy = b"Subject: gr\xfcn\r\n\r\nx\r\n"

    async def play(provider: Provider) -> None:
        await provider.deliver(0, legacy)
        client = Pop3Client(provider)
        await client.log_in()
        assert (await client.send(b"RETR 1")).split(b"\r\n", 1)[1] == legacy + b".\r\n"

    scene(play)


def test_a_large_message_without_a_header() -> None:
    large = b"no header, just text\r\n" * PART_OCTETS

    async def play(provider: Provider) -> None:
        await provider.deliver(0, large)
        client = Pop3Client(provider)
        await client.log_in()
        assert (await client.send(b"RETR 1")).split(b"\r\n", 1)[1] == large + b".\r\n"
        assert (await client.send(b"TOP 1 0")).split(b"\r\n", 1)[1] == b"\r\n.\r\n"
        assert (await client.send(b"TOP 1 1")).split(b"\r\n", 1)[1] == b"\r\nno header, just text\r\n.\r\n"

    scene(play)
