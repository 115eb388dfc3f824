"""The SQL of verbs is accepted by PostgreSQL's grammar as well, and stands where it belongs."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from pillarbox.admin.damaged_values import OF_ACCOUNT
from pillarbox.admin.fsck import RepairContext, every_invariant
from pillarbox.app.database import SCHEMAS
from pillarbox.mail import query as q
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ThreadId
from pillarbox.mail.number_set import NumberSet
from pillarbox.queue import control, inspection
from pillarbox.queue.inspection import Selection
from pillarbox.queue.spool import State
from pillarbox.store import (
    account_counters,
    by_ids,
    email_set,
    emails,
    fetch,
    flag_runs,
    mailbox_cache,
    placements,
    sqlite_fts,
)
from pillarbox.store.fetch import Column
from pillarbox.store.listing import making
from pillarbox.store.listing import texts as list_texts
from pillarbox.store.search import evaluate
from pillarbox.store.search.text import go_on
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.database.schema import statements
from tests.kit.database import RecordingTransaction
from tests.kit.paths import ROOT
from tests.kit.postgresql import refusal, translated
from tests.kit.sql import calls, misnamed
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, octets, open_store, put

SERVER = ROOT / "src" / "pillarbox" / "server"


# --- statements that are put together when they are needed, made by asking for each of their pieces

SELECTIONS = (
    Selection(),
    Selection(messages=(1, 2), destination="two.example", sender="anna@one.example", state=State.HELD),
    Selection(sender="", between=(1, 2)),
)
DATED = [q.Dated(stamp, relation, date(2024, 2, 29)) for stamp in q.Stamp for relation in q.Relation]
LEAVES: tuple[q.Query, ...] = (
    *DATED,
    q.ReceivedBefore(1),
    q.HasAttachment(),
    q.Younger(1),
    q.Older(1),
    q.Larger(1),
    q.Smaller(1),
    q.EmailIs(EmailId(1)),
    q.ThreadIs(ThreadId(1)),
)


def _selected(verb: Callable[..., object], **keywords: object) -> Callable[[], list[str]]:
    def made() -> list[str]:
        tx = RecordingTransaction()
        for selection in SELECTIONS:
            verb(tx, selection, **keywords)
        return tx.statements

    return made


def _fetched() -> list[str]:
    tx = RecordingTransaction()
    for columns in (*((column,) for column in Column), tuple(Column)):
        fetch.rows(tx, AccountId(1), MailboxId(1), NumberSet(((1, 2),)), columns)
    return tx.statements


def _of_modseqs() -> list[str]:
    tx = RecordingTransaction()
    for touched in account_counters.Touched:
        with suppress(ValuesDamaged):  # which it takes the missing row for
            account_counters.next_modseq(tx, AccountId(1), touched)
    return tx.statements


def _of_ids() -> list[str]:
    tx = RecordingTransaction()
    emails.by_id(tx, AccountId(1), [EmailId(1)])
    emails.of_threads(tx, AccountId(1), [1])
    emails.members(tx, AccountId(1), [1])
    emails.mailboxes_of_threads(tx, AccountId(1), [1])
    emails.visible(tx, AccountId(1), [1])
    emails.threads(tx, AccountId(1), [1])
    by_ids.rows(tx, placements._SHOWN, [1])
    by_ids.rows(tx, email_set._MESSAGES, [1])
    for columns in ((Column.SUBJECT,), (Column.ENVELOPE, Column.OCTETS)):
        emails.columns(tx, AccountId(1), [EmailId(1 << 36)], columns, octets=1)
    return tx.statements


def _of_lists() -> list[str]:
    tx = RecordingTransaction()
    for by in making.NOT_IN_MEMORY:
        list_texts.values(tx, AccountId(1), by, (), pause=go_on)
    by_ids.rows(tx, list_texts._PLACED, [1], 1)
    return tx.statements


def _of_flag_runs() -> list[str]:
    tx = RecordingTransaction()
    for texts in (None, (), ("", "\\Seen")):
        flag_runs.overlapping(tx, AccountId(1), MailboxId(1), NumberSet(((1, 2),)), texts=texts)
    return tx.statements


def _searched() -> list[str]:
    with open_store() as real:
        put(real, octets())
        tx = RecordingTransaction(real)
        for leaf in LEAVES:
            evaluate(tx, DatabaseBlobs(), mailbox_cache.load(real, ANNA, mailbox(real)), leaf, now_ms=NOW_MS)
    assert len(tx.statements) == len(LEAVES)
    return tx.statements


def _of_schemas() -> list[str]:
    own = set(statements(sqlite_fts.TABLE))
    scripts = (script for schema in SCHEMAS for script in schema.migrations)
    return [statement for script in scripts for statement in statements(script) if statement not in own]


def _of_invariants() -> list[str]:
    every = every_invariant(RepairContext(DatabaseBlobs(), NOW_MS, Path("/nowhere")))
    found = [invariant.violations for invariant in every if isinstance(invariant.violations, str)]
    repairs = [invariant.repair for invariant in every if isinstance(invariant.repair, tuple)]
    return [*found, *(statement for several in repairs for statement in several)]


def _of_values() -> list[str]:
    tx = RecordingTransaction()
    for values in OF_ACCOUNT:
        values.is_wrong(tx, AccountId(1))
    return tx.statements


MADE: dict[str, Callable[[], list[str]]] = {
    "pillarbox/admin/fsck/repairing.py:_execute": _of_schemas,
    "pillarbox/queue/control.py:_selected_rows": _selected(control.hold, now_ms=NOW_MS),
    "pillarbox/queue/control.py:selected": _selected(control.selected, now_ms=NOW_MS, limit=1),
    "pillarbox/queue/inspection.py:count": _selected(inspection.count),
    "pillarbox/queue/inspection.py:listing": _selected(inspection.listing, now_ms=NOW_MS, limit=1),
    "pillarbox/store/account_counters.py:next_modseq": _of_modseqs,
    "pillarbox/store/by_ids.py:rows": _of_ids,
    "pillarbox/store/emails.py:columns": _of_ids,
    "pillarbox/store/fetch.py:rows": _fetched,
    "pillarbox/store/fetch.py:rows_within": _fetched,
    "pillarbox/store/flag_runs.py:overlapping": _of_flag_runs,
    "pillarbox/store/listing/texts.py:values": _of_lists,
    "pillarbox/store/search/evaluate.py:_narrow_rows": _searched,
    "pillarbox/world/database/invariant.py:find": _of_invariants,
    "pillarbox/world/database/invariant.py:run_repair": _of_invariants,
    "pillarbox/world/database/schema.py:migrate": _of_schemas,
    "pillarbox/world/database/values.py:is_wrong": _of_values,
}
"""Where statements are put together, and what yields every kind of them."""

OF_SQLITE = {text for text in vars(sqlite_fts).values() if isinstance(text, str)}
"""Statements that only SQLite understands: `sqlite` is in the name of their file."""


# --- what is checked


def every_statement() -> Iterator[tuple[str, str]]:
    """Where it is run, and the statement."""
    for call in calls():
        yield from ((call.where, statement) for statement in call.statements)
    for where, made in MADE.items():
        yield from ((where, statement) for statement in made())


def test_every_statement_is_known() -> None:
    unknown = {call.where for call in calls() if not call.statements}
    assert unknown == MADE.keys()
    assert not list(misnamed())


def test_postgresql_accepts_every_statement() -> None:
    seen = {statement: where for where, statement in every_statement() if statement not in OF_SQLITE}
    assert len(seen) > 250
    refused = [
        f"{where}: {reason}: {statement}"
        for statement, where in seen.items()
        if (reason := refusal(statement))
    ]
    assert not refused, "\n".join(refused)


def test_only_files_that_say_so_use_what_only_sqlite_has() -> None:
    special = re.compile(
        r"\b(?:PRAGMA|sqlite_\w+|VACUUM|MATCH|fts5|search_index|INSERT OR \w+|REPLACE INTO)\b"
    )
    found = [f"{where}: {statement}" for where, statement in every_statement() if special.search(statement)]
    assert not [line for line in found if not any(own in line for own in OF_SQLITE)]


@pytest.mark.parametrize(
    ("statement", "for_postgresql"),
    [
        (
            "SELECT '?', \"?\" FROM t WHERE a = ? AND b = ?",
            "SELECT '?', \"?\" FROM t WHERE a = $1 AND b = $2",
        ),
        ("SELECT 'it''s ?' WHERE a = ?", "SELECT 'it''s ?' WHERE a = $1"),
        ("CREATE TABLE t (a INTEGER) WITHOUT ROWID", "CREATE TABLE t (a INTEGER)"),
        ("CREATE TABLE t (a INTEGER) STRICT, WITHOUT ROWID;", "CREATE TABLE t (a INTEGER)"),
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)",
            "CREATE TABLE t (a BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)",
        ),
    ],
)
def test_the_translation(statement: str, for_postgresql: str) -> None:
    assert translated(statement) == for_postgresql
    assert refusal(statement) is None


def test_the_grammar_refuses_what_only_sqlite_has() -> None:
    assert refusal("INSERT OR REPLACE INTO t VALUES (?)")
    assert refusal("SELECT a FROM t WHERE t MATCH ?")


SQL = re.compile(
    r"^\s*(?:SELECT\s.*\sFROM|SELECT 1|INSERT INTO|UPDATE\s+\w+\s+SET|DELETE FROM|CREATE TABLE)\b", re.DOTALL
)


def test_no_sql_in_the_server() -> None:
    found = [
        f"{path.relative_to(SERVER)}:{node.lineno}"
        for path in sorted(SERVER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert not found
    assert not [call for call in calls() if call.where.startswith("pillarbox/server/")]
