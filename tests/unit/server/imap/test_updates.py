"""Several sessions on one mailbox: what each is sent, and when (RFC 9051 §5.2, §7.5.1; RFC 2180)."""

import asyncio
from array import array
from functools import partial

import pytest

from pillarbox.server.imap.limits import ImapLimits
from pillarbox.server.imap.shared_updates import SharedUpdates
from pillarbox.store import mailbox_cache
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryShare
from tests.kit.imap.client import MESSAGE, open_imap
from tests.kit.imap.responses import Continuation, Numbered, Status


@pytest.mark.rfc("9051 §5.2", "MUST")
@pytest.mark.parametrize("worker", [0, 1], ids=["same process", "another process"])
def test_changes_of_one_session_are_sent_to_the_others(worker: int) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX", worker=worker)
        one.ok("STORE 1 +FLAGS (\\Flagged)")
        one.ok("STORE 2 +FLAGS (\\Deleted)")
        one.ok("EXPUNGE")
        mail.deliver()
        answer = two.ok("NOOP")
        assert answer.numbered(b"EXPUNGE") == [2]
        assert answer.numbered(b"EXISTS") == [3]
        assert b"\\Flagged" in answer.fetched[1][b"FLAGS"]
        assert two.ok("NOOP").responses == []
        assert one.ok("NOOP").numbered(b"EXISTS") == [3]
        assert one.uids() == two.uids() == [1, 3, 4]


@pytest.mark.rfc("9051 §7.5.1", "MUST")
@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("FETCH 1 UID", False),
        ("STORE 1 +FLAGS.SILENT (\\Seen)", False),
        ("SEARCH ALL", False),
        ("UID FETCH 1 UID", True),
        ("UID STORE 1 +FLAGS.SILENT (\\Seen)", True),
        ("UID SEARCH ALL", True),
        ("NOOP", True),
        ("CHECK", True),
        ("COPY 1 Archive", True),
        ('LIST "" x', True),
        ("STATUS Archive (MESSAGES)", True),
    ],
)
def test_expunge_is_sent_only_during_commands_that_allow_it(command: str, sent: bool) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX")
        two.ok("STORE 2 +FLAGS (\\Deleted)")
        two.ok("EXPUNGE")
        mail.deliver()
        answer = one.ok(command)
        assert (answer.numbered(b"EXPUNGE") == [2]) is sent
        # new messages can always be sent
        assert answer.numbered(b"EXISTS") == [3 if sent else 4]
        assert one.ok("NOOP").numbered(b"EXPUNGE") == ([] if sent else [2])


def test_a_message_that_came_and_went_between_two_looks_was_never_there() -> None:
    with open_imap() as mail:
        mail.deliver()
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX", enable="QRESYNC")
        mail.deliver(MESSAGE, flags="\\Deleted")
        two.ok("NOOP")
        two.ok("EXPUNGE")
        assert one.ok("FETCH 1 UID").responses[1:] == []
        assert one.ok("NOOP").responses == []


