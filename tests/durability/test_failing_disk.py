"""A disk that is full and a database that is locked: refused for now, nothing lost, and it heals by itself."""

import contextlib
import random
import resource
import smtplib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.durability.evidence import Witness
from tests.durability.load import HOST, Promises, Sent, address, logged_in, messages
from tests.durability.provider import Provider, running
from tests.durability.soundness import assert_sound

DISK_MIB = 24
MOST_MESSAGES = 2_000
"""More than fit on the disk."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        pytest.skip(f"a small disk can't be mounted here: {failure}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


class Person:
    """A client that sends and stores mail over connections that stay, and notes the replies."""

    def __init__(self, provider: Provider, promises: Promises) -> None:
        self.promises = promises
        self._smtp = smtplib.SMTP(HOST, provider.ports["smtp"], timeout=60)
        self._smtp.ehlo("person.example")
        self._session = contextlib.ExitStack()
        self._imap = self._session.enter_context(logged_in(provider.ports["imap"], 0))
        self._imap.select("INBOX")

    def deliver(self, message: Sent) -> tuple[int, bytes]:
        self.promises.sending(message)
        self._smtp.mail("person@one.example")
        for user in message.users:
            code, reply = self._smtp.rcpt(address(user))
            if code != 250:
                self._smtp.rset()
                return code, reply
        code, reply = self._smtp.data(message.octets)
        if code == 250:
            self.promises.acknowledge(message, *message.users)
        return code, reply

    def store(self, message: Sent) -> tuple[str, bytes]:
        message = Sent(message.mark, message.octets, (0,))
        self.promises.sending(message)
        status, (reply,) = self._imap.append("INBOX", "", "", message.octets)
        if status == "OK":
            self.promises.acknowledge(message, 0)
        return status, reply

    def can_read(self) -> bool:
        return (
            self._imap.noop()[0] == "OK"
            and self._imap.fetch("1:*", "(FLAGS ENVELOPE BODY.PEEK[])")[0] == "OK"
        )

    def leave(self) -> None:
        self._smtp.close()
        self._session.close()


@contextlib.contextmanager
def connected_client(provider: Provider, promises: Promises) -> Iterator[Person]:
    """A person for whom connections are closed at the end."""
    person = Person(provider, promises)
    try:
        yield person
    finally:
        person.leave()


def fill(person: Person, source: Iterator[Sent]) -> list[tuple[int, bytes]]:
    """Deliver until refused a few times; the refusals."""
    refusals = []
    for _ in range(MOST_MESSAGES):
        code, reply = person.deliver(next(source))
        if code != 250:
            refusals.append((code, reply))
        if len(refusals) >= 5:
            return refusals
    raise AssertionError("the disk was never full")


def check_all(provider: Provider, promises: Promises) -> None:
    Witness(promises).look(provider.ports["imap"])


def test_a_full_disk_refuses_for_now_and_heals(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 * 1024 * 1024))
    promises = Promises()
    source = messages("full", random.Random(5))
    with running(small_disk / "data") as provider, connected_client(provider, promises) as person:
        for code, reply in fill(person, source):
            assert (code, reply[:5]) == (452, b"4.3.1")
        status, reply = person.store(next(source))
        assert (status, b"[UNAVAILABLE]" in reply) in (("NO", True), ("OK", False))  # a small one may fit
        assert person.can_read()
        check_all(provider, promises)  # logging in and reading need no room
        ballast.unlink()
        assert [person.deliver(next(source))[0] for _ in range(10)] == [250] * 10
        assert person.store(next(source))[0] == "OK"
        check_all(provider, promises)
        provider.kill()
        provider.start()
        check_all(provider, promises)
    assert_sound(small_disk / "data")


def test_a_crash_on_a_full_disk_loses_nothing(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 * 1024 * 1024))
    promises = Promises()
    with running(small_disk / "data", workers=2) as provider, connected_client(provider, promises) as person:
        fill(person, messages("crash", random.Random(6)))
        provider.kill()
        ballast.unlink()
        provider.start()
        check_all(provider, promises)
    assert_sound(small_disk / "data")


def test_files_that_may_not_grow_are_a_full_disk_to_us(tmp_path: Path) -> None:
    """The same without a disk of one's own: the kernel refuses to let files grow beyond a size."""
    promises = Promises()
    source = messages("limit", random.Random(7))
    with running(tmp_path / "data") as provider, connected_client(provider, promises) as person:
        assert person.store(next(source))[0] == "OK"
        resource.prlimit(provider.pid, resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
        for code, _reply in fill(person, source):
            assert code == 452
        assert person.can_read()
        resource.prlimit(
            provider.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        assert person.deliver(next(source))[0] == 250
        check_all(provider, promises)
    assert_sound(tmp_path / "data")


def test_a_locked_database_refuses_for_now_and_heals(tmp_path: Path) -> None:
    promises = Promises()
    source = messages("locked", random.Random(8))
    with running(tmp_path / "data") as provider, connected_client(provider, promises) as person:
        assert person.store(next(source))[0] == "OK"
        other_program = apsw.Connection(str(tmp_path / "data" / "pillarbox.db"))
        other_program.set_busy_timeout(20_000)  # a chore may be writing just now
        other_program.execute("BEGIN EXCLUSIVE")
        assert person.deliver(next(source))[0] in (451, 452)
        status, reply = person.store(next(source))
        assert status == "NO"
        assert b"[UNAVAILABLE]" in reply
        assert person.can_read()
        other_program.execute("ROLLBACK")
        other_program.close()
        assert person.deliver(next(source))[0] == 250
        assert person.store(next(source))[0] == "OK"
        check_all(provider, promises)
    assert_sound(tmp_path / "data")


def test_a_lock_that_is_short_is_waited_for(tmp_path: Path) -> None:
    promises = Promises()
    with running(tmp_path / "data") as provider, connected_client(provider, promises) as person:
        other_program = apsw.Connection(str(tmp_path / "data" / "pillarbox.db"))
        other_program.set_busy_timeout(20_000)  # a chore may be writing just now
        other_program.execute("BEGIN IMMEDIATE")
        unlock = threading.Timer(0.5, lambda: other_program.execute("ROLLBACK"))
        unlock.start()
        assert person.deliver(next(messages("short", random.Random(9))))[0] == 250
        unlock.join()
        other_program.close()
        check_all(provider, promises)
