"""The demo: a whole provider on loopback, in a throw-away or a named folder.

Two domains, a few people with mail in their boxes, a certificate authority of its own. It answers the DNS names
of its own domains itself and every other name with "does not exist", listens on loopback only, and so
nothing leaves the machine.
"""

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pillarbox.admin import accounts as admin_accounts
from pillarbox.admin.accounts import NewAccount
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.run import run_import
from pillarbox.admin.importing.source import SourceChanged
from pillarbox.app import child_process
from pillarbox.app.demo_mail import DemoMessage, demo_messages
from pillarbox.app.services import SERVICES, Doors, bind, close, ports_of
from pillarbox.app.settings import Settings
from pillarbox.app.wiring import opened_database
from pillarbox.directory import accounts, credentials, domains
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.summary import summarize
from pillarbox.store import append, mailboxes
from pillarbox.world.blobs import FileBlobs, prepare
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.tls import authority

Progress = Callable[[], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how far `--mbox` has been read: octets so far and in all."""

HOST = "127.0.0.1"
DOMAINS = ("one.example", "two.example")
NAMES = ("localhost", *DOMAINS, *(f"*.{domain}" for domain in DOMAINS))
"""What the certificate is for."""
PEOPLE = {
    "alice@one.example": "Alice",
    "bob@one.example": "Bob",
    "carol@two.example": "Carol",
    "dave@two.example": "Dave",
}
PASSWORD = "pillarbox"  # noqa: S105 - printed for everybody to see
FIRST_PORTS = {
    "smtp": 2525,
    "submission": 2587,
    "submissions": 2465,
    "lmtp": 2424,
    "imap": 2143,
    "imaps": 2993,
    "pop3": 2110,
    "pop3s": 2995,
}
"""Where the demo listens if it can: the registered ports, put where they need no privileges."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can log in."""

    address: str
    login: str
    password: str = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the command line says."""

    directory: Path | None = None
    """Kept, and used again; `None` is a temporary folder that goes with the demo."""
    ports_from: int | None = None
    """The first of consecutive ports in the order of `SERVICES`; 0 takes any free ones."""
    users: int = 0
    """So many more accounts, u0, u1, ... at the first domain."""
    password: str = "secret"  # noqa: S105 - the demo's own, for loopback
    """Their password."""
    plain: bool = False
    workers: int = 1
    mbox: Path | None = None
    ready_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is about to serve."""

    settings: Settings
    doors: Doors
    people: tuple[Person, ...]
    authority: Path

    def ready(self) -> dict[str, object]:
        """What the ready file says: a contract, to which keys are added and in which none is changed."""
        return {
            "host": HOST,
            "pid": os.getpid(),
            "domains": list(DOMAINS),
            "ports": ports_of(self.doors),
            "accounts": [
                {"address": person.address, "login": person.login, "password": person.password}
                for person in self.people
            ],
            "ca_file": str(self.authority),
        }


@contextmanager
def prepared(options: DemoOptions, progress: Progress) -> Iterator[Demo]:
    """Make the folder, the people and their mail, and listen. A temporary folder is removed at the end.

    Raises OSError where a port can't be had, `aside.Failed` where the folder or the mail is no good.
    """
    with ExitStack() as ending:
        directory = options.directory
        if directory is None:
            # Its removal is arranged before it is made: a signal may come at any moment.
            directory = Path(tempfile.gettempdir()) / f"pillarbox-demo-{SystemEntropy().token_bytes(6).hex()}"
            ending.callback(_remove, directory)
            directory.mkdir(mode=0o700)
        doors = _bind(options.ports_from)
        ending.callback(close, doors)
        certificates = authority.located(directory / "tls", NAMES)
        settings = Settings(
            hostname=f"mail.{DOMAINS[0]}",
            data=directory,
            certificates=(certificates.server,),
            primary_domain=DOMAINS[0],
            workers=options.workers,
            plain_passwords=options.plain,
            local_names=dict.fromkeys(DOMAINS, HOST),
            separate_domains=True,
            relay_port=ports_of(doors)["smtp"],
        )
        people = (*_people(PASSWORD), *_numbered(options.users, options.password))
        # In a process of its own: what it takes to make certificates, hash passwords and read an mbox
        # does not stay with the server, and a second core has something to do meanwhile.
        with child_process.running(lambda: _furnish(settings, people, options.mbox, progress)):
            importlib.import_module("pillarbox.app.worker")
        yield Demo(settings, doors, people, certificates.authority)


def _furnish(settings: Settings, people: tuple[Person, ...], mbox: Path | None, progress: Progress) -> None:
    now_ms = SystemClock().now_ms()
    authority.ensure(settings.data / "tls", NAMES, now_ms=now_ms)
    with opened_database(settings) as database:
        _settle(database, people, now_ms)
        if mbox:
            _import(database, settings.data, people[0], mbox, now_ms, progress)


def _remove(directory: Path) -> None:
    """Remove a folder, even where something was just being written into it."""
    for _ in range(5):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return


def write_ready_file(path: Path, demo: Demo) -> None:
    """Whole or not at all: who waits for the file may read it as soon as it is there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(demo.ready(), indent=2) + "\n")
    unfinished.replace(path)


def _people(password: str) -> Iterator[Person]:
    for address, name in PEOPLE.items():
        yield Person(address, address, password, name)


def _numbered(count: int, password: str) -> Iterator[Person]:
    for number in range(count):
        yield Person(f"u{number}@{DOMAINS[0]}", f"u{number}", password)


def _bind(ports_from: int | None) -> Doors:
    if ports_from == 0:
        return bind(HOST, dict.fromkeys(SERVICES, 0))
    if ports_from is not None:
        return bind(HOST, {name: ports_from + place for place, name in enumerate(SERVICES)})
    try:
        return bind(HOST, FIRST_PORTS)
    except OSError:  # another demo is running: any free ports will do
        return bind(HOST, dict.fromkeys(SERVICES, 0))


class _Hashes:
    """Password hashes for people of the demo.

    All who share a password share its hash: hashing it a hundred times would only delay the start.
    """

    def __init__(self) -> None:
        self._entropy = SystemEntropy()
        self._salt = self._entropy.token_bytes(16)
        self._made: dict[tuple[str, bytes], NewAccount] = {}

    def of(self, person: Person, salt: bytes | None = None) -> NewAccount:
        """The person's account as it is to be made; with the salt it has, where it is there."""
        key = person.password, salt or self._salt
        if key not in self._made:
            self._made[key] = admin_accounts.with_password(
                person.address, person.password, salt=key[1], entropy=self._entropy
            )
        return replace(self._made[key], address=person.address, name=person.name)


def _settle(database: Database, people: tuple[Person, ...], now_ms: int) -> None:
    """Make who is missing; a demo's passwords are those it prints, also in a folder of an earlier day."""
    hashes = _Hashes()
    mail = list(demo_messages(PEOPLE, now_ms))

    def settle(tx: Transaction) -> None:
        for domain in DOMAINS:
            if domains.get(tx, domain) is None:
                domains.create(tx, domain, now_ms=now_ms)
        newcomers = {person.address for person in people if _admit(tx, person, hashes, now_ms)}
        for message in mail:
            if message.address in newcomers:
                _put(tx, message, now_ms)

    database.write_now(settle)


def _admit(tx: Transaction, person: Person, hashes: _Hashes, now_ms: int) -> bool:
    """Give a person an account, or an account its password; true where it is new."""
    account = accounts.by_login(tx, person.address)
    if account is None:
        admin_accounts.create(tx, hashes.of(person), now_ms=now_ms)
    else:
        salt, _ = credentials.scram_parameters(tx, account.id)
        credentials.set_password(tx, account.id, hashes.of(person, salt).hashed, now_ms=now_ms)
    return account is None


def _put(tx: Transaction, message: DemoMessage, now_ms: int) -> None:
    account = accounts.by_login(tx, message.address)
    assert account is not None
    append.append(
        tx,
        account.id,
        mailboxes.by_name(tx, account.id, message.mailbox).id,
        append.Message(prepare(message.octets), summarize(message.octets)),
        flags=message.flags,
        received_at_ms=message.received_at_ms,
        now_ms=now_ms,
    )


def _import(
    database: Database, data: Path, person: Person, path: Path, now_ms: int, progress: Progress
) -> None:
    account = database.read_now(accounts.by_login, person.address)
    assert account is not None
    size = path.stat().st_size
    with progress() as tell:
        try:
            run_import(
                database,
                FileBlobs(data / "blobs"),
                account.id,
                MboxSource(path, INBOX, keep_status_fields=True),
                now_ms=now_ms,
                progress=lambda octets, _brought: tell(octets, size),
            )
        except SourceChanged:
            raise ValueError(
                f"{path} is not what was read into {data} before: choose another --dir"
            ) from None