@pytest.mark.rfc("7162 §3.2.10", "MUST")
def test_qresync_clients_get_vanished_of_announced_messages_only() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        phone, other = mail.client(enable="QRESYNC", select="INBOX"), mail.client(select="INBOX")
        mail.deliver()
        other.ok("NOOP")
        other.ok("STORE 1,3:4 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        answer = phone.ok("NOOP")
        assert answer.vanished() == [1, 3]
        assert answer.numbered(b"EXPUNGE") == answer.numbered(b"EXISTS") == []


@pytest.mark.rfc("3501 §2.3.2", "MUST")
def test_a_message_is_recent_to_one_session_only() -> None:
    with open_imap() as mail:
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX")
        for client in (two, one, two):
            mail.deliver()
            client.ok("NOOP")
        one.ok("NOOP")
        recent = [
            {
                number
                for number, items in client.ok("FETCH 1:* FLAGS").fetched.items()
                if b"\\Recent" in items[b"FLAGS"]
            }
            for client in (one, two)
        ]
        assert recent == [{2}, {1, 3}]
        assert one.ok("SEARCH RECENT").data(b"SEARCH") == [[2]]


@pytest.mark.rfc("2177 §3", "MUST")
@pytest.mark.rfc("9051 §6.3.13", "MUST")
def test_idle_sends_updates_at_once() -> None:
    with open_imap() as mail:
        mail.deliver()
        idler, other = mail.client(select="INBOX"), mail.client(select="INBOX", worker=1)
        assert idler.send(b"i IDLE\r\n") == [Continuation(b"idling")]
        mail.deliver()
        assert Numbered(2, b"EXISTS") in idler.receive()
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert Numbered(1, b"EXPUNGE") in idler.receive()
        mail.deliver(mailbox="Archive")
        assert idler.receive() == []
        (done,) = idler.send(b"DONE\r\n")
        assert isinstance(done, Status)
        assert (done.tag, done.word) == (b"i", b"OK")
        mail.deliver()
        assert idler.receive() == []
        assert idler.ok("NOOP").numbered(b"EXISTS") == [2]


def test_idle_begins_with_what_is_new_already_and_works_without_a_mailbox() -> None:
    with open_imap() as mail:
        idler = mail.client(select="INBOX")
        mail.deliver()
        assert Numbered(1, b"EXISTS") in idler.send(b"i IDLE\r\n")
        assert isinstance(idler.send(b"stop\r\n")[0], Status)  # no command may come within IDLE
        lobby = mail.client()
        lobby.send(b"i IDLE\r\n")
        mail.deliver()
        assert lobby.receive() == []
        assert isinstance(lobby.send(b"DONE\r\n")[0], Status)


def test_a_client_that_is_gone_is_unsubscribed() -> None:
    with open_imap() as mail:
        idler = mail.client(select="INBOX")
        idler.send(b"i IDLE\r\n")
        idler.wire.close()
        mail.deliver()
        assert idler.session.connection.posted == []


def test_sessions_that_know_the_same_share_it() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX")
        mail.deliver()
        one.ok("NOOP")
        two.ok("NOOP")
        assert one.session.machine.selected.uids is two.session.machine.selected.uids


@pytest.mark.replaces_functions
def test_updates_that_could_not_be_read_are_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("locked")

    with open_imap() as mail:
        client = mail.client(select="INBOX")
        mail.deliver()
        with monkeypatch.context() as patched:
            patched.setattr(mailbox_cache, "read", busy)
            assert client.ok("NOOP").responses == []
        assert client.ok("NOOP").numbered(b"EXISTS") == [1]


@pytest.mark.replaces_functions
@pytest.mark.parametrize("when", ["as it begins", "later"])
def test_idle_sends_updates_later_that_could_not_be_read(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def busy(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("locked")

    with open_imap(limits=ImapLimits(idle_retry_s=0.05)) as mail:
        idler = mail.client(select="INBOX")
        if when == "later":
            idler.send(b"i IDLE\r\n")
        with monkeypatch.context() as patched:
            patched.setattr(mailbox_cache, "read", busy)
            mail.deliver()
            received = idler.send(b"i IDLE\r\n") if when == "as it begins" else idler.receive()
            assert [one for one in received if not isinstance(one, Continuation)] == []
        mail.runner.run(asyncio.sleep(0.1))
        assert Numbered(1, b"EXISTS") in idler.receive()
        (done,) = idler.send(b"DONE\r\n")
        assert isinstance(done, Status)
        assert (done.tag, done.word) == (b"i", b"OK")


@pytest.mark.replaces_functions
def test_while_updates_can_not_be_read_changes_are_looked_for_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("locked")

    with open_imap(limits=ImapLimits(idle_retry_s=7.5)) as mail:
        idler, waits = mail.client(select="INBOX"), list[float]()
        idler.send(b"i IDLE\r\n")
        clock = mail.provider.world.clock
        monkeypatch.setattr(
            type(clock), "call_later", lambda _clock, seconds, _callback: waits.append(seconds)
        )
        monkeypatch.setattr(mailbox_cache, "read", busy)
        for _ in range(3):
            mail.deliver()
            assert idler.receive() == []
        assert waits == [7.5]


def test_shared_updates_are_in_the_budget_until_the_last_client_has_read_them() -> None:
    budget, cut_off = MemoryShare(100), list[str]()
    known = array("I", [1, 2])
    shared = SharedUpdates().keep("change", known, (known, 2), iter([b"0"]), 60)
    quick, slow = (shared.written(budget, partial(cut_off.append, name)) for name in ("quick", "slow"))
    with slow:
        with quick:
            assert budget.used_octets == 60, "once"
        assert budget.used_octets == 60
        next(iter(budget._revocable)).give_up()
        assert (cut_off, budget.used_octets) == (["slow"], 0)
    with shared.written(budget, lambda: None):
        assert budget.used_octets == 60
    assert budget.used_octets == 0
