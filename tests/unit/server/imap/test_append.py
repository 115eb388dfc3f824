"""APPEND and REPLACE (RFC 9051 §6.3.12, RFC 3502, 7889, 8508)."""

from typing import Any

import pytest

from pillarbox.config.sections.limits import Limits
from pillarbox.directory import quota
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.world.blobs.in_database import MemoryWriter
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.imap.client import MESSAGE, ImapProvider, open_imap
from tests.kit.imap.responses import Continuation, Status


def allow(mail: ImapProvider, octets: int) -> None:
    """Give the first person a quota."""
    provider = mail.provider
    mail.runner.run(provider.world.database.write(quota.set_account_quota, provider.accounts[0], octets))


@pytest.mark.rfc("9051 §6.3.12", "MUST")
def test_append_stores_flags_and_date_and_returns_appenduid() -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        answer = client.ok('APPEND INBOX (\\Seen $Word) "17-Jul-1996 02:44:25 -0700" {}', MESSAGE)
        assert (answer.code or b"").startswith(b"APPENDUID ")
        assert answer.numbered(b"EXISTS") == [1]
        items = client.ok("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])").fetched[1]
        assert set(items[b"FLAGS"]) == {b"\\Seen", b"$Word", b"\\Recent"}
        assert items[b"INTERNALDATE"] == b"17-Jul-1996 09:44:25 +0000"
        assert items[b"BODY[]"] == MESSAGE


@pytest.mark.rfc("3501 §2.3.2", "MUST")
def test_what_a_client_appends_is_recent_to_it_with_the_same_commit() -> None:
    with open_imap() as mail:
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        mail.deliver()
        database = mail.provider.world.database
        before = database.calls
        answer = client.ok("APPEND INBOX {} {}", MESSAGE, MESSAGE)
        assert database.calls - before == 2, "the messages, and what others have done to the mailbox"
        assert (answer.numbered(b"EXISTS"), answer.numbered(b"RECENT")) == ([3], [3])
        assert other.ok("NOOP").numbered(b"RECENT") == [0]
        assert mail.client().ok("STATUS INBOX (RECENT)").data(b"STATUS")[0][1] == [b"RECENT", 0]


