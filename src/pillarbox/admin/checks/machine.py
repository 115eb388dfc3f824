"""Checks of the machine: permissions of the data directory, free disk space, how Python was built, listening ports."""

import errno
import os
import platform
import pwd
import shlex
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from pillarbox.admin.checks.result import CheckResult, advice, ok, problem, warning
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.database.sqlite.presence import require_file

MIN_FREE_OCTETS = 1 << 30
"""Less free space than this is a warning."""
MIN_FREE_OCTETS_TO_WORK = 100 << 20
"""Less free space than this is a problem."""
CONNECT_S = 5.0
MAX_FILES = 20_000
"""Files in the data directory whose owner is looked at."""


def data_directory(
    path: Path,
    *,
    owner: int | None,
    min_free_octets: int = MIN_FREE_OCTETS,
    min_free_octets_to_work: int = MIN_FREE_OCTETS_TO_WORK,
) -> Iterator[CheckResult]:
    """Check that the data directory exists, its owner and mode, and its free space.

    `owner`: the user id of the service; `None` if any is allowed. Less free space than `min_free_octets` is a warning,
    than `min_free_octets_to_work` a problem.
    """
    subject = str(path)
    change_owner = "" if owner is None else f"chown -R {_user_name(owner)} {path}"
    try:
        status = path.stat()
    except OSError as failure:
        yield problem(
            subject, str(failure.strerror), "Mount its disk, or restore a backup: pillarbox restore DIRECTORY"
        )
        return
    if owner is not None and status.st_uid != owner:
        yield problem(
            subject,
            "it does not belong to the service's user",
            f"Change its owner: chown -R {_user_name(owner)} {path}",
        )
    elif status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield warning(subject, "other users have access to it", f"Restrict it: chmod 700 {path}")
    elif owner is not None and (strange := _of_others(path, owner)):
        yield problem(
            subject,
            f"{strange} does not belong to the service's user",
            f"Change the owner of all files: {change_owner}",
        )
    else:
        yield ok(subject, "it belongs to the service's user, and no other user has access")
    yield _free_space(path, min_free_octets, min_free_octets_to_work)


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _of_others(path: Path, owner: int) -> Path | None:
    """A file or folder below that belongs to another user: the server could not write it."""
    left = MAX_FILES
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files)[:left]:
            try:
                if Path(folder, name).lstat().st_uid != owner:
                    return Path(folder, name)
            except OSError:
                continue  # it was removed meanwhile
        left -= len(folders) + len(files)
        if left <= 0:
            break
    return None


def database(path: Path) -> Iterator[CheckResult]:
    """Check that there is a database."""
    try:
        require_file(path)
    except DatabaseUnavailable as failure:
        yield problem(
            str(path),
            str(failure),
            "Mount its disk, if that is missing; else move the data directory away and restore a backup: "
            "pillarbox restore DIRECTORY",
        )


def _free_space(path: Path, least: int, least_to_work: int) -> CheckResult:
    free = shutil.disk_usage(path).free
    subject, found = str(path), f"{free / (1 << 30):.1f} GiB are free"
    if free < least_to_work:
        return problem(subject, found, "Free some space: mail is refused when the disk is full.")
    if free < least:
        return warning(subject, found, "Free some space before mail is refused.")
    return ok(subject, found)


def log_file(path: Path) -> Iterator[CheckResult]:
    """Check that the log's file has a folder: without one the server does not start."""
    if not path.parent.is_dir():
        yield problem(str(path), "the folder of the log does not exist", f"Make it: mkdir {path.parent}")


def python_build(configured: str, compiled: str) -> Iterator[CheckResult]:
    """Advise against a Python that was built without its optimizations.

    `configured`, `compiled`: its CONFIG_ARGS and PY_CFLAGS of `sysconfig`. Distributions have the prefix /usr. They
    optimize by means of their own, which these do not show.
    """
    options, flags = shlex.split(configured), compiled.split()
    if {"-O0", "-Og"} & {*flags}:
        found = "this is a slow build of Python, for finding errors in Python itself"
    elif not {"--enable-optimizations", "--prefix=/usr"} & {*options}:
        found = "this is a slow build of Python, without --enable-optimizations"
    else:
        return
    yield advice(
        f"Python {platform.python_version()} at {sys.base_prefix}",
        found,
        "Use one of a distribution, as Debian's python3, or build it with --enable-optimizations --with-lto: "
        "it needs 5 to 12 percent less CPU.",
    )


def port(service: str, host: str, number: int, *, hostname: str) -> CheckResult:
    """Check that Pillarbox answers at this port, or that the port is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    subject = f"{service} [{host}]:{number}" if family == socket.AF_INET6 else f"{service} {host}:{number}"
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, number))
    except OSError as failure:
        match failure.errno:
            case errno.EADDRINUSE:
                return _listener(subject, host, number, hostname)
            case errno.EACCES:
                return problem(
                    subject,
                    "nothing listens, and this user may not bind the port",
                    "Start the server as root or by its systemd unit; or run this check as root.",
                )
            case errno.EAFNOSUPPORT | errno.EADDRNOTAVAIL:
                return ok(subject, "this machine has no such address, so it is skipped")
        return problem(subject, str(failure.strerror), "Name an address of this machine under [listen].")
    return problem(
        subject,
        "nothing listens",
        "Start the server, or restart it after a change of [listen]: systemctl restart pillarbox",
    )


def _listener(subject: str, host: str, number: int, hostname: str) -> CheckResult:
    """Check which program has the port. With implicit TLS there is no greeting; then an open port suffices."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        with socket.create_connection((reach, number), CONNECT_S) as connection:
            connection.settimeout(1.0)
            try:
                greeting = connection.recv(512)
            except TimeoutError:
                greeting = b""
    except OSError as failure:
        return problem(
            subject, f"the port is in use, but does not answer: {failure}", _how_to_find_program(number)
        )
    if greeting and hostname.encode() not in greeting and b"Pillarbox" not in greeting:
        return problem(
            subject,
            f"another program listens: {greeting[:60].decode('ascii', 'replace').strip()}",
            _how_to_find_program(number),
        )
    return ok(subject, "Pillarbox answers")


def _how_to_find_program(number: int) -> str:
    return f"Find the program (ss -ltnp 'sport = :{number}') and stop it."
