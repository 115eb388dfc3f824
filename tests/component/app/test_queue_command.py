"""`pillarbox queue`: listing and changing queued mail."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.admin import queue
from pillarbox.app.database import opened_database
from pillarbox.config.file import read
from pillarbox.queue.attempts import Peer
from pillarbox.queue.inspection import Selection
from pillarbox.queue.outcome import DeferralReason, deferred
from pillarbox.queue.schedule import claim
from pillarbox.queue.spool import Outbound, QueuedRecipient, Release, enqueue
from pillarbox.world.blobs import prepare
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return set_up(tmp_path_factory.mktemp("provider"))[0]


@pytest.fixture
def there(made: CommandLine) -> Iterator[CommandLine]:
    def fill(tx: Transaction) -> None:
        now_ms = SystemClock().now_ms()
        for sender, to in (("anna@example.org", "you@two.example"), (None, "bounced@three.example")):
            recipients = (QueuedRecipient(to, to.partition("@")[2]),)
            enqueue(tx, Outbound(prepare(b"Subject: Plan\r\n\r\nx\r\n"), sender, recipients), now_ms=now_ms)

    def empty(tx: Transaction) -> None:
        for table in ("queue_messages", "queue_recipients", "queue_destinations", "queue_attempts"):
            tx.execute(f"DELETE FROM {table}")

    with opened_database(read(made.config).data_directory) as database:
        database.write_now(fill)
    yield made
    with opened_database(read(made.config).data_directory) as database:
        database.write_now(empty)


def ids(there: CommandLine) -> list[str]:
    return [str(one["queue_id"]) for one in there.json("queue", "list")["entries"]]


def test_list_as_text_and_as_json(there: CommandLine) -> None:
    text = there.text("queue", "list")
    assert re.search(r"anna@example\.org +you@two\.example +waiting", text)
    assert "<>" in text
    assert "2 messages, 2 recipients." in text
    found = there.json("queue", "list", "--to", "Two.Example")
    assert [one["recipient"] for one in found["entries"]] == ["you@two.example"]
    assert there.json("queue", "list", "--from", "<>")["recipients"] == 1
    assert "Only the first 1 are shown" in there.text("queue", "list", "--limit", "1")


def test_list_has_the_pauses_of_what_is_listed(there: CommandLine) -> None:
    def pause(tx: Transaction) -> None:
        ends_ms = SystemClock().now_ms() + 600_000
        for name in ("two.example", "three.example"):
            tx.execute(
                "INSERT INTO queue_destinations VALUES (?, ?, 3, ?) ON CONFLICT (name) DO UPDATE"
                " SET failures = 3, closed_until_ms = excluded.closed_until_ms",
                (name, ends_ms, ends_ms),
            )

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(pause)
    assert there.text("queue", "list").count("3 failed connections") == 2
    assert "three.example: 3 failed" not in there.text("queue", "list", "--to", "two.example")


def test_show_prints_the_header(there: CommandLine) -> None:
    queue_id = ids(there)[0]
    text = there.text("queue", "show", queue_id)
    assert "you@two.example: waiting, 0 attempts" in text
    assert "Subject: Plan" in text
    assert there.json("queue", "show", queue_id)["header"] == "Subject: Plan"
    assert "queue list" in there.refused("queue", "show", "987654")


def test_what_is_sent_for_later_has_its_time(there: CommandLine) -> None:
    def schedule(tx: Transaction) -> None:
        now_ms = SystemClock().now_ms()
        later = Release(now_ms + 3 * 3_600_000 + 60_000, "for;10800")
        to = (QueuedRecipient("you@four.example", "four.example"),)
        enqueue(tx, Outbound(prepare(b"x"), "anna@example.org", to, release=later), now_ms=now_ms)

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(schedule)
    (entry,) = there.json("queue", "list", "--scheduled")["entries"]
    assert (entry["recipient"], entry["state"]) == ("you@four.example", "scheduled")
    assert re.search(r"you@four\.example +scheduled .* 3 h", there.text("queue", "list"))
    assert there.json("queue", "release", "--to", "four.example") == {"recipients": 0}
    assert "--held or --scheduled" in there.refused("queue", "list", "--held", "--scheduled", code=2)
    assert there.json("queue", "drop", "--to", "four.example") == {"recipients": 1}


def test_hold_release_retry(there: CommandLine) -> None:
    queue_id = ids(there)[0]
    assert there.text("queue", "hold", queue_id) == "1 recipient put on hold.\n"
    assert [one["state"] for one in there.json("queue", "list", "--held")["entries"]] == ["held"]
    assert there.json("queue", "release", "--all") == {"recipients": 1}
    assert there.json("queue", "retry", "--to", "two.example") == {"recipients": 1}


def test_drop_reports_to_the_sender_unless_silent(there: CommandLine) -> None:
    before = there.json("account", "show", "anna@example.org")["messages"]
    assert there.json("queue", "drop", "--to", "two.example") == {"recipients": 1}
    assert there.json("account", "show", "anna@example.org")["messages"] == before + 1
    assert there.json("queue", "drop", "--all", "--silently") == {"recipients": 1}
    assert there.text("queue", "list") == "Queue is empty.\n"


def test_changing_everything_needs_an_explicit_option(there: CommandLine) -> None:
    for verb in ("retry", "hold", "release", "drop"):
        assert "--all" in there.refused("queue", verb)
    assert "not a domain" in there.refused("queue", "list", "--to", "a b")


@pytest.mark.parametrize("verb", ["retry", "hold", "release", "drop"])
def test_a_message_that_is_not_there_is_an_error(there: CommandLine, verb: str) -> None:
    assert "No such message in the queue: 999" in there.refused("queue", verb, "999", ids(there)[0])
    assert len(ids(there)) == 2
    there.refused("queue", verb, "9" * 30, code=2)
    there.refused("queue", verb, ids(there)[0], "--all", code=2)


def test_export_writes_the_message_as_it_is(there: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    text = there.text("queue", "export", ids(there)[0], str(file))
    assert text == f"20 B written to {file}\n"
    assert file.read_bytes() == b"Subject: Plan\r\n\r\nx\r\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert there.run("queue", "export", ids(there)[0], "-").stdout_bytes == file.read_bytes()
    assert "No queued mail matches." in there.text("queue", "list", "--to", "elsewhere.example")
    assert "File exists" in there.refused("queue", "export", ids(there)[0], str(file))
    assert "No such message in the queue: 987654" in there.refused(
        "queue", "export", "987654", str(tmp_path / "x")
    )
    assert len(ids(there)) == 2


def test_a_change_of_many_is_made_part_by_part(there: CommandLine) -> None:
    with opened_database(read(there.config).data_directory) as database:
        assert queue.change(database, queue.hold, Selection(), now_ms=0, at_once=1) == 2
        assert queue.change(database, queue.hold, Selection(), now_ms=0, at_once=1) == 0
    assert len(there.json("queue", "list", "--held")["entries"]) == 2


def test_dropping_many_asks_first(there: CommandLine) -> None:
    question = "Delete 2 messages to 2 recipients from the queue, and report it to their senders?"
    assert question in there.run("queue", "drop", "--all", typed="n\n").output
    assert "Nothing deleted" in there.refused("queue", "drop", "--all", typed="n\n")
    assert "Nothing deleted" in there.refused("queue", "drop", "--all", "--json")
    assert len(ids(there)) == 2
    assert there.text("queue", "drop", "--all", "--yes") == "2 recipients deleted.\n"


def test_show_has_the_attempts(there: CommandLine) -> None:
    def attempt(tx: Transaction) -> None:
        now_ms = SystemClock().now_ms()
        for job in claim(tx, lease=1, now_ms=now_ms, jobs=5):
            peer = Peer("mx.two.example", "192.0.2.1", None)
            reason = DeferralReason("4.2.1", "450 \x1b later", "mx.two.example", peer)
            deferred(tx, job, job.recipients[0], reason, now_ms=now_ms, chance=0.5)

    with opened_database(read(there.config).data_directory) as database:
        database.write_now(attempt)
    text = there.text("queue", "show", ids(there)[0])
    assert re.search(
        r"    [\d-]+ [\d:]+ UTC, mx\.two\.example \[192\.0\.2\.1\], no TLS: 450 \\x1b later\n", text
    )
    assert text.count("450") == 1
    (known,) = there.json("queue", "show", ids(there)[0])["history"]
    assert (known["number"], known["host"], known["address"], known["tls"]) == (
        1,
        "mx.two.example",
        "192.0.2.1",
        None,
    )
