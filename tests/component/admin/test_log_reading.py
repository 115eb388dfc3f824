"""Reading a log file: what matches, what is added, and what else may stand there."""

import json
from pathlib import Path

import pytest

from pillarbox.admin.log_reading import (
    MAX_LINE_OCTETS,
    LogEntry,
    LogFollower,
    LogQuery,
    LogScope,
    entry_of,
    last_entries,
    log_scope,
    utc_ms,
)
from pillarbox.directory.naming import NameRefused
from tests.kit import roles as kit

NOON = "2026-11-30T12:00:00Z"


def line(event: str, level: str = "info", at: str = NOON, **fields: object) -> str:
    return json.dumps({**fields, "event": event, "level": level, "timestamp": at}) + "\n"


def events(found: "list[LogEntry]") -> list[str]:
    return [str(entry.fields["event"]) if entry.fields else entry.line for entry in found]


def shown(file: Path, query: LogQuery = LogQuery(), limit: int = 100) -> list[str]:  # noqa: B008 - immutable
    return events([*last_entries(file, query, limit=limit)])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    older, file = tmp_path / "log.1", tmp_path / "log"
    older.write_text(line("worker started", at="2026-11-29T01:00:00Z"))
    file.write_text(
        line("message accepted", reverse_path="<anna@one.example>", account=7)
        + "Traceback (most recent call last):\n"
        + line("login failed", "warning", address="192.0.2.1")
        + line("session failed", "error", account=8)
    )
    return file


def test_the_older_file_is_read_as_well_and_all_lines_are_shown(log: Path) -> None:
    assert shown(log) == [
        "worker started",
        "message accepted",
        "Traceback (most recent call last):",
        "login failed",
        "session failed",
    ]
    assert shown(log, limit=2) == ["login failed", "session failed"]
    assert shown(log, limit=0) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LogQuery(level="warning"), ["login failed", "session failed"]),
        (LogQuery(level="error"), ["session failed"]),
        (LogQuery(event="FAILED"), ["login failed", "session failed"]),
        (LogQuery(about="Anna@one.example"), ["message accepted"]),
        (LogQuery(about="192.0.2.1"), ["login failed"]),
        (LogQuery(about="bert@one.example", account_id=8), ["session failed"]),
        (LogQuery(since_ms=utc_ms("2026-11-30")), ["message accepted", "login failed", "session failed"]),
        (LogQuery(since_ms=utc_ms("2026-11-30T14:00+01:00")), []),
        (LogQuery(event="failed", level="error", about="nobody"), []),
    ],
)
def test_what_is_asked_for_must_all_fit(log: Path, query: LogQuery, found: list[str]) -> None:
    assert shown(log, query) == found


@pytest.mark.parametrize("octets", [b"", b"{}", b"[1]", b"7", b'{"event":1', b"\xff\xfe", b'{"a":' * 2000])
def test_what_is_no_entry_is_a_text(octets: bytes) -> None:
    entry = entry_of(octets)
    assert entry.fields is None
    assert entry.at_ms is None


def test_an_endless_line_is_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * (2 * MAX_LINE_OCTETS + 5))
    assert [len(piece) for piece in shown(tmp_path / "log")] == [MAX_LINE_OCTETS, MAX_LINE_OCTETS, 5]


def test_following_begins_at_the_end_and_gives_whole_lines(log: Path) -> None:
    follower = LogFollower(log)
    assert [*follower.added()] == []
    with log.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert [*follower.added()] == [b"one"]
        file.write("o\n")
    assert [*follower.added()] == [b"two"]
    follower.close()


def test_following_goes_on_in_a_new_file_and_loses_nothing(log: Path) -> None:
    follower = LogFollower(log)
    with log.open("a") as file:
        file.write("last of the old\n")
    log.rename(log.with_name("log.1"))
    assert [*follower.added()] == [b"last of the old"], "the new one is not there yet"
    log.write_text("first of the new\n")
    assert [*follower.added()] == [b"first of the new"]
    log.write_text("")
    assert [*follower.added()] == []
    log.write_text("after it was emptied\n")
    assert [*follower.added()] == [b"after it was emptied"]
    follower.close()


def test_the_log_of_a_domain_has_only_what_is_about_it(tmp_path: Path) -> None:
    with kit.provider() as tx:
        scope = log_scope(tx, [kit.A])
        own, other = kit.number(tx, kit.user(kit.A)), kit.number(tx, kit.user(kit.B))
        with pytest.raises(NameRefused):
            log_scope(tx, ["gone.example"])
    assert scope == LogScope(frozenset({kit.A, f"also-{kit.A}"}), scope.accounts)
    file = tmp_path / "log"
    file.write_text(
        line("of its account", account=own)
        + line("of another account, whoever else is named", account=other, recipient=kit.user(kit.A))
        + line("from an address", reverse_path=f"<X@also-{kit.A.upper()}>")
        + line("of the domain", domain=kit.A)
        + line("of nobody", address="192.0.2.1")
        + line("of another", recipient=f"x@{kit.B}", domain=f"sub.{kit.A}")
        + "a line that is no entry\n"
    )
    assert shown(file, LogQuery(scope=scope)) == ["of its account", "from an address", "of the domain"]
    assert shown(file, LogQuery(scope=LogScope(frozenset(), frozenset()))) == []
