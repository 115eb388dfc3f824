"""Starting, talking to, and ending a provider in a process of its own.

What is always true: the provider ends with the block, and with this process however that ends; its folder goes
with it; it listens on loopback only.
"""

import json
import os
import select
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pillarbox.testing.asynchronous import AsyncProvider
    from pillarbox.testing.message import Message
    from pillarbox.testing.reader import Reader

SENDER = "sender@elsewhere.example"
"""Whom `Provider.deliver` names as sender unless told otherwise."""
START_S = 30.0
"""How long a provider may take to start; it usually takes less than one."""
STOP_S = 10.0
LOOK_S = 0.02
"""How often `Provider.wait_for` looks."""


class ProviderFailed(RuntimeError):
    """The provider did not start; the text says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in."""

    address: str
    login: str
    password: str = field(repr=False)


class Provider:
    """A provider to test against; a context manager, `with` as well as `async with`.

    `users`: so many more accounts, u0@one.example, u1@one.example ..., with `password`.
    `plain`: passwords may be sent without TLS, which is what most tests want.
    """

    def __init__(
        self,
        *,
        users: int = 0,
        password: str = "secret",  # noqa: S107 - on loopback, for a test
        plain: bool = True,
        workers: int = 1,
    ) -> None:
        self._arguments = [f"--users={users}", f"--password={password}", f"--workers={workers}"]
        self._arguments += ["--plain"] if plain else []
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._readers: dict[str, Reader] = {}
        self._made: list[Account] = []
        self.host = ""
        self.ports: Mapping[str, int] = {}
        """By service: smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s."""
        self.domains: Sequence[str] = ()
        self.accounts: Sequence[Account] = ()
        self.ca_file = Path()
        """What clients are to trust."""

    # --- its life

    def start(self) -> None:
        """Start it; returns when all services accept. Raises `ProviderFailed`."""
        assert self._process is None, "it is running already"
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the provider lives
        self._process = subprocess.Popen(  # noqa: S603 - our own command, by its full path
            [
                *(sys.executable, "-m", "pillarbox", "demo"),
                *("--ports-from", "0", "--ready-file", "-", "--with-parent"),
                *self._arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_with_this_package(os.environ),
        )
        try:
            self._take(self._ready())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, and remove what it has made; does nothing if it is not running."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()
        if self.ca_file.name:
            shutil.rmtree(self._directory, ignore_errors=True)  # it has done so itself, unless killed
        if self._log:
            self._log.close()

    @property
    def log(self) -> str:
        """What it has logged so far."""
        if self._log is None or self._log.closed:
            return ""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> "AsyncProvider":
        from pillarbox.testing.asynchronous import AsyncProvider

        asynchronous = AsyncProvider(self)
        await asynchronous.start()
        return asynchronous

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        from pillarbox.testing.asynchronous import AsyncProvider

        await AsyncProvider(self).stop()

    # --- what a test does with it

    def account(self, address: str) -> Account:
        """Who has this address or login. Raises `LookupError`."""
        for one in self.accounts:
            if address in (one.address, one.login):
                return one
        raise LookupError(f"there is no account '{address}'; there are {_listed(self.accounts)}")

    def add_account(self, address: str, password: str = "secret") -> Account:  # noqa: S107 - likewise
        """Make one more account, and its domain where that is new."""
        from pillarbox.testing.people import add_account

        add_account(self._directory, address, password)
        made = Account(address, address, password)
        self.accounts = (*self.accounts, made)
        return made

    def deliver(
        self, message: EmailMessage | bytes | str, to: str | Iterable[str] = (), *, sender: str = SENDER
    ) -> None:
        """Hand a message over as another provider would; when this returns, it is in the mailboxes.

        Without `to`, to those an `EmailMessage` names. Raises `smtplib.SMTPException` where it is refused.
        """
        recipients = [to] if isinstance(to, str) else list(to)
        with smtplib.SMTP(self.host, self.ports["smtp"]) as client:
            if isinstance(message, EmailMessage):
                client.send_message(message, sender, recipients or None)
                return
            if not recipients:
                raise ValueError("say to whom: to=")
            octets = message.encode() if isinstance(message, str) else message
            client.ehlo()
            options = [] if octets.isascii() else ["BODY=8BITMIME"]
            client.sendmail(sender, recipients, octets, options)

    def mailbox(self, address: str, name: str = "INBOX") -> list["Message"]:
        """The messages in a mailbox, oldest first. Reading leaves them unread. Raises `LookupError`."""
        return self._reader(address).messages(name)

    def wait_for(
        self,
        address: str | None = None,
        *,
        subject: str | None = None,
        where: "Callable[[Message], bool]" = lambda _message: True,
        mailbox: str = "INBOX",
        timeout: float = 5.0,
    ) -> "Message":
        """The first message that has this subject and for which `where` holds, waiting for it if need be.

        `address`: whose mailbox to look in; without it, everybody's. `timeout` in seconds.
        Raises `TimeoutError`, which tells what was there instead.
        """
        watch = self.watch(address, subject=subject, where=where, mailbox=mailbox)
        deadline = time.monotonic() + timeout
        while (found := watch.look()) is None:
            if time.monotonic() >= deadline:
                raise watch.nothing(timeout)
            time.sleep(LOOK_S)
        return found

    def watch(
        self,
        address: str | None = None,
        *,
        subject: str | None = None,
        where: "Callable[[Message], bool]" = lambda _message: True,
        mailbox: str = "INBOX",
    ) -> "Watch":
        """What `wait_for` does, a look at a time."""
        addresses = [address] if address else [one.address for one in self.accounts]
        return Watch({self._reader(one): 0 for one in addresses}, mailbox, subject, where)

    def empty(self) -> None:
        """Remove all mail of all accounts."""
        for one in self.accounts:
            self._reader(one.address).empty()

    def tls_context(self) -> ssl.SSLContext:
        """A client's context that trusts this provider, and no other."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    # --- inside

    @property
    def _directory(self) -> Path:
        return self.ca_file.parent.parent

    def _ready(self) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_S)
        line: bytes = self._process.stdout.readline() if readable else b""
        if not line:
            raise ProviderFailed(self.log.strip() or f"it was not ready in {START_S:.0f} seconds")
        return line

    def _take(self, ready: bytes) -> None:
        told: dict[str, Any] = json.loads(ready)
        self.host, self.ports, self.domains = told["host"], told["ports"], tuple(told["domains"])
        self.accounts = tuple(Account(**one) for one in told["accounts"])
        self.ca_file = Path(told["ca_file"])

    def _reader(self, address: str) -> "Reader":
        from pillarbox.testing.reader import Reader

        account = self.account(address)
        if account.address not in self._readers:
            self._readers[account.address] = Reader(
                self.host,
                self.ports["imap"],
                address=account.address,
                login=account.login,
                password=account.password,
            )
        return self._readers[account.address]


@dataclass(slots=True)
class Watch:
    """Looking for a message until it is there."""

    readers: dict["Reader", int]
    """Whose mailboxes, each with the last UID that was looked at."""
    mailbox: str
    subject: str | None
    where: "Callable[[Message], bool]"
    others: list[str] = field(default_factory=list)
    """What was there instead."""

    def look(self) -> "Message | None":
        """The first fitting message among those that are new since the last look."""
        for reader, last in self.readers.items():
            for message in reader.messages(self.mailbox, after_uid=last):
                self.readers[reader] = message.uid
                if self.subject in (None, message.subject) and self.where(message):
                    return message
                self.others.append(f"'{message.subject}' for {message.address}")
        return None

    def nothing(self, seconds: float) -> TimeoutError:
        """What to raise when it did not come."""
        wanted = "" if self.subject is None else f" with the subject '{self.subject}'"
        there = ", ".join(self.others) or "nothing"
        return TimeoutError(f"no message{wanted} came in {seconds} s; there was: {there}")


def _with_this_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The child must find the Pillarbox that runs here, however this process came to find it."""
    here = str(Path(__file__).parents[2])
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, [here, environment.get("PYTHONPATH")]))}


def _listed(accounts: Sequence[Account]) -> str:
    few = ", ".join(one.address for one in accounts[:8])
    return few if len(accounts) <= 8 else f"{few} and {len(accounts) - 8} more"
