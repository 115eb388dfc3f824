"""What a test does with a provider, by blocking calls."""

import email.message
import smtplib
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.testing.message import Message
from pillarbox.testing.process import NOT_RUNNING, DemoProcess
from pillarbox.testing.reader import Reader
from pillarbox.testing.watch import POLL_S, Watch

SENDER = "sender@elsewhere.example"
"""The sender of `deliver` unless another is given."""
MAX_ACCOUNTS_NAMED = 8
"""Accounts that an error message names, or looks into."""

Deliverable = email.message.Message | bytes | str
"""What can be delivered: also what `email.mime` makes."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account that can log in."""

    address: str
    login: str
    password: str = field(repr=False)


class Ports(dict[str, int]):
    """Ports by the name of the service; the error for another name has those that there are."""

    def __missing__(self, name: str) -> int:
        if not self:
            raise RuntimeError(NOT_RUNNING)
        raise KeyError(f"there is no service '{name}'; there are {', '.join(self)}")


class BlockingProvider:
    """The provider, without the context managers; see `Provider`."""

    def __init__(
        self,
        *,
        users: int = 0,
        password: str = "secret",  # noqa: S107 - on loopback, for a test
        plain: bool = True,
        workers: int = 1,
    ) -> None:
        """`users`: how many accounts to add: u0@one.example, u1@one.example, ..., with `password`.

        `plain`: allow passwords without TLS, which is what most tests want.
        """
        arguments = [f"--users={users}", f"--password={password}", f"--workers={workers}"]
        self._process = DemoProcess([*arguments, "--plain"] if plain else arguments)
        self._readers: dict[str, Reader] = {}
        self.host = ""
        self.ports: Mapping[str, int] = Ports()
        """Ports by the name of the service, as in the configuration's `[listen]`."""
        self.domains: Sequence[str] = ()
        self.accounts: Sequence[Account] = ()
        self._accounts_at_start: Sequence[Account] = ()
        self.ca_file = Path()
        """The CA certificate that clients are to trust."""

    # --- start and stop

    def start(self) -> None:
        """Start it; returns when all services accept connections. Raises `ProviderFailed`."""
        ready = self._process.start()
        self.host, self.ports, self.domains = ready["host"], Ports(ready["ports"]), tuple(ready["domains"])
        self.accounts = tuple(Account(**account) for account in ready["accounts"])
        self._accounts_at_start = self.accounts
        self.ca_file = Path(ready["ca_file"])

    def stop(self) -> None:
        """Stop it and remove its data; does nothing if it is not running."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()
        self._process.stop(self._directory if self.ca_file.name else None)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._process.log

    @property
    def pid(self) -> int:
        """The process id: for measuring it. Workers are its children."""
        return self._process.pid

    @property
    def _directory(self) -> Path:
        return self.ca_file.parent.parent

    # --- accounts and messages

    def account(self, address: str) -> Account:
        """The account with this address or login. Raises `LookupError`."""
        for account in self.accounts:
            if address in (account.address, account.login):
                return account
        if not self.accounts:
            raise RuntimeError(NOT_RUNNING)
        raise LookupError(f"there is no account '{address}'; there are {_listed(self.accounts)}")

    def add_account(self, address: str, password: str = "secret") -> Account:  # noqa: S107 - likewise
        """Add an account, and its domain where that is new. Raises ValueError, also where it exists already."""
        _check_texts("address and password are str", [address, password])
        self._process.request("add_account", address=address, password=password)
        added = Account(address, address, password)
        self.accounts = (*self.accounts, added)
        return added

    def deliver(self, message: Deliverable, to: str | Iterable[str] = (), *, sender: str = SENDER) -> None:
        """Deliver a message by SMTP, as another provider would; when this returns, it is in the mailboxes.

        Without `to`, the recipients are those that To, Cc and Bcc of an `EmailMessage` name. In a `str`, lines may end
        with LF. Raises `smtplib.SMTPException` if refused.
        """
        recipients = [to] if isinstance(to, str) else list(to)
        _check_arguments(message, recipients)
        with smtplib.SMTP(self.host, self.ports["smtp"]) as client:
            if isinstance(message, email.message.Message):
                client.send_message(message, sender, recipients or None)
                return
            octets = _with_crlf(message).encode() if isinstance(message, str) else message
            client.ehlo()
            options = [] if octets.isascii() else ["BODY=8BITMIME"]
            client.sendmail(sender, recipients, octets, options)

    def mailbox(self, address: str, name: str = "INBOX") -> list[Message]:
        """The messages in a mailbox, oldest first. They stay unread. Raises `LookupError`."""
        return self._reader(address).messages(name)

    def wait_for(
        self,
        address: str | None = None,
        *,
        subject: str | None = None,
        where: Callable[[Message], bool] = lambda _message: True,
        mailbox: str = "INBOX",
        timeout: float = 5.0,
    ) -> Message:
        """The first message with this subject for which `where` is true; waits for it if necessary.

        `address`: whose mailbox to look in; by default everybody's. `timeout` in seconds.
        Raises `TimeoutError`, which names the messages that were there, and those in other accounts.
        """
        watch = self.watch(address, subject=subject, where=where, mailbox=mailbox)
        deadline = time.monotonic() + timeout
        while (found := watch.look()) is None:
            if time.monotonic() >= deadline:
                raise self.timed_out(watch, timeout)
            time.sleep(POLL_S)
        return found

    def watch(
        self,
        address: str | None = None,
        *,
        subject: str | None = None,
        where: Callable[[Message], bool] = lambda _message: True,
        mailbox: str = "INBOX",
    ) -> Watch:
        """What `wait_for` does, one poll at a time."""
        addresses = [address] if address else [account.address for account in self.accounts]
        return Watch(
            {self._reader(account_address): 0 for account_address in addresses}, mailbox, subject, where
        )

    def timed_out(self, watch: Watch, seconds: float) -> TimeoutError:
        """The exception for a message that did not arrive."""
        elsewhere: list[str] = []
        for account in self.accounts[:MAX_ACCOUNTS_NAMED]:
            reader = self._reader(account.address)
            if reader not in watch.readers:
                elsewhere += [watch.told(message) for message in reader.messages("INBOX")]
        return watch.timed_out(seconds, elsewhere)

    def empty(self) -> None:
        """Delete all mail of all accounts, also that which is on its way."""
        self._process.request("empty")

    def reset(self) -> None:
        """As at the start, but without mail: no other accounts, domains and mailboxes, and an empty queue.

        What was signed in with an account that goes is signed out.
        """
        self._process.request("reset")
        self.accounts = self._accounts_at_start
        kept = {account.address for account in self.accounts}
        for address in self._readers.keys() - kept:
            self._readers.pop(address).close()

    def tls_context(self) -> ssl.SSLContext:
        """A client context that trusts only this provider."""
        if not self.ca_file.name:
            raise RuntimeError(NOT_RUNNING)
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _reader(self, address: str) -> Reader:
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


def _check_arguments(message: object, recipients: Sequence[object]) -> None:
    if not isinstance(message, Deliverable):
        raise TypeError(f"a message is an EmailMessage, bytes or str, not {type(message).__name__}")
    _check_texts("to= is an address (str), or several", recipients)
    fields = message.keys() if isinstance(message, email.message.Message) else []
    if not recipients and {"to", "cc", "bcc"}.isdisjoint(name.lower() for name in fields):
        raise ValueError("say to whom: to=")


def _check_texts(wanted: str, values: Sequence[object]) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError(wanted)


def _with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _listed(accounts: Sequence[Account]) -> str:
    few = ", ".join(account.address for account in accounts[:MAX_ACCOUNTS_NAMED])
    more = len(accounts) - MAX_ACCOUNTS_NAMED
    return few if more <= 0 else f"{few} and {more} more"
