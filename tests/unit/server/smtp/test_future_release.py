"""Mail that is held until its time (RFC 4865), from MAIL to the inbox or the next hop."""

import asyncio
import random
from typing import Any

import pytest

from pillarbox.directory import accounts
from pillarbox.protocol.smtp.capabilities import Role, offered
from pillarbox.queue import scheduled
from pillarbox.queue.spool import QueueId
from pillarbox.server.chores.releasing import Releases
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from tests.kit.smtp.conditions import conditions
from tests.kit.smtp.provider import NOW_MS, SmtpClient, SmtpProvider, run_with_smtp
from tests.unit.server.smtp.test_signing import with_keys
from tests.unit.server.smtp.test_submission import logged_in

MESSAGE = "From: anna@one.example\r\nSubject: Plan\r\n\r\nThe body.\r\n"
DAY_S = 86_400
EVERYBODY = ("x@elsewhere.example", "bert@one.example", "both@one.example")


async def held(client: SmtpClient, *recipients: str, hold: str = "HOLDFOR=3600", more: str = "") -> str:
    await client.say(f"MAIL FROM:<anna@one.example> {hold}")
    for recipient in recipients:
        await client.say(f"RCPT TO:<{recipient}>{more}")
    await client.say("DATA")
    return await client.say(MESSAGE.encode() + b".\r\n")


async def let_go(provider: SmtpProvider, seconds: float = 0, **options: Any) -> None:
    """What the chore does after so long."""
    await provider.clock.advance(seconds)
    await Releases(provider.world, provider.config(**options)).run(provider.world, _no_rest)


async def _no_rest(_seconds: float | None = None) -> None: ...


def _rows_of(tx: Transaction, table: str) -> list[tuple[Any, ...]]:
    return tx.rows(f"SELECT * FROM {table}")


@pytest.mark.rfc("4865 §4.2", "MUST")
def test_it_is_offered_with_its_limits_on_submission_only() -> None:
    for role in Role:
        lines = offered(conditions(role, max_hold_s=60, latest_release_ms=NOW_MS)).lines
        assert ("FUTURERELEASE 60 2023-11-14T22:13:20Z" in lines) == role.submits

    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.SUBMISSION, tls=True)
        assert "FUTURERELEASE 2592000 2023-12-14T22:00:00Z" in await client.greet()
        assert "FUTURERELEASE" not in await provider.client().greet()

    run_with_smtp(test)


@pytest.mark.rfc("4865 §4.2", "MUST")
@pytest.mark.parametrize(
    ("hold", "code"),
    [
        ("HOLDFOR=1", 250),
        ("HOLDFOR=2592000", 250),
        ("HOLDFOR=2592001", 501),
        ("HOLDFOR=0", 501),
        ("HOLDFOR=060", 501),
        ("HOLDFOR=-1", 501),
        ("HOLDFOR=9999999999", 501),
        ("HOLDFOR", 501),
        ("HOLDUNTIL=2023-12-01T08:00:00Z", 250),
        ("HOLDUNTIL=2023-12-14T22:00:00Z", 250),
        ("HOLDUNTIL=2023-12-14T22:00:01Z", 501),
        ("HOLDUNTIL=2023-11-14T22:13:19Z", 250),
        ("HOLDUNTIL=2023-11-14T22:00:00Z", 501),
        ("HOLDUNTIL=2023-12-01T08:00:00+01:00", 501),
        ("HOLDUNTIL=2023-12-01", 501),
        ("HOLDUNTIL=yesterday", 501),
        ("HOLDFOR=60 HOLDFOR=60", 501),
        ("HOLDFOR=60 HOLDUNTIL=2023-12-01T08:00:00Z", 501),
    ],
)
def test_a_hold_is_valid_once_and_within_the_limits(hold: str, code: int) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        assert await client.codes(f"MAIL FROM:<anna@one.example> {hold}") == [code]

    run_with_smtp(test)


