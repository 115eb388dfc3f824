"""Work in a child process: its effects, and how its failures are reported."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pillarbox.app import child_process, termination


def test_the_work_is_done_at_the_end_of_the_block(tmp_path: Path) -> None:
    def write() -> None:
        (tmp_path / "done").write_text(str(os.getpid()))

    with child_process.running(write):
        pass
    assert (tmp_path / "done").read_text() != str(os.getpid())


def test_errors_that_users_can_correct_keep_their_text() -> None:
    def fail() -> None:
        raise OSError("no such folder")

    with pytest.raises(child_process.ChildFailed, match=r"^no such folder$"), child_process.running(fail):
        pass


def test_other_errors_come_with_their_traceback() -> None:
    with (
        pytest.raises(child_process.ChildFailed, match="ZeroDivisionError"),
        child_process.running(lambda: print(1 // 0)),
    ):
        pass


def test_a_killed_process_is_reported() -> None:
    with (
        pytest.raises(child_process.ChildFailed, match="-9"),
        child_process.running(lambda: os.kill(os.getpid(), signal.SIGKILL)),
    ):
        pass


def test_when_the_block_fails_the_work_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(KeyError), child_process.running(lambda: time.sleep(600)):
        raise KeyError
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_pending_signal_stops_the_work_first(stubborn: bool, tmp_path: Path) -> None:
    def work() -> None:
        if stubborn:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        time.sleep(600)
        (tmp_path / "done").touch()

    termination.block()
    try:
        with pytest.raises(SystemExit), child_process.running(work):
            signal.raise_signal(signal.SIGTERM)
        assert signal.sigtimedwait(termination.SIGNALS, 0), "it was held back all the time"
    finally:
        termination.unblock()
    assert not (tmp_path / "done").exists()


def test_a_fork_never_runs_on_into_its_parents_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stderr", full)
        with (
            pytest.raises(child_process.ChildFailed, match="nothing can be said"),
            child_process.running(_complain),
        ):
            pass
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()


def _complain() -> None:
    sys.stderr.write("no room for this")
    raise ValueError("nothing can be said")