@pytest.mark.parametrize("enable", ["IMAP4rev2", "CONDSTORE"])
def test_what_a_client_appends_is_known_to_it_and_to_others_by_the_commit_alone(enable: str) -> None:
    with open_imap() as mail:
        mail.deliver()
        client, other = mail.client(), mail.client(select="INBOX")
        client.ok(f"ENABLE {enable}")
        client.ok("SELECT INBOX")
        database = mail.provider.world.database
        before = database.calls
        answer = client.ok("APPEND INBOX (\\Seen $New) {} (\\Seen $New) {}", MESSAGE, MESSAGE)
        assert database.calls - before == 1
        assert answer.numbered(b"EXISTS") == [3]
        assert b"$New" in answer.data(b"FLAGS")[0][0]
        assert other.ok("NOOP").numbered(b"EXISTS") == [3]
        flags = [
            set(items[b"FLAGS"]) - {b"\\Recent"} for items in other.ok("FETCH 2:3 FLAGS").fetched.values()
        ]
        assert flags == [{b"\\Seen", b"$New"}] * 2
        other.ok("STORE 3 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        answer = client.ok("APPEND INBOX {}", MESSAGE)
        assert (answer.numbered(b"EXPUNGE"), answer.numbered(b"EXISTS")) == ([3], [3])
        assert client.ok("UID FETCH 4 UID").fetched.keys() == {3}


@pytest.mark.rfc("9051 §7.5.1", "MUST")
def test_expunges_that_had_to_wait_are_sent_with_what_is_appended() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert client.ok("FETCH 2 FLAGS").numbered(b"EXPUNGE") == []
        answer = client.ok("APPEND INBOX {}", MESSAGE)
        assert (answer.numbered(b"EXPUNGE"), answer.numbered(b"EXISTS")) == ([1], [2])
        assert client.ok("UID FETCH 3 UID").fetched.keys() == {2}
        assert client.ok("NOOP").responses == []


def test_a_client_may_leave_while_what_it_has_appended_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        session, database = client.session, mail.provider.world.database
        write = database.write

        async def written(*arguments: Any, **keywords: Any) -> Any:
            result = await write(*arguments, **keywords)
            session.closed()
            return result

        monkeypatch.setattr(database, "write", written)
        assert client.ok("APPEND INBOX {}", MESSAGE).numbered(b"EXISTS") == []


@pytest.mark.parametrize("select", ["EXAMINE INBOX", "SELECT Work"])
def test_what_is_appended_elsewhere_stays_recent_to_another(select: str) -> None:
    with open_imap() as mail:
        client = mail.client()
        client.ok("CREATE Work")
        client.ok(select)
        client.ok("APPEND INBOX {}", MESSAGE)
        assert mail.client().ok("SELECT INBOX").numbered(b"RECENT") == [1]


@pytest.mark.rfc("9051 §6.3.12", "MUST")
def test_a_synchronizing_literal_is_asked_for_only_where_it_is_welcome() -> None:
    with open_imap() as mail:
        client = mail.client()
        (refused,) = client.send(b"a APPEND nowhere {%d}\r\n" % len(MESSAGE))
        assert isinstance(refused, Status)
        assert (refused.word, refused.code) == (b"NO", b"TRYCREATE")
        assert isinstance(client.send(b"b APPEND INBOX {%d}\r\n" % len(MESSAGE))[0], Continuation)
        (done,) = client.send(MESSAGE + b"\r\n")
        assert isinstance(done, Status)
        assert done.word == b"OK"


@pytest.mark.rfc("9051 §6.3.12", "MUST")
def test_a_mailbox_that_is_deleted_while_the_message_comes_can_be_made_again() -> None:
    with open_imap() as mail:
        client, other = mail.client(), mail.client()
        client.ok("CREATE Work")
        assert isinstance(client.send(b"a APPEND Work {%d}\r\n" % len(MESSAGE))[0], Continuation)
        other.ok("DELETE Work")
        (refused,) = client.send(MESSAGE + b"\r\n")
        assert isinstance(refused, Status)
        assert (refused.word, refused.code) == (b"NO", b"TRYCREATE")


@pytest.mark.rfc("9051 §6.3.12", "MUST")
def test_a_message_that_came_unasked_to_nowhere_is_swallowed() -> None:
    with open_imap() as mail:
        client = mail.client()
        refused = client.do("APPEND nowhere {}", b"x LOGOUT\r\n" * 10)
        assert refused.code == b"TRYCREATE"
        client.ok("NOOP")


@pytest.mark.rfc("3502 §6.3.11", "MUST")
def test_several_messages_or_none() -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        answer = client.ok("APPEND INBOX (\\Seen) {} (\\Flagged) {} {}", MESSAGE, MESSAGE, MESSAGE)
        assert (answer.code or b"").endswith(b" 1:3")
        assert answer.numbered(b"EXISTS") == [3]
        assert client.flags(2) == {b"\\Flagged"}
        broken = client.do("APPEND INBOX {} nonsense {}", MESSAGE, MESSAGE)
        assert broken.word == b"BAD"
        assert mail.provider.messages(0) == 3


@pytest.mark.rfc("5530 §3", "MUST")
def test_over_quota_is_refused_before_the_message_crosses() -> None:
    with open_imap() as mail:
        allow(mail, 3 * len(MESSAGE))
        client = mail.client()
        client.ok("APPEND INBOX {}", MESSAGE)
        (refused,) = client.send(b"a APPEND INBOX {%d}\r\n" % (3 * len(MESSAGE)))
        assert isinstance(refused, Status)
        assert (refused.word, refused.code) == (b"NO", b"OVERQUOTA")
        together = client.do("APPEND INBOX {} {} {}", MESSAGE, MESSAGE, MESSAGE)
        assert together.code == b"OVERQUOTA"
        assert mail.provider.messages(0) == 1


def test_append_is_limited_in_messages_and_octets() -> None:
    with open_imap(limits=ImapLimits(max_append_messages=2)) as mail:
        client = mail.client()
        client.ok("APPEND INBOX {} {}", MESSAGE, MESSAGE)
        refused = client.do("APPEND INBOX {} {} {}", MESSAGE, MESSAGE, MESSAGE)
        assert (refused.word, refused.code) == (b"NO", b"LIMIT")
        assert mail.provider.messages(0) == 2
    with open_imap(limits=ImapLimits(max_append_octets=len(MESSAGE) + 1)) as mail:
        client = mail.client()
        assert client.do("APPEND INBOX {} {}", MESSAGE, MESSAGE).code == b"LIMIT"
        assert mail.provider.messages(0) == 0
        client.ok("APPEND INBOX {}", MESSAGE)


@pytest.mark.rfc("7889 §4", "MUST")
def test_a_message_over_the_limit_is_too_big() -> None:
    limit = 70_000
    with open_imap() as mail:
        mail.provider.limits = Limits(message_octets=limit)
        client = mail.client()
        (refused,) = client.send(b"a APPEND INBOX {%d}\r\n" % (limit + 1))
        assert isinstance(refused, Status)
        assert refused.code == b"TOOBIG"
        assert client.ok("STATUS INBOX (APPENDLIMIT)").data(b"STATUS")[0][1] == [b"APPENDLIMIT", limit]


def test_a_message_is_read_back_as_it_was_appended() -> None:
    odd = b"Subject: \xff\xfe\nno CR here\r\rand NUL \0 too\r\n\r\n" + bytes(range(256)) * 20
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        client.ok("APPEND INBOX {}", odd)
        assert client.ok("FETCH 1 BINARY.PEEK[]").fetched[1][b"BINARY[]"] == odd
        shown = odd.replace(b"\0", b"\x80")  # RFC 9051 §9: NUL in a literal8 only
        assert client.ok("FETCH 1 BODY.PEEK[]").fetched[1][b"BODY[]"] == shown
        assert client.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE RFC822.SIZE)").fetched[1][b"RFC822.SIZE"] == len(
            odd
        )