def test_strangers_may_not_ask_for_it() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        assert await client.codes("MAIL FROM:<a@mail.example> HOLDFOR=60") == [555]

    run_with_smtp(test)


@pytest.mark.rfc("4865 §4.2", "MUST NOT")
def test_nobody_gets_it_before_its_time_and_everybody_once_it_has_come() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        assert (await held(client, *EVERYBODY)).startswith("250")
        await let_go(provider, 3599)
        assert provider.inbox("bert") == provider.inbox("anna") == []
        assert [one["address"] for one in provider.queued()] == list(EVERYBODY)
        await let_go(provider, 1)
        await let_go(provider, DAY_S)
        for login in ("bert", "anna"):
            (placed,) = provider.inbox(login)
            assert placed.startswith(b"Return-Path: <anna@one.example>\r\nReceived: ")
            assert placed.endswith(b"Subject: Plan\r\n\r\nThe body.\r\n")
        queued = provider.queued()
        assert [one["address"] for one in queued] == ["x@elsewhere.example", "anna@elsewhere.example"]
        assert all(b"Return-Path" not in one["octets"] for one in queued)
        states = provider.database.read_now(
            lambda tx: tx.rows("SELECT state, due_at_ms FROM queue_recipients")
        )
        assert states == [("waiting", NOW_MS + 3_600_000)] * 2
        assert provider.database.read_now(lambda tx: tx.rows("SELECT release_at_ms FROM queue_messages")) == [
            (None,)
        ]

    run_with_smtp(test)


def test_mail_to_people_here_only_leaves_nothing_in_the_queue() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example")
        await let_go(provider, 3600)
        assert len(provider.inbox("bert")) == 1
        for table in ("queue_messages", "queue_recipients"):
            assert provider.database.read_now(_rows_of, table) == []

    run_with_smtp(test)


@pytest.mark.rfc("4865 §5.1.2", "MUST")
def test_an_address_that_is_gone_by_then_is_reported_with_what_was_asked_for() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example", "cleo@one.example")
        await provider.database.write(accounts.remove, provider.people["bert"])
        await let_go(provider, 3600)
        assert len(provider.inbox("cleo")) == 1
        (report,) = provider.inbox("anna")
        assert (
            b"\r\nFinal-Recipient: rfc822; bert@one.example\r\nAction: failed\r\nStatus: 5.1.1\r\n" in report
        )
        assert b"\r\nFuture-Release-Request: for;3600\r\n" in report
        assert b"\r\nArrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n" in report

    run_with_smtp(test)


@pytest.mark.parametrize("separate", [False, True])
def test_domains_that_are_separate_are_so_for_what_is_held(separate: bool) -> None:
    def two(tx: Transaction) -> None:
        account = accounts.create(tx, "dora@two.example", scram_salt=b"d" * 16, now_ms=NOW_MS)
        mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)

    async def test(provider: SmtpProvider) -> None:
        await provider.database.write(two)
        client = await logged_in(provider, separate_domains=separate)
        await held(client, "dora@two.example", "bert@one.example")
        await let_go(provider, 3600, separate_domains=separate)
        queued = [one["address"] for one in provider.queued()]
        assert queued == (["dora@two.example"] if separate else [])
        assert len(provider.inbox("bert")) == 1

    run_with_smtp(test)


def test_success_is_reported_when_it_is_delivered() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example", more=" NOTIFY=SUCCESS")
        assert provider.inbox("anna") == []
        await let_go(provider, 3600)
        (report,) = provider.inbox("anna")
        assert b"\r\nAction: delivered\r\n" in report

    run_with_smtp(test)


@pytest.mark.rfc("4865 §6", "MUST")
def test_an_account_that_has_too_much_held_is_told_at_mail() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example")
        wanted = f"MAIL FROM:<anna@one.example> HOLDFOR=60 SIZE={10**7}"
        assert await client.codes(wanted, "RSET") == [250, 250]
        await provider.database.write(
            lambda tx: tx.execute("UPDATE queue_messages SET size = ?", (scheduled.MAX_OCTETS,))
        )
        assert (await client.say(wanted)).startswith("552 5.7.16 ")

    run_with_smtp(test)


