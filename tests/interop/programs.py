"""Programs that other people wrote: finding them, running them unattended."""

import contextlib
import os
import pty
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

REQUIRED = os.environ.get("PILLARBOX_INTEROP") == "required"
"""True where a missing program fails the test instead of skipping it."""
CLIENT_S = 60


def missing(what: str) -> None:
    """Skip, or fail where everything must be there."""
    if REQUIRED:
        pytest.fail(f"{what}, and PILLARBOX_INTEROP=required")
    pytest.skip(what)


def need(program: str) -> str:
    """The program's path."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        missing(f"{program} is not installed")
        raise AssertionError
    return found


def run(
    *command: str | Path,
    input: bytes = b"",  # noqa: A002 - subprocess calls it so
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
    expect: int | None = 0,
) -> subprocess.CompletedProcess[bytes]:
    """Run a client to its end. It must leave with the code `expect`, unless that is `None`."""
    surroundings = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        **({"HOME": str(home)} if home else {}),
        **(environment or {}),
    }
    done = subprocess.run(
        [need(str(command[0])), *map(str, command[1:])],
        input=input,
        capture_output=True,
        timeout=CLIENT_S,
        check=False,
        env=surroundings,
        cwd=home,
    )
    said = f"{command}\n{done.stdout.decode(errors='replace')}\n{done.stderr.decode(errors='replace')}"
    assert expect is None or done.returncode == expect, f"exit code {done.returncode}: {said}"
    return done


def run_on_a_terminal(*command: str | Path, home: Path) -> None:
    """Run a program that wants a screen, and ends by itself; no key is pressed."""
    ours, theirs = pty.openpty()
    surroundings = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "TERM": "xterm",
        "LINES": "50",
        "COLUMNS": "160",
    }
    shown = bytearray()

    def watch() -> None:
        with contextlib.suppress(OSError):  # EIO: the program has ended
            while octets := os.read(ours, 65536):
                shown.extend(octets)

    watching = threading.Thread(target=watch)
    try:
        process = subprocess.Popen(
            [need(str(command[0])), *map(str, command[1:])],
            stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings, cwd=home, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        watching.start()
        try:
            code = process.wait(CLIENT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"it waits for a key: {bytes(shown[-3000:])!r}") from None
        watching.join(5)
    finally:
        os.close(ours)
    assert code == 0, bytes(shown[-3000:])
