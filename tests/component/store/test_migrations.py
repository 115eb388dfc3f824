"""A store that an earlier version made is used as it is."""

from dataclasses import replace
from pathlib import Path

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.mail.summary import summarize
from pillarbox.store import (
    account_counters,
    email_blobs,
    email_set,
    flags,
    indicators,
    mailbox_cache,
    mailboxes,
    undo_keeping,
    undoing,
    uploads,
)
from pillarbox.store.append import Message, append
from pillarbox.store.flags import Mode
from pillarbox.store.indicators import Source
from pillarbox.store.schema import SCHEMA
from pillarbox.store.undo_tokens import Undoable
from pillarbox.trust.bimi import Checked, Verdict
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database

ANN = AccountId(1)


def test_flags_of_single_messages_become_runs_when_they_are_changed(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:2], compatible_back_to=1)
    path = tmp_path / "db"
    database = open_database(path, [BLOBS, before], create=True)

    def fill(tx: Transaction) -> None:
        _open_as_before(tx, modseq=4)
        tx.execute_many(
            "INSERT INTO flags VALUES (1, 1, ?, ?, ?)", [(9, "\\Seen", 2), (11, "", 3), (12, "", 4)]
        )
        tx.execute("UPDATE mailboxes SET uid_next = 13, messages = 3, highest_modseq = 4 WHERE id = 1")

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
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:6], compatible_back_to=6)
    after = replace(SCHEMA, migrations=SCHEMA.migrations[:7], compatible_back_to=6)
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(_open_as_before, modseq=1)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, after])
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


def test_in_mailboxes_of_before_no_client_has_said_where_they_are(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:8], compatible_back_to=8)
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(
        lambda tx: tx.execute("INSERT INTO mailboxes VALUES (1, 1, 'INBOX', 'inbox', 1, 1, 1, 1, 0, 0, 0, 0)")
    )
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        assert database.read_now(mailboxes.by_name, ANN, "INBOX").sort_order is None
    finally:
        database.close_now()


def _open_as_before(tx: Transaction, *, modseq: int) -> None:
    """An account with an INBOX, in tables of any version."""
    first = account_counters.email_bounds(ANN)[0]
    tx.execute("INSERT INTO ledgers VALUES (1, ?, 0, 0, ?, 1, 1, ?)", (modseq, first, first))
    tx.execute("INSERT INTO mailboxes VALUES (1, 1, 'INBOX', 'inbox', 1, 1, 1, ?, 0, 0, 0, 0)", (modseq,))


def _inbox(tx: Transaction) -> MailboxId:
    return mailboxes.id_by_name(tx, ANN, "INBOX")


def _rows(tx: Transaction) -> list[tuple[int, int, str]]:
    return tx.rows("SELECT uid, more, flags FROM flags ORDER BY uid")


