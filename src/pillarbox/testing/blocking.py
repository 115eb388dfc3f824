"""What a test does with a provider, by blocking calls."""

import smtplib
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from pillarbox.testing.message import Message
from pillarbox.testing.process import DemoProcess
from pillarbox.testing.reader import Reader
from pillarbox.testing.watch import POLL_S, Watch

SENDER = "sender@elsewhere.example"
"""The sender of `deliver` unless another is given."""
MAX_ACCOUNTS_NAMED = 8
"""Accounts that an error message names."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account that can log in."""

    address: str
    login: str
    password: str = field(repr=False)


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
        self.ports: Mapping[str, int] = {}
        """Ports by the name of the service, as in the configuration's `[listen]`."""
        self.domains: Sequence[str] = ()
        self.accounts: Sequence[Account] = ()
        self.ca_file = Path()
        """The CA certificate that clients are to trust."""

    # --- start and stop

    def start(self) -> None:
        """Start it; returns when all services accept connections. Raises `ProviderFailed`."""
        ready = self._process.start()
        self.host, self.ports, self.domains = ready["host"], ready["ports"], tuple(ready["domains"])
        self.accounts = tuple(Account(**account) for account in ready["accounts"])
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
        raise LookupError(f"there is no account '{address}'; there are {_listed(self.accounts)}")

    def add_account(self, address: str, password: str = "secret") -> Account:  # noqa: S107 - likewise
        """Add an account, and its domain where that is new."""
        from pillarbox.testing.people import add_account  # loads the server's code, which few tests need

        add_account(self._directory, address, password)
        added = Account(address, address, password)
        self.accounts = (*self.accounts, added)
        return added

    def deliver(
        self, message: EmailMessage | bytes | str, to: str | Iterable[str] = (), *, sender: str = SENDER
    ) -> None:
        """Deliver a message by SMTP, as another provider would; when this returns, it is in the mailboxes.

        Without `to`, the recipients are those an `EmailMessage` names. Raises `smtplib.SMTPException` if refused.
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
        Raises `TimeoutError`, which names the messages that were there.
        """
        watch = self.watch(address, subject=subject, where=where, mailbox=mailbox)
        deadline = time.monotonic() + timeout
        while (found := watch.look()) is None:
            if time.monotonic() >= deadline:
                raise watch.timed_out(timeout)
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

    def empty(self) -> None:
        """Delete all mail of all accounts."""
        for account in self.accounts:
            self._reader(account.address).empty()

    def tls_context(self) -> ssl.SSLContext:
        """A client context that trusts only this provider."""
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


def _listed(accounts: Sequence[Account]) -> str:
    few = ", ".join(account.address for account in accounts[:MAX_ACCOUNTS_NAMED])
    more = len(accounts) - MAX_ACCOUNTS_NAMED
    return few if more <= 0 else f"{few} and {more} more"
