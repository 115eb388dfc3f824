"""What workers and supervisor write of each other."""

from pillarbox.world.shared.worker_table import WorkerRow, WorkerTable, octets_for


class Time:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def table(workers: int, now: Time) -> WorkerTable:
    return WorkerTable(memoryview(bytearray(octets_for(workers))), workers, now)


def test_a_worker_is_described_from_its_start_to_its_replacement() -> None:
    now = Time()
    workers = table(2, now)
    workers.serve(10, 1_000)
    workers.started(0, 11, 1_500)
    workers.started(1, 12, 1_600)
    assert workers.rows()[0] == WorkerRow(0, 11, 1_500, 0, None)
    workers.beat(1)
    workers.beat(1)
    now.now_s += 2.5
    assert workers.rows()[1] == WorkerRow(1, 12, 1_600, 0, 2.5)
    assert [workers.beats(0), workers.beats(1)] == [0, 2]
    workers.ended(1)
    assert workers.rows()[1].pid == 0
    workers.started(1, 13, 9_000)
    assert workers.rows()[1] == WorkerRow(1, 13, 9_000, 1, None)
    assert workers.beats(1) == 2, "the supervisor waits for another number"
    assert [workers.server_pid, workers.server_started_at_ms] == [10, 1_000]


def test_a_worker_sees_that_another_has_called_its_database() -> None:
    workers = table(3, Time())
    before = workers.calls_of_others(0)
    workers.beat(0, 7)
    assert workers.calls_of_others(0) == before, "its own are not counted"
    workers.beat(2, 4)
    assert workers.calls_of_others(0) == before + 4
    workers.beat(2, 5)
    assert workers.calls_of_others(0) == before + 5
