"""Watching a running server with two workers: status, who, kick, log, metrics, and what is seen when it is down."""

import json
import os
import signal
import smtplib
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.kit.served import Served, free_ports


class Watched(Served):
    """A server with two workers, a log file and metrics."""

    def __init__(self, folder: Path) -> None:
        (self.metrics_port,) = free_ports(1)
        self.log_file = folder / "pillarbox.log"
        super().__init__(folder, "--workers", "2")

    def configured(self, config: str) -> str:
        """See `Served`."""
        return f'{config}\n[log]\nfile = "{self.log_file}"\n'

    def listening(self) -> list[str]:
        """See `Served`."""
        return [f'metrics = ["127.0.0.1:{self.metrics_port}"]']

    def said(self, words: str) -> int:
        """How often this is in the log."""
        return self.log_file.read_text().count(words) if self.log_file.exists() else super().said(words)

    def status(self, *words: str, code: int = 0) -> Any:
        """What `status --json` says."""
        result = self.there.run("status", "--json", *words)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def metrics(self) -> list[str]:
        """The lines that a collector gets."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=20) as response:
            return response.read().decode().splitlines()  # type: ignore[no-any-return]

    def is_replaced(self, worker: int) -> bool:
        """Whether another worker is in the place of this one, and answers."""
        workers = self.workers()
        replaced = worker not in workers and len(workers) == 2
        return replaced and self.there.run("status", "--quick").exit_code == 0

    def send(self) -> None:
        """Have it accept a message."""
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], timeout=20) as client:
            client.sendmail("x@elsewhere.example", ["anna@example.org"], "Subject: x\r\n\r\nx")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    served = Watched(tmp_path)
    yield served
    if served.process.poll() is None:
        assert served.end() == 0


def test_a_server_from_its_start_to_its_end(watched: Watched) -> None:
    found = watched.status()
    assert found["state"] == "healthy"
    assert found["problems"] == []
    (server,) = found["servers"]
    assert server["pid"] == watched.process.pid
    assert [worker["pid"] for worker in server["workers"]] == watched.workers()
    assert found["mail"]["messages"] == 0

    clients = [watched.imap() for _ in range(6)]
    for client in clients:
        client.select()
    watched.send()
    sessions = watched.there.json("who", "anna@example.org")
    assert {session["state"] for session in sessions} == {"selected INBOX"}
    assert len(sessions) == 6
    assert watched.there.json("who", "--address", "192.0.2.0/24") == []
    found = watched.status()
    assert found["servers"][0]["logins"] == {"anna@example.org": 6}
    assert found["servers"][0]["connections"]["imaps"] == 6
    assert found["mail"]["messages"] == 1
    text = watched.there.text("status")
    for expected in ("healthy", "imaps 6", "anna@example.org 6", "1 message", "no backup"):
        assert expected in text

    refused = watched.there.run("kick", "anna@example.org", typed="n\n")
    assert refused.exit_code == 1
    assert "End 6 sessions?" in refused.output
    assert "0 sessions ended." in watched.there.refused("kick", "1.999999", "--yes")
    assert watched.there.json("kick", "anna@example.org", "--yes") == {"sessions": 6}
    for client in clients:
        with pytest.raises(client.abort, match="administrator"):
            client.noop()
        client.shutdown()

    client = watched.imap()
    written = watched.there.json("account", "rename", "anna", "Anna@example.org")
    assert (written["old"], written["new"], written["sessions_ended"]) == (*["anna@example.org"] * 2, 0)
    client.noop()
    assert "1 session ended" in watched.there.text("account", "rename", "anna", "anne@example.org")
    with pytest.raises(client.abort, match="administrator"):
        client.noop()
    client.shutdown()
    assert watched.there.json("account", "rename", "anne", "anna@example.org")["sessions_ended"] == 0

    shown = watched.there.text("log", "--event", "accepted")
    assert shown.count("\n") == 1
    assert "message accepted  " in shown
    assert watched.end() == 0
    found = watched.status(code=3)
    assert (found["state"], found["servers"]) == ("not running", [])
    assert found["mail"]["messages"] == 1
    assert "not running" in watched.there.run("status").output
    assert "The server is not running" in watched.there.refused("who")
    assert [*watched.there.data.joinpath("control").iterdir()] == []


def test_a_worker_that_dies_or_hangs_is_seen_and_its_counts_stay(watched: Watched) -> None:
    watched.send()
    counted = 'pillarbox_messages_received_total{result="accepted",service="smtp"} 1.0'
    watched.until(lambda: counted in watched.metrics())
    for worker in watched.workers():
        os.kill(worker, signal.SIGKILL)
        watched.until(partial(watched.is_replaced, worker))
    watched.until(lambda: watched.there.run("status", "--quick").exit_code == 0)
    assert counted in watched.metrics(), "what dead workers counted is not lost"
    assert "pillarbox_worker_restarts_total 2.0" in watched.metrics()
    (server,) = watched.status("--quick")["servers"]
    assert [worker["restarts"] for worker in server["workers"]] == [1, 1]
    assert [event["event"] for event in server["recent"]] == ["worker ended", "worker ended"]
    assert "killed by SIGKILL" in watched.there.text("status", "--quick")

    stopped = watched.workers()[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        found = watched.status("--quick", code=1)
        assert found["state"] == "not healthy"
        assert "Worker" in found["problems"][0]
        assert "worker 0" in watched.there.refused("who")
    finally:
        os.kill(stopped, signal.SIGCONT)
    watched.until(lambda: watched.there.run("status", "--quick").exit_code == 0)


def test_the_log_is_changed_by_a_reload_and_opened_anew(watched: Watched) -> None:
    def is_logged() -> bool:
        return watched.said("message accepted") == 1

    watched.send()
    watched.until(is_logged)
    rotated = watched.log_file.with_name("rotated")
    watched.log_file.rename(rotated)
    watched.reload()
    watched.send()
    watched.until(is_logged)
    assert rotated.read_text().count("message accepted") == 1
    watched.change("[log]", '[log]\nformat = "text"')

    def is_text() -> bool:
        os.kill(watched.process.pid, signal.SIGHUP)
        return "info     reloaded" in watched.log_file.read_text()

    watched.until(is_text)


def test_a_log_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    class Unwritable(Watched):
        def configured(self, config: str) -> str:
            return f'{config}\n[log]\nfile = "{tmp_path}/missing/log"\n'

    served = Unwritable(tmp_path)
    assert served.process.wait(30) == 1
    assert "Can't log to" in served.log.read_text()


def test_without_a_file_the_log_is_where_the_journal_has_it(tmp_path: Path) -> None:
    from tests.kit.command_line import set_up

    there, _ = set_up(tmp_path)
    assert "journalctl" in there.refused("log")
    assert "it is not text" in there.refused("log", sys.executable)
    first = '{"event":"a","level":"info","timestamp":"2026-11-30T09:14:25Z"}\n'
    lines = f'{first}odd\n{{"event":"b\\u001b","level":"error"}}\n'
    assert there.text("log", "-", typed=lines).splitlines() == [
        "2026-11-30 09:14:25Z  info     a",
        "odd",
        "Z  error    b\\x1b",
    ]
    assert json.loads(there.text("log", "-", "--level", "error", "--json", typed=lines))["event"] == "b\x1b"
    assert "is not a time" in there.refused("log", "-", "--since", "yesterday")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kick",), "Nothing selected"),
        (("kick", "--address", "nonsense", "--yes"), "neither an address nor a network"),
        (("kick", "--all", "--json"), "add --yes"),
        (("kick", "", "--yes"), "is empty"),
        (("kick", "anna@example.org", "--address", "", "--yes"), "is empty"),
        (("who", ""), "is empty"),
        (("kick", "--all", "--yes"), "The server is not running"),
        (("who", "--address", "300.1.1.1"), "neither an address nor a network"),
        (("who", "nobody@example.org"), "nobody@example.org"),
        (("kick", "nobody@example.org", "--yes"), "nobody@example.org"),
        (("who", "--service", "imapd"), "'imapd' is no service: smtp"),
    ],
)
def test_what_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    from tests.kit.command_line import set_up

    there, _ = set_up(tmp_path)
    assert said in there.refused(*words)


def test_status_shows_what_it_can_where_the_database_is_gone(tmp_path: Path) -> None:
    from tests.kit.command_line import set_up

    there, _ = set_up(tmp_path)
    (there.data / "pillarbox.db").rename(tmp_path / "away")
    found = json.loads(there.run("status", "--json").stdout)
    assert found["state"] == "not running"
    assert found["mail"] is None
    assert any("Nothing was created" in warning for warning in found["warnings"])
    assert not (there.data / "pillarbox.db").exists()
