"""SEARCH (RFC 9051 §6.4.4, RFC 4731, 5182, 7162 §3.1.5)."""

from collections.abc import Awaitable
from typing import Any

import pytest

from pillarbox.server.imap.limits import ImapLimits
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.search.feeding import searched
from tests.kit.imap.client import MESSAGE, ImapProvider, open_imap


def filled(mail: ImapProvider) -> None:
    """Five messages, the second of which is gone, so that numbers and UIDs differ."""
    for number, flags in enumerate(("", "", "\\Seen", "\\Seen \\Flagged", "$Word")):
        mail.deliver(b"Subject: number %d\r\n\r\ntext %d\r\n" % (number, number), flags=flags)
    client = mail.client(select="INBOX")
    client.ok("STORE 2 +FLAGS (\\Deleted)")
    client.ok("EXPUNGE")


@pytest.mark.rfc("3501 §6.4.4", "MUST")
@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("ALL", [1, 2, 3, 4]),
        ("2:3", [2, 3]),
        ("UID 3:4", [2, 3]),
        ("UID 99:*", [4]),
        ("*", [4]),
        ("6:*", [4]),
        ("SEEN", [2, 3]),
        ("NOT SEEN", [1, 4]),
        ("KEYWORD $word", [4]),
        ("OR FLAGGED KEYWORD $Word", [3, 4]),
        ('SUBJECT "number 3"', [3]),
        ('TEXT "text 2"', [2]),
        ("1:3 NOT UID 3", [1, 3]),
        ("RECENT", []),
        ("OLD", [1, 2, 3, 4]),
    ],
)
def test_keys(key: str, numbers: list[int]) -> None:
    with open_imap() as mail:
        filled(mail)
        assert mail.client(select="INBOX").ok(f"SEARCH {key}").data(b"SEARCH") == [numbers]


@pytest.mark.parametrize(("seconds", "threads"), [(60.0, 0), (-1.0, 1)])
def test_few_messages_are_searched_at_once_or_else_in_a_thread(
    seconds: float, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=ImapLimits(quick_search_s=seconds)) as mail:
        filled(mail)
        client, database = mail.client(select="INBOX"), mail.provider.world.database
        calls, read_in_lane = list[object](), database.read_in_lane

        def noted(*arguments: Any, **keywords: Any) -> Awaitable[list[int]]:
            calls.append(arguments)
            return read_in_lane(*arguments, **keywords)

        monkeypatch.setattr(database, "read_in_lane", noted)
        assert client.ok('SEARCH NOT FROM x SUBJECT "number 3"').data(b"SEARCH") == [[3]]
        assert len(calls) == threads


@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_uid_search_answers_with_uids() -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(select="INBOX")
        assert client.ok("UID SEARCH 2:3").data(b"SEARCH") == [[3, 4]]
        assert client.ok("UID SEARCH RETURN (ALL COUNT) SEEN").data(b"ESEARCH") == [
            [[b"TAG", b"t4"], b"UID", b"COUNT", 2, b"ALL", b"3:4"]
        ]


@pytest.mark.rfc("4731 §3.1", "MUST")
def test_return_options() -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(select="INBOX")

        def answer(text: str) -> list[object]:
            ((_, *items),) = client.ok(text).data(b"ESEARCH")
            return items

        assert answer("SEARCH RETURN (MIN MAX COUNT) ALL") == [b"MIN", 1, b"MAX", 4, b"COUNT", 4]
        assert answer("SEARCH RETURN () SEEN") == [b"ALL", b"2:3"]
        assert answer("SEARCH RETURN (MIN MAX ALL) DRAFT") == []
        assert answer("SEARCH RETURN (COUNT) DRAFT") == [b"COUNT", 0]


@pytest.mark.rfc("9051 §6.4.4", "MUST")
def test_rev2_has_esearch_only() -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(enable="IMAP4rev2", select="INBOX")
        answer = client.ok("SEARCH SEEN")
        assert answer.data(b"SEARCH") == []
        assert answer.data(b"ESEARCH")[0][1:] == [b"ALL", b"2:3"]


@pytest.mark.rfc("7162 §3.1.5", "MUST")
def test_search_modseq_is_the_highest_of_the_returned_messages() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 4)
        client = mail.client(select="INBOX")
        modseq = {}
        for number in (1, 3, 2, 4):
            modseq[number] = client.ok(f"STORE {number} +FLAGS (\\Seen)").fetched[number].get(b"MODSEQ")
        client.ok("FETCH 1 MODSEQ")
        modseq = {
            number: items[b"MODSEQ"][0] for number, items in client.ok("FETCH 1:4 MODSEQ").fetched.items()
        }
        plain = client.ok(f"SEARCH 1:3 MODSEQ {modseq[3]}").data(b"SEARCH")
        assert plain == [[2, 3, [b"MODSEQ", modseq[2]]]]
        for options, numbers, highest in (
            ("MIN", [b"MIN", 1], 1),
            ("MAX", [b"MAX", 3], 3),
            ("MIN MAX", [b"MIN", 1, b"MAX", 3], 3),
            ("ALL", [b"ALL", b"1:3"], 2),
        ):
            ((_, *items),) = client.ok(f"SEARCH RETURN ({options}) 1:3 MODSEQ 1").data(b"ESEARCH")
            assert items == [*numbers, b"MODSEQ", modseq[highest]], options
        assert client.ok(f"SEARCH RETURN (ALL) 1:3 MODSEQ {modseq[4]}").data(b"ESEARCH") == [
            [[b"TAG", b"t14"]]
        ]


