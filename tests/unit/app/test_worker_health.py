"""Silence is counted in looks, a start is not silence, and a crash loop slows down."""

from pillarbox.app.worker_health import Finding, HeartbeatWatch, Patience, RestartDelays

PATIENCE = Patience(told_looks=2, killed_looks=4)


def found(watch: HeartbeatWatch, *counts: int) -> list[Finding]:
    return [watch.look(count) for count in counts]


def test_a_silence_is_told_once_then_it_is_too_long() -> None:
    watch = HeartbeatWatch(PATIENCE, 0)
    assert found(watch, 1, 2, 2, 2, 2, 2) == [
        Finding.WELL,
        Finding.WELL,
        Finding.WELL,
        Finding.STUCK,
        Finding.WELL,
        Finding.LOST,
    ]


def test_a_heartbeat_ends_a_silence() -> None:
    watch = HeartbeatWatch(PATIENCE, 0)
    assert found(watch, 1, 1, 1, 2, 2, 2) == [
        Finding.WELL,
        Finding.WELL,
        Finding.STUCK,
        Finding.WELL,
        Finding.WELL,
        Finding.STUCK,
    ]


def test_a_worker_that_has_not_started_yet_is_not_silent() -> None:
    watch = HeartbeatWatch(PATIENCE, 7)  # its predecessor's last
    assert set(found(watch, *[7] * 100)) == {Finding.WELL}


def test_a_crash_loop_slows_down_and_a_long_life_forgives() -> None:
    delays = RestartDelays()
    assert [delays.after(0, 3.0) for _ in range(9)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert delays.after(1, 3.0) == 0.0
    assert delays.after(0, 3600.0) == 0.0
    assert delays.after(0, 3.0) == 1.0


def test_a_thousand_crashes_are_no_overflow() -> None:
    delays = RestartDelays()
    assert [delays.after(0, 0.1) for _ in range(1000)][-1] == 60.0
