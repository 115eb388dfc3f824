"""What the demo's data directory holds: certificates, domains, people, and some mail."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pillarbox.admin import accounts as admin_accounts
from pillarbox.admin import dkim
from pillarbox.admin import domains as admin_domains
from pillarbox.admin.accounts import NewAccount
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.run import run_import
from pillarbox.app.database import opened_blobs, opened_database
from pillarbox.app.demo_mail import DemoMessage, demo_messages
from pillarbox.config.data_directory import DataDirectory
from pillarbox.directory import accounts, domains, roles
from pillarbox.directory.roles import Role
from pillarbox.directory.sign_in import credentials, devices
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.summary import summarize
from pillarbox.store import append, mailboxes
from pillarbox.world.blobs import FileBlobs, prepare
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Database, Transaction
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.tls import authority

Progress = Callable[[], AbstractContextManager[Callable[[int, int], None]]]
"""Shows how much of `--mbox` has been read: octets so far, and in all."""

DOMAINS = ("one.example", "two.example")
CERTIFICATE_NAMES = ("localhost", *DOMAINS, *(f"*.{domain}" for domain in DOMAINS))
PEOPLE = {
    "alice@one.example": "Alice",
    "bob@one.example": "Bob",
    "carol@two.example": "Carol",
    "dave@two.example": "Dave",
}
"""Names by address."""
PASSWORD = "pillarbox"  # noqa: S105 - printed for everybody to see
"""The password of `PEOPLE`."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account that can log in."""

    address: str
    login: str
    password: str = field(repr=False)
    name: str = ""


def named_people() -> Iterator[Person]:
    """`PEOPLE`."""
    for address, name in PEOPLE.items():
        yield Person(address, address, PASSWORD, name)


def numbered_people(count: int, password: str) -> Iterator[Person]:
    """u0, u1, ... in the first domain."""
    for number in range(count):
        yield Person(f"u{number}@{DOMAINS[0]}", f"u{number}", password)


def fill(data: DataDirectory, people: tuple[Person, ...], mbox: Path | None, progress: Progress) -> None:
    """Make what is missing in a new or used data directory; `mbox` is imported for the first person.

    Raises OSError, and ValueError where the directory can't be used.
    """
    now_ms = SystemClock().now_ms()
    authority.ensure(data.tls, CERTIFICATE_NAMES, now_ms=now_ms)
    # Messages without a database: it was lost, and a new one would hide that
    with opened_database(data, create=not data.blobs.exists()) as database:
        _make_accounts(database, people, now_ms)
        blobs = opened_blobs(data, database)
        if mbox:
            _import(database, blobs, people[0], mbox, now_ms, progress)


class _Hashes:
    """Hashed passwords of the people.

    All who have the same password share its hash: hashing it a hundred times would only delay the start.
    """

    def __init__(self) -> None:
        self._entropy = SystemEntropy()
        self._salt = self._entropy.token_bytes(16)
        self._made: dict[tuple[str, bytes], NewAccount] = {}

    def of(self, person: Person, salt: bytes | None = None) -> NewAccount:
        """The account to be made for a person; with the salt of the account where there is one already."""
        key = person.password, salt or self._salt
        if key not in self._made:
            self._made[key] = admin_accounts.with_password(
                person.address, person.password, salt=key[1], entropy=self._entropy
            )
        return replace(self._made[key], address=person.address, name=person.name)


def _make_accounts(database: Database, people: tuple[Person, ...], now_ms: int) -> None:
    """Make missing domains and accounts, with mail; existing accounts get the passwords that the demo prints."""
    hashes, keys = _Hashes(), dkim.fresh_keys()
    mail = list(demo_messages(PEOPLE, now_ms))

    def verb(tx: Transaction) -> None:
        for domain in DOMAINS:
            if domains.get(tx, domain) is None:
                admin_domains.add(tx, domain, keys=keys, now_ms=now_ms)
        created = {person.address for person in people if _make_account(tx, person, hashes, now_ms)}
        _have_owner(tx, people[0], now_ms)
        for message in mail:
            if message.address in created:
                _append(tx, message, now_ms)

    database.write_now(verb)


def _make_account(tx: Transaction, person: Person, hashes: _Hashes, now_ms: int) -> bool:
    """Create the account, or set its password; true where it is new."""
    account = accounts.by_login(tx, person.address)
    if account is None:
        made = admin_accounts.create(tx, hashes.of(person), now_ms=now_ms)
        devices.want_notices(tx, made.id, wanted=False)  # who tries a program wants no mail that nobody sent
    else:
        salt, _ = credentials.scram_parameters(tx, account.id)
        credentials.set_password(tx, account.id, hashes.of(person, salt).hashed, now_ms=now_ms)
    return account is None


def _have_owner(tx: Transaction, person: Person, now_ms: int) -> None:
    """Make the first person owner of the provider, in a data directory that is used again as well."""
    account = accounts.by_login(tx, person.address)
    assert account is not None
    roles.grant(tx, account.id, Role.OWNER, "", now_ms=now_ms)


def _append(tx: Transaction, message: DemoMessage, now_ms: int) -> None:
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
    database: Database, blobs: FileBlobs, person: Person, path: Path, now_ms: int, progress: Progress
) -> None:
    account = database.read_now(accounts.by_login, person.address)
    assert account is not None
    size = path.stat().st_size
    with progress() as report:
        run_import(
            database,
            blobs,
            account.id,
            MboxSource(path, INBOX, keep_status_fields=True),
            now_ms=now_ms,
            progress=lambda octets, _result: report(octets, size),
        )
