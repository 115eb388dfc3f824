"""What is healthy, what is a problem, and what is merely worth a look."""

from dataclasses import replace

import msgspec
import pytest

from pillarbox.admin.backup.known_places import LastBackup
from pillarbox.admin.checks.certificates import DAY_MS
from pillarbox.admin.control.client import Reply
from pillarbox.admin.control.messages import WorkerStatus
from pillarbox.admin.status.findings import OLD_BACKUP_MS, Findings, problems, warnings
from pillarbox.admin.status.servers import ServerState, servers
from pillarbox.admin.status.stored import CertificateState, Disk, HeavyAccount, StoredMail
from pillarbox.queue.overview import QueueOverview
from pillarbox.world.shared.worker_table import WorkerRow

NOW = 1_700_000_000_000
ROWS = (WorkerRow(0, 11, NOW - 60_000, 0, 0.2), WorkerRow(1, 12, NOW - 9_000, 3, 0.4))
STATUS = WorkerStatus(
    worker=0,
    pid=11,
    version="1",
    server_pid=10,
    server_started_at_ms=NOW - 60_000,
    lag_s=0.001,
    longest_lag_s=0.02,
    memory_octets=5,
    memory_limit_octets=100,
    resident_octets=1_000,
    connections={"imap": 2, "smtp": 0},
    logins={"anna@one.example": 2},
    damaged=0,
    workers=ROWS,
    recent=(),
    totals={},
)


def replies(*statuses: WorkerStatus | str) -> list[Reply]:
    """What each worker said, or why it did not."""
    return [
        Reply(f"10.{worker}", (), status) if isinstance(status, str) else Reply(f"10.{worker}", (status,))
        for worker, status in enumerate(statuses)
    ]


def status(worker: int, **changes: object) -> WorkerStatus:
    return msgspec.structs.replace(STATUS, worker=worker, pid=11 + worker, **changes)


def only(found: list[Reply]) -> ServerState:
    (server,) = servers(found)
    return server


def test_where_nobody_answers_there_is_no_server() -> None:
    assert servers([]) == []


def test_workers_that_answer_are_healthy_and_add_up() -> None:
    server = only(
        replies(status(0), status(1, connections={"imap": 3}, logins={"anna@one.example": 1}, damaged=4))
    )
    assert server.healthy
    assert (server.pid, server.connections, server.logins, server.damaged) == (
        10,
        {"imap": 5, "smtp": 0},
        {"anna@one.example": 3},
        4,
    )
    assert [(worker.pid, worker.restarts) for worker in server.workers] == [(11, 0), (12, 3)]
    assert [*problems(Findings(servers=[server]))] == []


def test_of_a_worker_that_is_silent_another_one_tells() -> None:
    rows = (ROWS[0], WorkerRow(1, 12, NOW, 3, 8.0))
    server = only(replies(status(0, workers=rows), "no answer within 5 s"))
    assert not server.healthy
    (problem,) = problems(Findings(servers=[server]))
    assert problem == "Worker 1 (pid 12) is not healthy: its loop has been held for 8 s"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (WorkerRow(1, 0, NOW, 3, 1.0), "it has ended, and is being replaced"),
        (WorkerRow(1, 12, NOW, 3, None), "no answer within 5 s"),
    ],
)
def test_why_a_worker_is_silent(row: WorkerRow, said: str) -> None:
    server = only(replies(status(0, workers=(ROWS[0], row)), "no answer within 5 s"))
    assert server.workers[1].trouble == said


def test_where_all_are_silent_the_server_is_not_healthy() -> None:
    server = only(replies("no answer within 5 s"))
    assert not server.healthy
    assert [*problems(Findings(servers=[server]))] == ["Worker 0 is not healthy: no answer within 5 s"]


def test_two_servers_on_one_data_directory_are_a_problem() -> None:
    found = servers([*replies(status(0)), Reply("20.0", (status(0),))])
    assert "Several servers run on this data directory (pid 10, 20)" in problems(Findings(servers=found))


QUEUE = QueueOverview(0, 0, 0, 0, 0, None, ())
MAIL = StoredMail(messages=0, octets=0, accounts=(), not_indexed=0, given_up=0, queue=QUEUE)
BACKUP = LastBackup("/backup", "x", NOW - DAY_MS)
FINE = Findings(
    servers=[only(replies(status(0)))],
    mail=MAIL,
    disk=Disk(free_octets=1 << 40, total_octets=1 << 41, database_octets=1),
    certificates=[CertificateState("cert", ("mail.example",), NOW + 90 * DAY_MS)],
    backups=[BACKUP],
)


def worth_a_look(found: Findings) -> list[str]:
    return [*warnings(found, now_ms=NOW, shown=str)]


def test_where_all_is_well_there_is_nothing_to_look_at() -> None:
    assert worth_a_look(FINE) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (replace(FINE, disk=Disk(free_octets=7, total_octets=8, database_octets=1)), "Only 7 are free"),
        (replace(FINE, servers=[only(replies(status(0, damaged=2)))]), "Damaged messages were found: 2"),
        (replace(FINE, mail=replace(MAIL, given_up=2)), "Messages that could not be read for the search"),
        (
            replace(FINE, mail=replace(MAIL, queue=replace(QUEUE, held=3))),
            "Recipients on hold in the queue: 3",
        ),
        (
            replace(FINE, mail=replace(MAIL, accounts=(HeavyAccount("anna", 99, 100),))),
            "anna uses 99% of its quota",
        ),
        (replace(FINE, certificates=[CertificateState("c", (), NOW - 1)]), "The certificate c has expired"),
        (
            replace(FINE, certificates=[CertificateState("c", (), NOW + 2 * DAY_MS)]),
            "The certificate c expires in 2 d",
        ),
        (
            replace(FINE, certificates=[CertificateState("c", (), None, "c: no file")]),
            "The certificate c: no file",
        ),
        (replace(FINE, backups=[]), "There is no backup"),
        (
            replace(FINE, backups=[LastBackup("/b", "x", NOW - OLD_BACKUP_MS - 1)]),
            "The last backup is 8 days old",
        ),
        (replace(FINE, backups=[BACKUP, LastBackup("/b", None, None, "gone")]), "Backup in /b: gone"),
    ],
)
def test_what_is_worth_a_look(found: Findings, said: str) -> None:
    (warning,) = worth_a_look(found)
    assert warning.startswith(said)
    assert [*problems(found)] == [], "a restart would not help"


def test_an_account_without_a_quota_is_never_near_it() -> None:
    assert HeavyAccount("anna", 1 << 50, None).share == 0
