"""How long anybody else waits: a program that sends NOOPs in IMAP sessions of its own until its input ends, and
subscribes and unsubscribes in one of them, which writes to the database.

    python -m tests.blocking.probe HOST PORT LOGIN PASSWORD SESSIONS PID

It is a process of its own, so that no attack keeps it from looking at the clock. Prints a line once all sessions
are logged in, and at the end, as JSON, how many NOOPs there were, the longest waits and the growth of the memory of the
server (process `PID` with its children).
"""

import contextlib
import imaplib
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

PAUSE_S: Final = 0.005
MEMORY_PAUSE_S: Final = 0.02


def main() -> None:
    """Probe until standard input is closed."""
    host, port, login, password, sessions, pid = sys.argv[1:]
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # we measure the server, not the scheduler
    clients = [imaplib.IMAP4(host, int(port)) for _ in range(int(sessions) + 1)]
    for client in clients:
        client.login(login, password)
    stop, waits, write_waits = threading.Event(), list[float](), list[float]()
    before = resident_kib(int(pid))
    peak = [before]
    threads = [threading.Thread(target=_probe, args=(client.noop, stop, waits)) for client in clients[1:]]
    threads.append(threading.Thread(target=_probe, args=(_writer(clients[0]), stop, write_waits)))
    threads.append(threading.Thread(target=_watch, args=(int(pid), stop, peak)))
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    told = {
        "noops": len(waits),
        "longest_ms": max(waits) * 1000,
        "longest_write_ms": max(write_waits) * 1000,
        "memory_kib": peak[0] - before,
    }
    print(json.dumps(told), flush=True)


def resident_kib(pid: int) -> int:
    """The resident memory of a process and its children."""
    total = 0
    for one in _family(pid):
        with contextlib.suppress(OSError, IndexError):
            pages = int(Path(f"/proc/{one}/statm").read_text().split()[1])
            total += pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return total


def _writer(client: imaplib.IMAP4) -> Callable[[], object]:
    """Changes something with each call."""
    changes = itertools.cycle((client.subscribe, client.unsubscribe))
    return lambda: next(changes)("probe")


def _probe(command: Callable[[], object], stop: threading.Event, waits: list[float]) -> None:
    while not stop.is_set():
        began = time.perf_counter()
        try:
            command()
        except (imaplib.IMAP4.error, OSError):
            waits.append(float("inf"))  # the worker is gone, and everybody's session with it
            return
        waits.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)


def _watch(pid: int, stop: threading.Event, peak: list[int]) -> None:
    while not stop.is_set():
        peak[0] = max(peak[0], resident_kib(pid))
        time.sleep(MEMORY_PAUSE_S)


def _family(pid: int) -> list[int]:
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                found += _family(int(child))
    return found


if __name__ == "__main__":
    main()