@pytest.mark.rfc("5182 §2.1", "MUST")
def test_a_saved_result_stands_for_messages_and_shrinks_with_them() -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(select="INBOX")
        assert client.ok("SEARCH RETURN (SAVE) SEEN").responses == []
        assert list(client.ok("FETCH $ FLAGS").fetched) == [2, 3]
        assert list(client.ok("UID FETCH $ FLAGS").fetched) == [2, 3]
        assert client.ok("SEARCH $ FLAGGED").data(b"SEARCH") == [[3]]
        client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        client.ok("EXPUNGE")
        assert list(client.ok("FETCH $ FLAGS").fetched) == [2]
        client.ok("SEARCH RETURN (SAVE MIN) ALL")
        assert list(client.ok("FETCH $ UID").fetched) == [1]
        client.ok("SEARCH RETURN (SAVE) DRAFT")
        assert client.ok("UID FETCH $ UID").responses == []
        assert client.ok("UID STORE $ +FLAGS (\\Seen)").responses == []
        client.ok("SEARCH RETURN (SAVE) ALL")
        client.ok("SELECT Archive")
        client.ok("SELECT INBOX")
        assert client.ok("UID FETCH $ UID").responses == []


@pytest.mark.rfc("5182 §2.1", "MUST")
@pytest.mark.parametrize(
    "refused",
    ["CHARSET x-unknown TEXT a", "CHARSET x-unknown  TEXT a", "TEXT {300000+}\r\n" + "a" * 300_000],
)
@pytest.mark.parametrize("verb", ["SEARCH", "UID SEARCH"])
def test_a_search_that_was_to_be_saved_and_is_refused_leaves_an_empty_result(verb: str, refused: str) -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(select="INBOX")
        client.ok("SEARCH RETURN (SAVE) ALL")
        assert client.do(f"{verb} RETURN (COUNT) {refused}").word == b"NO"
        assert client.do(f"{verb} RETURN (SAVE) NO-SUCH-KEY").word == b"BAD"
        assert client.ok("FETCH $ UID").responses, "kept after BAD, and where nothing was to be saved"
        assert client.do(f"{verb} RETURN (MIN SAVE) {refused}").word == b"NO"
        assert client.ok("FETCH $ UID").responses == []


@pytest.mark.rfc("5182 §2.5", "MUST")
@pytest.mark.parametrize("options", ["SAVE", "SAVE COUNT"])
def test_a_result_of_very_many_runs_is_not_saved(options: str) -> None:
    with open_imap(limits=ImapLimits(max_saved_runs=1)) as mail:
        filled(mail)
        client = mail.client(select="INBOX")
        client.ok("SEARCH RETURN (SAVE) SEEN")
        refused = client.do(f"SEARCH RETURN ({options}) OR 1 4")
        assert (refused.word, refused.code, refused.data(b"ESEARCH")) == (b"NO", b"NOTSAVED", [])
        assert client.ok("UID FETCH $ UID").responses == []
        client.ok("SEARCH RETURN (SAVE MIN) OR 1 4")
        assert list(client.ok("FETCH $ UID").fetched) == [1]


@pytest.mark.rfc("9051 §7.5.1", "MUST")
def test_expunge_is_not_sent_during_search() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert client.ok("SEARCH ALL").numbered(b"EXPUNGE") == []
        assert client.ok("UID SEARCH 1:3").numbered(b"EXPUNGE") == []
        assert client.ok("UID SEARCH ALL").numbered(b"EXPUNGE") == [1]


def test_messages_not_announced_yet_are_not_found() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        mail.deliver()
        answer = client.ok("SEARCH ALL")
        assert answer.data(b"SEARCH") == [[1]]
        assert answer.numbered(b"EXISTS") == [2]


@pytest.mark.rfc("5530 §3", "MAY")
@pytest.mark.parametrize(
    "key", ["ALL", "FROM ann", "RETURN (COUNT) ALL", "RETURN (SAVE) ALL", "KEYWORD none"]
)
def test_search_over_messages_that_are_gone_says_so(key: str) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        assert client.ok(f"SEARCH {key}").code is None
        other.ok("EXPUNGE")
        mail.deliver()
        for _ in range(2):
            answer = client.ok(f"SEARCH {key}")
            assert (answer.code, answer.numbered(b"EXPUNGE")) == (b"EXPUNGEISSUED", [])
        assert client.ok("UID SEARCH 1:3").code == b"EXPUNGEISSUED"
        # where EXPUNGE may be sent, it is
        answer = client.ok(f"UID SEARCH {key}")
        assert (answer.code, answer.numbered(b"EXPUNGE")) == (None, [2])
        assert client.ok(f"SEARCH {key}").code is None


def test_a_search_in_the_text_says_that_the_account_is_searched() -> None:
    heard: list[str] = []
    with open_imap() as mail:
        filled(mail)
        account = mail.provider.world.database.read_now(
            lambda tx: tx.value("SELECT account FROM ledgers WHERE messages > 0")
        )
        mail.provider.world.signals.subscribe(searched(account), lambda: heard.append("searched"))
        client = mail.client(select="INBOX")
        client.ok("SEARCH UNSEEN")
        assert heard == []
        client.ok("SEARCH BODY text")
        assert heard == ["searched"]


def test_a_search_in_the_loop_copies_no_mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        filled(mail)
        client = mail.client(select="INBOX")
        monkeypatch.delattr(CachedMailbox, "snapshot")
        assert client.ok("SEARCH LARGER 1").data(b"SEARCH") == [[1, 2, 3, 4]]
