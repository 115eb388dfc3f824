"""The machine: rights on the data directory, room on its disk, and who listens at our ports."""

import errno
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from pillarbox.admin.checks.result import CheckResult, ok, problem, warning

LITTLE_OCTETS = 1 << 30
TOO_LITTLE_OCTETS = 100 << 20
CONNECT_S = 5.0


def data_directory(path: Path, *, owner: int | None) -> Iterator[CheckResult]:
    """Whether the data directory is there, whose it is, and what room it has.

    `owner`: the number of the user that serves; `None` where any may.
    """
    subject = str(path)
    try:
        status = path.stat()
    except OSError as failure:
        yield problem(subject, str(failure.strerror), "Make it with: pillarbox init DOMAIN")
        return
    if owner is not None and status.st_uid != owner:
        yield problem(
            subject, "it does not belong to the user that serves", f"Give it over: chown -R {owner} {path}"
        )
    elif status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield warning(subject, "others than its owner may look into it", f"Close it: chmod 700 {path}")
    else:
        yield ok(subject, "it belongs to the user that serves, and to nobody else")
    yield _room(path)


def _room(path: Path) -> CheckResult:
    free = shutil.disk_usage(path).free
    subject, found = str(path), f"{free / (1 << 30):.1f} GiB are free"
    if free < TOO_LITTLE_OCTETS:
        return problem(subject, found, "Make room: mail is refused when the disk is full.")
    if free < LITTLE_OCTETS:
        return warning(subject, found, "Make room before mail is refused.")
    return ok(subject, found)


def port(service: str, host: str, number: int, *, hostname: str) -> CheckResult:
    """Whether this port is ours: we answer there, or it is free to be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    subject = f"{service} [{host}]:{number}" if family == socket.AF_INET6 else f"{service} {host}:{number}"
    try:
        with socket.socket(family, socket.SOCK_STREAM) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((host, number))
    except OSError as failure:
        match failure.errno:
            case errno.EADDRINUSE:
                return _listener(subject, host, number, hostname)
            case errno.EACCES:
                return warning(
                    subject,
                    "nothing listens, and this user may not",
                    "Start it as root or by systemd's unit; or run this check as root.",
                )
            case errno.EAFNOSUPPORT | errno.EADDRNOTAVAIL:
                return ok(subject, "this machine has no such address, so it is passed over")
        return problem(subject, str(failure.strerror), "Name an address of this machine under [listen].")
    return warning(subject, "nothing listens", "Start the server: systemctl start pillarbox")


def _listener(subject: str, host: str, number: int, hostname: str) -> CheckResult:
    """Somebody has the port. Where TLS comes first nothing is said before it; then being there must do."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        with socket.create_connection((reach, number), CONNECT_S) as line:
            line.settimeout(1.0)
            try:
                greeting = line.recv(512)
            except TimeoutError:
                greeting = b""
    except OSError as failure:
        return problem(subject, f"it is taken, and does not answer: {failure}", _who(number))
    if greeting and hostname.encode() not in greeting and b"Pillarbox" not in greeting:
        return problem(
            subject,
            f"another program listens: {greeting[:60].decode('ascii', 'replace').strip()}",
            _who(number),
        )
    return ok(subject, "it is answered")


def _who(number: int) -> str:
    return f"See who has it (ss -ltnp 'sport = :{number}') and stop that."