def test_append_on_a_full_disk_is_no_unavailable_and_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_writer: MemoryWriter, _octets: bytes) -> None:
        raise DatabaseUnavailable("no space left on device")

    with open_imap() as mail:
        client = mail.client()
        with monkeypatch.context() as patched:
            patched.setattr(MemoryWriter, "write", full)
            refused = client.do("APPEND INBOX {}", MESSAGE)
        assert (refused.word, refused.code) == (b"NO", b"UNAVAILABLE")
        client.ok("APPEND INBOX {}", MESSAGE)
        assert mail.provider.messages(0) == 1


def test_a_client_that_disconnects_during_append_stores_nothing() -> None:
    with open_imap() as mail:
        client = mail.client()
        client.send(b"a APPEND INBOX {1000+}\r\nhalf of a mess")
        client.wire.close()
        assert client.session.incoming is None
        assert mail.provider.messages(0) == 0


@pytest.mark.rfc("8508 §3", "MUST")
def test_replace_puts_a_message_in_the_place_of_another() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client = mail.client(select="INBOX")
        answer = client.ok("REPLACE 1 INBOX (\\Draft) {}", b"Subject: newer\r\n\r\n")
        assert b"APPENDUID" in answer.codes()
        assert answer.numbered(b"EXPUNGE") == [1]
        assert client.uids() == [2, 3]
        moved = client.ok("UID REPLACE 3 Archive {}", MESSAGE)
        assert moved.numbered(b"EXPUNGE") == [2]
        assert mail.provider.messages(0, mailbox="Archive") == 1
        assert client.do("UID REPLACE 99 INBOX {}", MESSAGE).word == b"NO"
        assert mail.provider.messages(0) == 1


@pytest.mark.rfc("8508 §3.4", "MUST")
def test_a_replacement_that_can_not_be_stored_leaves_the_old_message() -> None:
    with open_imap() as mail:
        mail.deliver()
        allow(mail, 2 * len(MESSAGE))
        client = mail.client(select="INBOX")
        assert client.do("REPLACE 1 INBOX {}", MESSAGE * 5).code == b"OVERQUOTA"
        assert client.do("REPLACE 1 nowhere {}", MESSAGE).code == b"TRYCREATE"
        assert client.uids() == [1]
        # as large as the old one always has room
        allow(mail, len(MESSAGE))
        client.ok("REPLACE 1 INBOX {}", MESSAGE)
