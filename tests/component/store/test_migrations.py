"""A store that an earlier version made is used as it is."""

from dataclasses import replace
from pathlib import Path

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import flags, indicators, mailbox_cache, mailboxes
from pillarbox.store.flags import Mode
from pillarbox.store.indicators import Source
from pillarbox.store.schema import SCHEMA
from pillarbox.trust.bimi import Checked, Verdict
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database

ANN = AccountId(1)


def test_flags_of_single_messages_become_runs_when_they_are_changed(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:2], compatible_back_to=1)
    path = tmp_path / "db"
    database = open_database(path, [BLOBS, before], create=True)

    def fill(tx: Transaction) -> None:
        mailboxes.create_defaults(tx, ANN, now_ms=0)
        tx.execute_many(
            "INSERT INTO flags VALUES (1, 1, ?, ?, ?)", [(9, "\\Seen", 2), (11, "", 3), (12, "", 4)]
        )
        tx.execute("UPDATE mailboxes SET uid_next = 13, messages = 3, highest_modseq = 4 WHERE id = 1")
        tx.execute("UPDATE ledgers SET modseq = 4")

    database.write_now(fill)
    database.close_now()

    database = open_database(path, [BLOBS, SCHEMA])
    try:
        cached = database.read_now(mailbox_cache.load, ANN, inbox := database.read_now(_inbox))
        assert [*zip(cached.uids, cached.flags, cached.modseqs, strict=True)] == [
            (9, "\\Seen", 2),
            (11, "", 3),
            (12, "", 4),
        ]
        changed = database.write_now(flags.alter, ANN, inbox, EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert changed.changed == 2
        assert database.read_now(_rows) == [(9, 0, "\\Seen"), (11, 1, "\\Seen")]
    finally:
        database.close_now()
    assert path.with_name("db.before-store2").exists()


def test_a_store_of_the_version_before_gets_a_table_for_images(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:6])
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(mailboxes.create_defaults, ANN, now_ms=0)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        checked = Checked(Verdict(digest="d", until_s=1), b"<svg/>")
        database.write_now(indicators.keep, "two.example", Source("https://two.example/"), checked, now_s=0)
        assert database.read_now(indicators.image, "two.example", "d") == b"<svg/>"
        assert database.read_now(_inbox)
    finally:
        database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, before])
    try:
        assert database.read_now(_inbox), "the version before works on it"
    finally:
        database.close_now()


def _inbox(tx: Transaction) -> MailboxId:
    return mailboxes.by_name(tx, ANN, "INBOX").id


def _rows(tx: Transaction) -> list[tuple[int, int, str]]:
    return tx.rows("SELECT uid, more, flags FROM flags ORDER BY uid")
