"""Notices when a test uses a socket, a process or the disk, by the audit events of Python (PEP 578).

Reading files is allowed. A database in memory leaves no event, and one on the disk is noticed by the folder
that is made for it.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
IGNORED = ("/dev/null", "/.hypothesis/", "/__pycache__/", "/pillarbox-test-")
"""Parts of paths that are written on behalf of Python and Hypothesis, not of the test; and the certificate of
`tests.kit.certificate`, which Python's `ssl` reads from a file only."""

_seen: list[str] | None = None
"""What was noticed; `None` while nobody watches."""


def _opened(path: object, _mode: object, flags: int) -> str | None:
    if isinstance(path, int) or not flags & WRITING or _ignored(path):
        return None
    return f"writes {os.fsdecode(path)}"  # type: ignore[arg-type]  # str, bytes or a path


def _changed(path: object, *_more: object) -> str | None:
    return None if isinstance(path, int) or _ignored(path) else f"changes {path!r}"


def _ignored(path: object) -> bool:
    return any(part in f"{path}/" for part in IGNORED)


def _socket(_self: object, family: int, *_more: object) -> str | None:
    # asyncio makes a pair of Unix sockets to wake itself: these are noticed where they are bound or connected
    return "opens a socket" if family != socket.AF_UNIX else None


def _always(what: str) -> Callable[..., str]:
    return lambda *_args: what


_EVENTS: dict[str, Callable[..., str | None]] = {
    "open": _opened,
    **dict.fromkeys(
        (
            "os.mkdir",
            "os.remove",
            "os.rename",
            "os.rmdir",
            "os.link",
            "os.symlink",
            "os.truncate",
            "os.chmod",
        ),
        _changed,
    ),
    "socket.__new__": _socket,
    **dict.fromkeys(("socket.bind", "socket.connect", "socket.getaddrinfo"), _always("uses a socket")),
    **dict.fromkeys(
        ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec"),
        _always("starts a process"),
    ),
}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and (judge := _EVENTS.get(event)) and (what := judge(*arguments)):
        _seen.append(what)


_installed = False


@contextmanager
def watching() -> Iterator[list[str]]:
    """What happens meanwhile that a pure test must not do, in words."""
    global _seen, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    outer = _seen
    seen: list[str] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = outer
        if outer is not None:
            outer.extend(seen)