def test_too_much_held_is_refused_at_the_end_as_well() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await client.codes("MAIL FROM:<anna@one.example> HOLDFOR=60", "RCPT TO:<bert@one.example>", "DATA")
        await held(await logged_in(provider), "cleo@one.example")
        await provider.database.write(
            lambda tx: tx.execute("UPDATE queue_messages SET size = ?", (scheduled.MAX_OCTETS,))
        )
        assert (await client.say(MESSAGE.encode() + b".\r\n")).startswith("552 5.7.16 ")
        assert len(provider.queued()) == 1

    run_with_smtp(test)


def test_one_that_cannot_be_sent_keeps_no_other_waiting() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example")
        await held(client, "cleo@one.example")
        await provider.database.write(
            lambda tx: tx.execute("UPDATE queue_messages SET body = 'nonsense' WHERE id = 1")
        )
        await let_go(provider, 3600)
        assert (len(provider.inbox("bert")), len(provider.inbox("cleo"))) == (0, 1)

    run_with_smtp(test)


def test_a_message_that_is_damaged_by_then_is_reported() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "bert@one.example")
        await provider.database.write(lambda tx: tx.execute("UPDATE blob_octets SET octets = 'x'"))
        await let_go(provider, 3600)
        (report,) = provider.inbox("anna")
        assert b"\r\nStatus: 5.3.0\r\n" in report
        assert provider.queued() == []

    run_with_smtp(test)


def test_workers_that_look_at_the_same_time_send_it_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, *EVERYBODY)
        await provider.clock.advance(3600)
        await asyncio.gather(*(let_go(provider) for _ in range(5)))
        assert (len(provider.inbox("anna")), len(provider.inbox("bert"))) == (1, 1)
        assert [one["address"] for one in provider.queued()] == [
            "x@elsewhere.example",
            "anna@elsewhere.example",
        ]

    run_with_smtp(test)


def test_what_leaves_is_signed_then_with_the_keys_of_then() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await held(client, "x@elsewhere.example", "bert@one.example")
        await with_keys(provider, "one.example")
        (waiting, _) = provider.queued()
        assert b"DKIM-Signature" not in waiting["octets"]
        await let_go(provider, 3600)
        (queued,) = provider.queued()
        assert queued["octets"].startswith(b"DKIM-Signature: ")
        assert queued["octets"].endswith(waiting["octets"])
        assert provider.database.read_now(lambda tx: tx.value("SELECT size FROM queue_messages")) == len(
            queued["octets"]
        )
        assert provider.database.read_now(lambda tx: tx.value("SELECT count(*) FROM blobs")) == 2

    run_with_smtp(test)


def test_the_outcome_of_a_thousand_undoings_is_what_was_answered() -> None:
    """Around the time, by the virtual clock: either the sender is told that it was undone, or one mail arrives."""

    async def test(provider: SmtpProvider) -> None:
        chance = random.Random(3)
        client = await logged_in(provider)
        undone = 0
        for number in range(200):
            await held(client, "bert@one.example", hold="HOLDFOR=1")
            message = QueueId(number + 1)
            undo_first = chance.random() < 0.5
            offset_s = chance.uniform(-0.05, 0.05)
            await provider.clock.advance(1 + min(offset_s, 0.0))
            if undo_first:
                undone += await provider.database.write(scheduled.cancel, message)
            await let_go(provider, max(offset_s, 0.0))
            if not undo_first:
                undone += await provider.database.write(scheduled.cancel, message)
            await let_go(provider, 1)
        assert 0 < undone < 200
        assert len(provider.inbox("bert")) == 200 - undone

    run_with_smtp(test)
