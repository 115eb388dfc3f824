"""Mail on its way in through every door, and what was promised of it.

Each message has a mark of its own and octets that only it has, so that what is found later can be told apart
and compared. A message is *acknowledged* once the server has said so (250, OK); of one that was not, nothing
was promised but that it comes at most once.
"""

import contextlib
import imaplib
import random
import smtplib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tests.durability.provider import PASSWORD, USERS

HOST = "127.0.0.1"
LARGE_OCTETS = 300_000
"""Beyond what goes into the database: such a message is a file."""
GONE = (OSError, smtplib.SMTPException, imaplib.IMAP4.error)
"""What a client sees of a server that is killed, or that refuses."""


@dataclass(frozen=True)
class Sent:
    """A message that a client tried to deliver."""

    mark: str
    octets: bytes
    users: tuple[int, ...]


@dataclass
class Promises:
    """Everything that was sent, and the server's replies."""

    sent: dict[str, Sent] = field(default_factory=dict)
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    """By mark, the users for whom the server took responsibility."""
    refused: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sending(self, message: Sent) -> None:
        with self._lock:
            self.sent[message.mark] = message

    def acknowledge(self, message: Sent, *users: int) -> None:
        with self._lock:
            self.acknowledged.setdefault(message.mark, set()).update(users)

    def refuse(self, reply: str) -> None:
        with self._lock:
            self.refused.append(reply)


def messages(name: str, chance: random.Random) -> Iterator[Sent]:
    """Messages that differ in everything; now and then a large one, or one for several."""
    number = 0
    while True:
        number += 1
        mark = f"{name}.{number}"
        size = LARGE_OCTETS if chance.random() < 0.03 else chance.choice((200, 2_000, 20_000))
        line = chance.randbytes(36).hex().encode() + b"\r\n"
        head = f"X-Mark: {mark}\r\nSubject: {mark}\r\nFrom: <load@elsewhere.example>\r\n\r\n".encode()
        users = chance.sample(range(USERS), chance.choice((1, 1, 1, 3)))
        yield Sent(mark, head + line * (size // len(line) + 1), tuple(users))


def address(user: int) -> str:
    return f"u{user}@one.example"


def by_smtp(port: int, messages: Iterator[Sent], promises: Promises) -> None:
    """Deliver until the server is gone."""
    with smtplib.SMTP(HOST, port, timeout=30) as client:
        client.ehlo("load.example")
        for message in messages:
            promises.sending(message)
            client.mail("load@one.example")
            for user in message.users:
                client.rcpt(address(user))
            code, reply = client.data(message.octets)
            if code == 250:
                promises.acknowledge(message, *message.users)
            else:
                promises.refuse(f"{code} {reply!r}")


def by_lmtp(port: int, messages: Iterator[Sent], promises: Promises) -> None:
    """Deliver until the server is gone; here each recipient has a reply of its own (RFC 2033 §4.2)."""
    with smtplib.LMTP(HOST, port, timeout=30) as client:
        client.ehlo("load.example")
        for message in messages:
            promises.sending(message)
            client.mail("load@one.example")
            for user in message.users:
                client.rcpt(address(user))
            replies = [client.data(message.octets)]
            replies += [client.getreply() for _ in message.users[1:]]
            for user, (code, reply) in zip(message.users, replies, strict=True):
                if code == 250:
                    promises.acknowledge(message, user)
                else:
                    promises.refuse(f"{code} {reply!r}")


def by_append(port: int, messages: Iterator[Sent], promises: Promises) -> None:
    """APPEND until the server is gone."""
    with logged_in(port, 0) as client:
        for message in messages:
            mine = Sent(message.mark, message.octets, (0,))
            promises.sending(mine)
            status, reply = client.append("INBOX", "(\\Seen)", "", mine.octets)
            if status == "OK":
                promises.acknowledge(mine, 0)
            else:
                promises.refuse(repr(reply))


def by_moving(port: int, chance: random.Random) -> None:
    """Copy, flag and expunge until the server is gone; the INBOX keeps its mail."""
    with logged_in(port, 1) as client:
        while True:
            client.select("INBOX")
            _, (count,) = client.search(None, "ALL")
            numbers = (count or b"").split()[-20:]
            if numbers:
                some = b",".join(chance.sample(numbers, (len(numbers) + 1) // 2)).decode()
                client.store(some, chance.choice(("+FLAGS", "-FLAGS")), "(\\Seen $Load)")
                client.copy(some, "Archive")
            client.select("Archive")
            client.store("1:5", "+FLAGS", "(\\Deleted)")
            client.expunge()


@contextlib.contextmanager
def logged_in(port: int, user: int) -> Iterator[imaplib.IMAP4]:
    """A session of a user's."""
    client = imaplib.IMAP4(HOST, port, timeout=60)
    try:
        client.login(f"u{user}", PASSWORD)
        yield client
    finally:
        with contextlib.suppress(OSError):
            client.shutdown()


@dataclass
class Load:
    """All loads at once, each in a thread that connects again when its connection goes."""

    threads: list[threading.Thread] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self, task: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._until_ended, args=(task,), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _until_ended(self, task: Callable[[], None]) -> None:
        while not self.ended.is_set():
            with contextlib.suppress(*GONE):
                task()

    def end(self) -> None:
        """Once the server is gone. Raises AssertionError where a client still waits for it."""
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client still waits for a server that is gone"


def start_all(ports: dict[str, int], name: str, promises: Promises, chance: random.Random) -> Load:
    """Mail by every door, and a client that copies, flags and expunges."""

    def source(kind: str) -> Iterator[Sent]:
        return messages(f"{name}.{kind}", random.Random(chance.random()))

    load = Load()
    for number in range(3):
        load.start(partial(by_smtp, ports["smtp"], source(f"smtp{number}"), promises))
    for number in range(2):
        load.start(partial(by_append, ports["imap"], source(f"append{number}"), promises))
    load.start(partial(by_lmtp, ports["lmtp"], source("lmtp"), promises))
    load.start(partial(by_moving, ports["imap"], random.Random(chance.random())))
    return load
