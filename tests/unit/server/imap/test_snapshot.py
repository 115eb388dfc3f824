"""Snapshots of the selected mailbox while reads wait and other sessions move the cache on."""

import asyncio
from collections.abc import Iterator
from typing import ParamSpec, TypeVar

import pytest

from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.store import fetch, flags
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.fetch import Column
from pillarbox.store.flags import FlagChange, Mode
from pillarbox.world.database.database import Verb
from tests.kit.imap.client import MESSAGE, ImapProvider, open_imap

P = ParamSpec("P")
T = TypeVar("T")


def let_reads_wait(mail: ImapProvider, monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Event]:
    """From now on each read waits after its transaction until its event is set."""
    database, waiting = mail.provider.world.database, list[asyncio.Event]()

    async def read(verb: Verb[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        found = database.read_now(verb, *arguments, **keywords)
        event = asyncio.Event()
        waiting.append(event)
        await event.wait()
        return found

    monkeypatch.setattr(database, "read", read)
    return waiting


def test_what_was_read_for_an_older_version_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE)
        session = mail.client(select="INBOX").session
        mailbox, account = session.selected.mailbox, session.account_id
        mail.deliver(MESSAGE)
        waiting = let_reads_wait(mail, monkeypatch)

        async def both() -> None:
            rows = asyncio.create_task(
                snapshot.current_with(
                    session, mailbox, lambda tx: fetch.rows(tx, account, mailbox, EVERYTHING, (Column.SIZE,))
                )
            )
            await asyncio.sleep(0)
            await mail.provider.deliver(0, MESSAGE)
            other = asyncio.create_task(snapshot.current(session, mailbox))
            await asyncio.sleep(0)
            waiting[1].set()
            cached = await other
            assert list(cached.uids) == [1, 2, 3]
            waiting[0].set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not rows.done()
            waiting[2].set()
            again, found = await rows
            assert again is cached
            assert [uid for uid, _ in found] == [1, 2, 3]

        mail.runner.run(both())


def test_a_mailbox_that_is_gone_is_forgotten() -> None:
    with open_imap() as mail:
        session = mail.client(select="INBOX").session
        with pytest.raises(NoSuchMailbox):
            mail.runner.run(snapshot.current(session, MailboxId(999)))
        other = mail.client(select="Archive")
        archive = other.session.selected.mailbox
        assert session.caches.mailboxes.peek(session.account_id, archive)
        mail.client(worker=1).ok("DELETE Archive")
        with pytest.raises(NoSuchMailbox):
            mail.runner.run(snapshot.current_with(session, archive, lambda tx: None))
        assert session.caches.mailboxes.peek(session.account_id, archive) is None


@pytest.mark.replaces_functions
def test_who_comes_while_a_large_change_is_applied_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    applying = CachedMailbox.applying

    def slowly(cached: CachedMailbox, altered: FlagChange) -> Iterator[None]:
        yield from [None] * 3
        yield from applying(cached, altered)

    monkeypatch.setattr(CachedMailbox, "applying", slowly)
    with open_imap(limits=ImapLimits(max_rows_in_loop=2)) as mail:
        mail.deliver(*[MESSAGE] * 5)
        session, other = mail.client(select="INBOX").session, mail.client(select="INBOX").session
        mailbox, account, database = (
            session.selected.mailbox,
            session.account_id,
            mail.provider.world.database,
        )

        async def read_in_thread(*_: object) -> None:
            raise AssertionError("what is being made is not read as well")

        monkeypatch.setattr(database, "read_in_thread", read_in_thread)

        async def both() -> None:
            altered = await database.write(
                flags.alter, account, mailbox, EVERYTHING, mode=Mode.ADD, flags="\\Flagged"
            )
            before = session.caches.mailboxes.peek(account, mailbox)
            assert before is not None
            change = asyncio.create_task(snapshot.apply(session, mailbox, altered))
            await asyncio.sleep(0)
            assert set(before.flags) == {""}
            cached = await snapshot.current(other, mailbox)
            assert change.done()
            assert set(cached.flags) == {"\\Flagged"}
            assert cached is before
            await change

        mail.runner.run(both())
        assert not session.caches.catching_up


@pytest.mark.replaces_functions
def test_a_large_change_whose_client_is_gone_is_read_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_cached: CachedMailbox, _altered: FlagChange) -> Iterator[None]:
        while True:
            yield

    monkeypatch.setattr(CachedMailbox, "applying", never)
    with open_imap(limits=ImapLimits(max_rows_in_loop=2)) as mail:
        mail.deliver(*[MESSAGE] * 5)
        session, other = mail.client(select="INBOX").session, mail.client(select="INBOX").session
        mailbox, account, database = (
            session.selected.mailbox,
            session.account_id,
            mail.provider.world.database,
        )

        async def both() -> None:
            altered = await database.write(
                flags.alter, account, mailbox, EVERYTHING, mode=Mode.ADD, flags="\\Flagged"
            )
            change = asyncio.create_task(snapshot.apply(session, mailbox, altered))
            await asyncio.sleep(0)
            reading = asyncio.create_task(snapshot.current(other, mailbox))
            await asyncio.sleep(0)
            assert not reading.done()
            change.cancel()
            assert set((await reading).flags) == {"\\Flagged"}

        mail.runner.run(both())
        assert not session.caches.catching_up


@pytest.mark.parametrize(
    "command",
    [
        "NOOP",
        "FETCH 1:2 FLAGS",
        "FETCH 1:2 (UID ENVELOPE)",
        "UID FETCH 1:2 (BODYSTRUCTURE FLAGS)",
        "FETCH 1:2 BODY.PEEK[]",
        "SEARCH UNSEEN",
    ],
)
def test_the_read_of_a_command_shows_that_no_updates_are_due(command: str) -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client, database = mail.client(select="INBOX"), mail.provider.world.database
        calls = database.calls
        client.ok(command)
        assert database.calls == calls + 1


def test_what_has_changed_is_sent_all_the_same() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        for number, command in enumerate(("FETCH 1 ENVELOPE", "SEARCH UNSEEN", "UID FETCH 1 FLAGS")):
            other.ok(f"STORE 2 +FLAGS (word{number})")
            mail.deliver(MESSAGE)
            answer = client.ok(command)
            assert b"word%d" % number in answer.fetched[2][b"FLAGS"]
            assert answer.numbered(b"EXISTS") == [3 + number]


def test_a_pending_expunge_is_sent_with_the_first_command_that_permits_it() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert client.ok("FETCH 2 FLAGS").numbered(b"EXPUNGE") == []
        assert client.ok("UID FETCH 2 FLAGS").numbered(b"EXPUNGE") == [1]


def test_what_comes_while_a_command_waits_is_sent_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 100)
        client = mail.client(select="INBOX")
        left = [MESSAGE]

        async def drain() -> None:  # between two chunks of what was read already
            if left:
                await mail.provider.deliver(0, left.pop())

        monkeypatch.setattr(client.session.connection, "drain", drain)
        assert client.ok("FETCH 1:100 FLAGS").numbered(b"EXISTS") == [101]
