"""Imports: formats, flags, folders, dates; and that nothing is imported twice, whatever happens."""

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pillarbox.admin import accounts
from pillarbox.admin.exporting.maildir import MaildirWriter
from pillarbox.admin.exporting.mbox import MboxWriter
from pillarbox.admin.exporting.pages import export
from pillarbox.admin.importing.discover import discover
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.run import (
    MAX_BATCH_MESSAGES,
    ImportResult,
    create_mailboxes,
    run_import,
    subscribe,
)
from pillarbox.admin.importing.source import Source, SourceMessage
from pillarbox.app.database import SCHEMAS
from pillarbox.directory import domains
from pillarbox.mail.flags import MAX_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, Uid
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import fetch, mailboxes
from pillarbox.store.account_counters import OverQuota
from pillarbox.store.fetch import Column
from pillarbox.store.flag_texts import MAX_MAILBOX_OCTETS
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SeededEntropy

NOW_MS = 1_750_000_000_000
SEPARATOR = b"From ann@else.example Tue Jul 23 19:39:23 2002\n"
AT_MS = 1_027_453_163_000


class Provider:
    """A database with one account, and what it holds as a test wants to see it."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = memory_database(SCHEMAS)
        self.blobs = FileBlobs(folder / "blobs")
        self.account = self.another("anna@example.org")

    def another(self, address: str) -> AccountId:
        entropy = SeededEntropy(1)

        def make(tx: Transaction) -> AccountId:
            if domains.get(tx, "example.org") is None:
                domains.create(tx, "example.org", now_ms=NOW_MS)
            new = accounts.with_password(address, "password", salt=bytes(16), entropy=entropy)
            return accounts.create(tx, new, now_ms=NOW_MS).id

        return self.database.write_now(make)

    def bring(self, path: Path, *, into: str | None = None, account: AccountId | None = None) -> ImportResult:
        total = ImportResult()
        found = discover(path, into=into)
        total.skipped += found.skipped
        whose = account or self.account
        self.database.write_now(lambda tx: create_mailboxes(tx, whose, found.mailboxes, now_ms=NOW_MS))
        self.database.write_now(lambda tx: subscribe(tx, whose, found.subscriptions))
        for source in found.sources:
            total.add(self.bring_source(source, account=account))
        return total

    def bring_source(
        self,
        source: Source,
        *,
        account: AccountId | None = None,
        max_batch_messages: int = MAX_BATCH_MESSAGES,
        progress: Callable[[int, ImportResult], None] = lambda _octets, _result: None,
    ) -> ImportResult:
        return run_import(
            self.database,
            self.blobs,
            account or self.account,
            source,
            now_ms=NOW_MS,
            progress=progress,
            max_batch_messages=max_batch_messages,
        )

    def held(self, account: AccountId | None = None) -> dict[str, list[tuple[bytes, str, int]]]:
        """Octets, flags and dates by mailbox; mailboxes without messages are left out."""
        whose = account or self.account

        def look(tx: Transaction) -> dict[str, list[tuple[bytes, str, int]]]:
            columns = (Column.BLOB, Column.FLAGS, Column.RECEIVED_AT_MS)
            return {
                box.name: [
                    (self.blobs.read(tx, digest), flags, at)
                    for _, digest, flags, at in fetch.rows(tx, whose, box.id, EVERYTHING, columns)
                ]
                for box in mailboxes.listing(tx, whose)
                if box.messages
            }

        return self.database.read_now(look)


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


def mbox(*subjects: str) -> bytes:
    return b"".join(SEPARATOR + b"Subject: %b\n\n>From here\nwords\n\n" % one.encode() for one in subjects)


def subjects(held: list[tuple[bytes, str, int]]) -> list[str]:
    return [octets.partition(b"\r\n")[0].removeprefix(b"Subject: ").decode() for octets, _, _ in held]


def test_an_mbox_is_imported_with_dates_flags_and_crlf(provider: Provider, tmp_path: Path) -> None:
    status_fields = b"Status: RO\nX-Status: AF\nX-Keywords: $Forwarded, No)thing\n"
    (tmp_path / "m").write_bytes(mbox("one") + SEPARATOR + b"Subject: two\n" + status_fields + b"\nx\n")

    assert provider.bring(tmp_path / "m").stored == 2
    assert provider.held() == {
        "INBOX": [
            (b"Subject: one\r\n\r\nFrom here\r\nwords\r\n", "", AT_MS),
            (b"Subject: two\r\n\r\nx\r\n", "\\Answered \\Flagged \\Seen $Forwarded No_thing", AT_MS),
        ]
    }


def test_keywords_beyond_what_a_message_can_have_are_left_out(provider: Provider, tmp_path: Path) -> None:
    words = b" ".join(b"k%03d" % number for number in range(100)) + b" " + b"x" * 250
    many = b"X-Keywords: " + b" ".join([words, *(letter * 250 for letter in (b"a", b"b", b"c"))]) + b"\n"
    (tmp_path / "m").write_bytes(SEPARATOR + b"Subject: two\nStatus: RO\n" + many + b"\nx\n")
    assert provider.bring(tmp_path / "m").stored == 1
    [(_, flags, _)] = provider.held()["INBOX"]
    assert flags.startswith("\\Seen ")
    assert 500 < len(flags) <= MAX_TEXT_OCTETS
    assert flags.count(" k") == 100


def test_keywords_beyond_what_a_mailbox_can_have_are_left_out_and_told(
    provider: Provider, tmp_path: Path
) -> None:
    number = MAX_MAILBOX_OCTETS // 250 + 3
    letters = [
        SEPARATOR
        + b"Subject: %d\nX-Keywords: %b $Old\nStatus: RO\n\nx\n\n" % (one, (b"k%d" % one).ljust(250, b"x"))
        for one in range(number)
    ]
    (tmp_path / "m").write_bytes(b"".join(letters))
    done = provider.bring(tmp_path / "m")
    assert done.stored == number
    texts = [flags for _, flags, _ in provider.held()["INBOX"]]
    assert all(text.startswith("\\Seen ") and "$Old" in text for text in texts)
    short = [text for text in texts if text == "\\Seen $Old"]
    assert done.left_out.messages == len(short) > 3
    assert f"k{number - 1}".ljust(250, "x") in done.left_out.keywords


def test_status_fields_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(SEPARATOR + b"Status: RO\nSubject: two\n\nx\n")
    [item] = MboxSource(tmp_path / "m", "INBOX", keep_status_fields=True).read(lambda _: None)
    assert isinstance(item, SourceMessage)
    assert item.octets == b"Status: RO\r\nSubject: two\r\n\r\nx\r\n"
    assert item.flags == "\\Seen"


@pytest.mark.parametrize("packed", [False, True])
def test_a_second_run_continues_where_the_first_ended(
    provider: Provider, tmp_path: Path, packed: bool
) -> None:
    path = tmp_path / "m.mbox"

    def write(*names: str) -> None:
        path.write_bytes(gzip.compress(mbox(*names)) if packed else mbox(*names))

    write("one", "two")
    assert provider.bring(path, into="Old").stored == 2
    assert provider.bring(path, into="Old").stored == 0
    write("one", "two", "three")
    assert provider.bring(path, into="Old").stored == 1
    assert subjects(provider.held()["Old"]) == ["one", "two", "three"]


def test_a_run_interrupted_at_any_batch_imports_nothing_twice(provider: Provider, tmp_path: Path) -> None:
    names = [f"number {number}" for number in range(20)]
    (tmp_path / "m").write_bytes(mbox(*names))
    (source,) = discover(tmp_path / "m", into=None).sources

    class Cut(Exception):
        pass

    def cut(_octets: int, brought: ImportResult) -> None:
        if brought.stored >= 6:
            raise Cut

    for _ in range(3):
        with pytest.raises(Cut):
            provider.bring_source(source, max_batch_messages=3, progress=cut)
    provider.bring(tmp_path / "m")
    assert subjects(provider.held()["INBOX"]) == names


def test_too_large_messages_are_reported_and_not_tried_again(provider: Provider, tmp_path: Path) -> None:
    source = MboxSource(tmp_path / "m", "INBOX", max_message_octets=2_000)
    large = SEPARATOR + b"Subject: large\n\n" + b"x" * 5_000_000 + b"\n\n"
    (tmp_path / "m").write_bytes(mbox("one") + large + mbox("two") + large)

    brought = provider.bring_source(source)

    assert [one.why for one in brought.skipped] == ["5000017 octets are over the limit of 2000"] * 2
    assert f"octet {len(mbox('one'))}" in brought.skipped[0].where
    assert subjects(provider.held()["INBOX"]) == ["one", "two"]
    assert provider.bring_source(source) == ImportResult(already=2)


def test_a_quota_stops_the_import_and_imported_messages_stay(provider: Provider, tmp_path: Path) -> None:
    source = MboxSource(tmp_path / "m", "INBOX")
    (tmp_path / "m").write_bytes(mbox("one", "two", "three", "four"))
    provider.database.write_now(accounts.set_quota, "anna", 100)

    with pytest.raises(OverQuota):
        provider.bring_source(source, max_batch_messages=2)
    provider.database.write_now(accounts.set_quota, "anna", 0)
    provider.bring_source(source, max_batch_messages=2)
    assert subjects(provider.held()["INBOX"]) == ["one", "two", "three", "four"]


def test_a_large_message_is_a_file_of_its_own(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(SEPARATOR + b"Subject: large\n\n" + b"x" * 500_000 + b"\n")

    provider.bring(tmp_path / "m")

    ((octets, _, _),) = provider.held()["INBOX"]
    assert len(octets) == len(b"Subject: large\r\n\r\n") + 500_002
    assert [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]


def test_a_commit_that_may_yet_be_durable_keeps_its_files(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(SEPARATOR + b"Subject: large\n\n" + b"x" * 500_000 + b"\n")

    def commit(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("the disk failed at COMMIT")

    (source,) = discover(tmp_path / "m", into=None).sources
    monkeypatch.setattr(provider.database, "write_now", commit)
    with pytest.raises(DatabaseUnavailable):
        provider.bring_source(source)
    assert [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]


def maildir(path: Path, *names: str) -> None:
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    for name in names:
        where = path / ("cur" if ":2," in name else "new") / name
        where.write_bytes(b"Subject: %b\n\nx\n" % name.partition(".")[0].encode())
        os.utime(where, (1_000_000, 1_000_000))


def test_a_maildir_is_imported_with_folders_flags_and_keywords(provider: Provider, tmp_path: Path) -> None:
    maildir(tmp_path, "2.b:2,FRST", "1.a", "3.c:2,DPab")
    maildir(tmp_path / ".Work.R&AOk-sum&AOk-s", "4.d:2,S")
    (tmp_path / "dovecot-keywords").write_text("0 $Label1\n1 Work\n")
    (tmp_path / "cur" / "9.empty:2,").touch()

    brought = provider.bring(tmp_path)

    assert [one.why for one in brought.skipped] == ["it is empty"]
    at = 1_000_000_000
    assert provider.held() == {
        "INBOX": [
            (b"Subject: 1\r\n\r\nx\r\n", "", at),
            (b"Subject: 2\r\n\r\nx\r\n", "\\Answered \\Flagged \\Deleted \\Seen", at),
            (b"Subject: 3\r\n\r\nx\r\n", "\\Draft $Forwarded $Label1 Work", at),
        ],
        "Work/Résumés": [(b"Subject: 4\r\n\r\nx\r\n", "\\Seen", at)],
    }


def test_from_a_maildir_in_use_only_new_messages_are_imported(provider: Provider, tmp_path: Path) -> None:
    maildir(tmp_path, "1.a", "2.b")
    provider.bring(tmp_path)
    (tmp_path / "new" / "1.a").rename(tmp_path / "cur" / "1.a:2,S")
    (tmp_path / "new" / "3.c").write_bytes(b"Subject: 3\n\nx\n")

    assert provider.bring(tmp_path).stored == 1
    assert subjects(provider.held()["INBOX"]) == ["1", "2", "3"]


def test_a_tree_of_mbox_files_and_of_maildirs(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "a" / "Local.sbd").mkdir(parents=True)
    (tmp_path / "a" / "Inbox").write_bytes(mbox("i"))
    (tmp_path / "a" / "Inbox.msf").write_bytes(b"// an index, no mail")
    (tmp_path / "a" / "Local.sbd" / "2024.mbox.gz").write_bytes(gzip.compress(mbox("l")))
    maildir(tmp_path / "b" / "Projects" / "One", "1.a")

    provider.bring(tmp_path / "a")
    provider.bring(tmp_path / "b", into="Archive")

    assert {name: subjects(held) for name, held in provider.held().items()} == {
        "INBOX": ["i"],
        "Local/2024": ["l"],
        "Archive/Projects/One": ["1"],
    }


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_an_export_is_imported_unchanged(provider: Provider, tmp_path: Path, form: str) -> None:
    status_fields = b"Status: RO\nX-Status: AFT\nX-Keywords: $Forwarded Work\n"
    (tmp_path / "m").write_bytes(
        mbox("one", "two") + SEPARATOR + b"Subject: 3\n" + status_fields + b"\nFrom me at noon\n\n\n"
    )
    provider.bring(tmp_path / "m")
    provider.bring(tmp_path / "m", into="A.b\\c/Grüße & mehr")
    before = provider.held()
    out = tmp_path / "out"

    boxes = provider.database.read_now(mailboxes.listing, provider.account)
    writer = MaildirWriter(out) if form == "maildir" else MboxWriter(out)
    exported = export(provider.database, provider.blobs, provider.account, boxes, writer)
    bob = provider.another("bob@example.org")
    provider.bring(out, account=bob)

    assert exported.messages == 6
    assert before == provider.held(bob)
    assert before == provider.held()


def test_paging_through_a_mailbox(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(mbox("one", "two", "three"))
    provider.bring(tmp_path / "m")
    inbox = provider.database.read_now(mailboxes.by_name, provider.account, "INBOX").id

    def page(tx: Transaction, after: int) -> list[int]:
        return list(fetch.next_uids(tx, provider.account, inbox, after=Uid(after), limit=2))

    assert provider.database.read_now(page, 0) == [1, 2]
    assert provider.database.read_now(page, 2) == [3]
    assert provider.database.read_now(page, 3) == []


def test_removing_an_account_forgets_its_records(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(mbox("one"))
    provider.bring(tmp_path / "m")
    provider.database.write_now(accounts.remove, "anna")

    assert provider.database.read_now(lambda tx: tx.value("SELECT COUNT(*) FROM imported")) == 0