def test_of_what_happened_before_emails_were_logged_no_changes_are_told(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:6], compatible_back_to=6)
    path = tmp_path / "db"
    database = open_database(path, [BLOBS, before], create=True)

    def fill(tx: Transaction) -> None:
        _open_as_before(tx, modseq=40)
        first = account_counters.email_bounds(ANN)[0]
        for uid, thread in ((1, first + 1), (2, first + 1)):
            row = ANN, 1, uid, first + uid, thread, 9, 0, None, None, 0
            tx.execute("INSERT INTO placements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        tx.execute("INSERT INTO changes VALUES (1, 40, 1, 1, 1, 2)")

    database.write_now(fill)
    database.close_now()

    database = open_database(path, [BLOBS, SCHEMA])
    try:
        states = "SELECT modseq, email_modseq, mailbox_modseq, thread_modseq, logged_from FROM ledgers"
        assert database.read_now(_all, states) == [(40, 40, 40, 40, 40)]
        assert database.read_now(_all, "SELECT first, last, email FROM changes WHERE kind = 1") == [
            (1, 2, None)
        ]
        database.write_now(mailboxes.subscribe, ANN, "Elsewhere")
        assert database.read_now(_all, states) == [(41, 40, 40, 40, 40)]
    finally:
        database.close_now()


def _all(tx: Transaction, sql: str) -> list[tuple[object, ...]]:
    return tx.rows(sql)


def test_uploads_get_a_table_and_emails_an_index_of_their_octets(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=_before("CREATE TABLE uploads"))
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    message = Message(prepare(b"Subject: x\r\n\r\n"), summarize(b"Subject: x\r\n\r\n"))

    def fill(tx: Transaction) -> None:
        mailboxes.create_defaults(tx, ANN, now_ms=0)
        append(tx, ANN, _inbox(tx), message, flags="", received_at_ms=0, now_ms=0)

    database.write_now(fill)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        assert database.read_now(email_blobs.size, ANN, message.blob.blob.digest) == 14
        kept = database.write_now(uploads.add, ANN, prepare(b"octets"), "a/b", now_ms=0)
        assert kept is not None
        assert database.read_now(uploads.find, ANN, kept.digest) == kept
    finally:
        database.close_now()


def test_what_is_destroyed_can_be_undone_in_a_store_from_before(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=_before("CREATE TABLE undo_tokens"))
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    message = Message(prepare(b"Subject: x\r\n\r\n"), summarize(b"Subject: x\r\n\r\n"))

    def fill(tx: Transaction) -> EmailId:
        mailboxes.create_defaults(tx, ANN, now_ms=0)
        return append(tx, ANN, _inbox(tx), message, flags="", received_at_ms=0, now_ms=0).email_id

    def destroy(tx: Transaction) -> None:
        was = undo_keeping.before(tx, ANN, [], [email])
        email_set.destroy_emails(tx, ANN, [email])
        undo_keeping.keep(tx, ANN, undoable, was, [], now_ms=0)

    email = database.write_now(fill)
    database.close_now()
    undoable = Undoable(token=bytes(16), kept_ms=10, most=1)
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        database.write_now(destroy)
        redo = Undoable(token=b"1" * 16, kept_ms=10, most=1)
        undone = database.write_now(undoing.undo, ANN, bytes(16), redo, valid_at_ms=9, now_ms=9)
        assert undone is not None
        assert [*undone.emails] == [email]
    finally:
        database.close_now()


def test_a_token_from_before_snoozes_were_kept_with_it_is_used(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=_before("ALTER TABLE undo_emails"), compatible_back_to=1)
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    message = Message(prepare(b"Subject: x\r\n\r\n"), summarize(b"Subject: x\r\n\r\n"))

    def fill(tx: Transaction) -> EmailId:
        mailboxes.create_defaults(tx, ANN, now_ms=0)
        email = append(tx, ANN, _inbox(tx), message, flags="", received_at_ms=0, now_ms=0).email_id
        tx.execute("INSERT INTO undo_tokens VALUES (?, ?, 1, 10, 0, 5)", (ANN, bytes(16)))
        tx.execute(
            "INSERT INTO undo_emails VALUES (?, ?, 2, ?, NULL, '\\Seen', NULL, '', NULL, NULL, NULL, NULL, NULL)",
            (ANN, bytes(16), email),
        )
        return email

    email = database.write_now(fill)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        redo = Undoable(token=b"1" * 16, kept_ms=10, most=1)
        undone = database.write_now(undoing.undo, ANN, bytes(16), redo, valid_at_ms=9, now_ms=9)
        assert undone is not None
        (now, _) = undone.emails[email]
        assert now is not None
        assert now.flags == "\\Seen"
    finally:
        database.close_now()


def _before(statement: str) -> tuple[str, ...]:
    """The migrations before that with this statement."""
    (number,) = [number for number, sql in enumerate(SCHEMA.migrations) if statement in sql]
    return SCHEMA.migrations[:number]
