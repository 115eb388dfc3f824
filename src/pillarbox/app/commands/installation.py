"""The installation that a command works on: the configuration, its data directory and database, and the output.

    @click.command("list")
    @on_installation
    def list_domains(installation: Installation) -> None:
        found = installation.read(domains.listing)
        installation.show(found, table(("DOMAIN",), ((one.name,) for one in found)))

`on_installation` adds `--config` and `--json`, and turns errors into one sentence and exit code 1 (as JSON:
`{"error": "..."}`). The configuration and the database are opened when they are first used. Commands may run
while the server does: writers take turns, and the server's sessions are notified of what changed.
"""

import errno
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, Never, ParamSpec, Self, TypeVar

import click

from pillarbox.config.schema import DEFAULT_PATH, Config
from pillarbox.mail.visible import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from pillarbox.admin.change_letters import Doing
    from pillarbox.app.resolved import Resolved
    from pillarbox.config.data_directory import DataDirectory
    from pillarbox.world.blobs import FileBlobs
    from pillarbox.world.database import DatabaseUnavailable, Transaction
    from pillarbox.world.database.sqlite import SqliteDatabase

P = ParamSpec("P")
T = TypeVar("T")


_FIRST_WORD = re.compile(r"[a-z]+[ ,]")
BEGIN_AGAIN = (
    "Without a backup, begin again: move the configuration file away as well, then pillarbox init DOMAIN"
)


class CommandFailed(Exception):
    """A command can't do what it was asked to. The text says why and what to do."""


class Output:
    """The output of a command: text, or one JSON value on standard output; characters that hide are escapes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def show(self, data: object, text: str) -> None:
        """Print the result; `data` is made of dataclasses, dicts, lists, enums, paths and numbers."""
        click.echo(_json(data) if self.as_json else visible_lines(text))

    def fail(self, text: str) -> Never:
        """Print an error and end with exit code 1."""
        if self.as_json:
            click.echo(_json({"error": text}))
        else:
            click.echo(f"Error: {visible_lines(text)}", err=True)
        raise SystemExit(1)

    @contextmanager
    def reporting_errors(self) -> Iterator[None]:
        """Turn expected errors in the block into `fail`."""
        try:
            yield
        except _expected_errors() as error:
            self.fail(sentence(error))


class Installation(Output):
    """One provider's configuration, data directory and database."""

    def __init__(self, config_path: Path, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self.config_path = config_path
        self.alone = False
        """Whether to open the database only if no other process has it open."""
        self.create = False
        """Whether to make a database: for `init` alone. Elsewhere a new one would hide that the old one is lost."""
        self.any_domain = False
        """Whether the database need not know the configured domain: for commands that tell so, or mend it."""
        self._cleanup = ExitStack()

    def _damage(self) -> "DatabaseUnavailable | None":
        """Values in the database that nobody wrote, if it is open and has some."""
        from pillarbox.admin.damaged_values import check_everything
        from pillarbox.world.database import DatabaseUnavailable

        if "database" not in vars(self):
            return None
        try:
            self.database.read_now(check_everything)
        except DatabaseUnavailable as damaged:
            return damaged
        return None

    @functools.cached_property
    def config(self) -> Config:
        """The configuration file. Raises `ConfigWrong`."""
        from pillarbox.config.file import read

        return read(self.config_path)

    @functools.cached_property
    def resolved(self) -> "Resolved":
        """The configuration with what it names: certificates, addresses, passwords. Raises `ConfigWrong`."""
        from pillarbox.app.resolved import resolve
        from pillarbox.config.file import naming

        config = self.config
        with naming(self.config_path):
            return resolve(config)

    @property
    def data(self) -> "DataDirectory":
        """The data directory."""
        return self.config.data_directory

    @functools.cached_property
    def blobs(self) -> "FileBlobs":
        """The blob store of the data directory. It makes no folder where the messages in it would then seem lost."""
        from pillarbox.app.database import opened_blobs

        return opened_blobs(self.data, self.database)

    @functools.cached_property
    def database(self) -> "SqliteDatabase":
        """The database, open until the command ends; from its first use on, root acts as the data's owner."""
        from pillarbox.app.database import opened_database
        from pillarbox.app.privileges import as_owner_of
        from pillarbox.world.signals import announce_from_outside

        data = self.data
        require_data_directory(data)
        self._cleanup.enter_context(as_owner_of(data.path))
        database = self._cleanup.enter_context(opened_database(data, create=self.create, alone=self.alone))
        if not (self.create or self.any_domain):
            require_domain(database, self.config)
        database.on_commit = functools.partial(announce_from_outside, data.signals)
        return database

    def write(
        self, verb: "Callable[Concatenate[Transaction, P], T]", *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb that writes. At return its changes are durable and announced to the server."""
        return self.database.write_now(verb, *arguments, **keywords)

    def read(
        self, verb: "Callable[Concatenate[Transaction, P], T]", *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb that only reads."""
        return self.database.read_now(verb, *arguments, **keywords)

    @property
    def doing(self) -> "Doing":
        """What the owner of an account is told of who has changed it: those who operate the machine."""
        from pillarbox.admin.change_letters import Doing
        from pillarbox.world.entropy import SystemEntropy, nonce

        return Doing(nonce(SystemEntropy()), self.config.web_url, self.now_ms)

    @property
    def now_ms(self) -> int:
        """Now, in ms since 1970."""
        from pillarbox.world.clock import SystemClock

        return SystemClock().now_ms()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close what was opened. Raises `ValuesDamaged` in the place of an error that looks like ours."""
        expected = (*_expected_errors(), click.ClickException, click.Abort, click.exceptions.Exit)
        is_ours = isinstance(failure, Exception) and not isinstance(failure, expected)
        damaged = self._damage() if is_ours else None
        suppressed = self._cleanup.__exit__(kind, failure, trace)
        if damaged:
            raise damaged from failure
        return suppressed


def require_data_directory(data: "DataDirectory") -> None:
    """Raises `CommandFailed` where there is none."""
    if not data.path.is_dir():
        raise CommandFailed(
            f"No data directory at {data.path}. Mount its disk, or restore a backup: pillarbox restore DIRECTORY. "
            f"{BEGIN_AGAIN}"
        )


def require_domain(database: "SqliteDatabase", config: Config) -> None:
    """Raises `CommandFailed` where the database does not know the configured domain: it may be another one's."""
    from pillarbox.directory import domains

    if database.read_now(domains.get, config.domain) is None:
        raise CommandFailed(
            f"The database at {config.data_directory.database} does not know {config.domain}, the configured domain. "
            "If it is not the one you expect: mount its disk, or restore a backup: pillarbox restore DIRECTORY. "
            f"If it is: pillarbox domain add {config.domain}, or change `domain` in the configuration"
        )


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PILLARBOX_CONFIG",
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON value.")


def on_installation(command: Callable[Concatenate[Installation, P], None]) -> Callable[..., None]:
    """Give a command its installation as first argument, and the options that go with it."""

    @config_option
    @json_option
    @functools.wraps(command)
    def run(config_path: Path, as_json: bool, *arguments: P.args, **keywords: P.kwargs) -> None:
        installation = Installation(config_path, as_json=as_json)
        with installation.reporting_errors(), installation:
            command(installation, *arguments, **keywords)

    return run


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns of text; no cell has more than one line."""
    lines = [[*heads], *([("" if cell is None else visible(str(cell))) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def with_warnings(text: str, warnings: Iterable[str]) -> str:
    """The text, and a line for each warning."""
    return "\n".join([text, *(f"Warning: {warning}." for warning in warnings)])


def counted(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _json(data: object) -> str:
    import msgspec

    return visible_json(json.dumps(msgspec.to_builtins(data, enc_hook=str), indent=2, ensure_ascii=False))


def _expected_errors() -> tuple[type[Exception], ...]:
    from pillarbox.app.privileges import NoSuchUser, PythonUnreadable
    from pillarbox.app.sockets import CannotListen
    from pillarbox.config.schema import ConfigWrong
    from pillarbox.directory.naming import NameRefused
    from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
    from pillarbox.world.blobs import BlobDamaged
    from pillarbox.world.database import DatabaseInUse, DatabaseUnavailable, SchemaTooNew
    from pillarbox.world.tls.server import CertificateUnusable

    asked = (ConfigWrong, NameRefused, NoSuchMailbox, OverQuota, CommandFailed)
    machine = (NoSuchUser, PythonUnreadable, CannotListen)
    worlds = (DatabaseUnavailable, DatabaseInUse, SchemaTooNew, BlobDamaged, CertificateUnusable, OSError)
    return (*asked, *machine, *worlds, *_rarer_errors())


def _rarer_errors() -> tuple[type[Exception], ...]:
    """Errors of rooms whose modules only their commands load."""
    import sys

    names = {
        "pillarbox.admin.backup": ("BackupRefused", "BackupDamaged", "NoSuchPoint"),
        "pillarbox.admin.fsck": ("LossRefused",),
        "pillarbox.admin.mail.finding": ("NoSuchEmail",),
        "pillarbox.admin.rebuild": ("CannotRebuild",),
    }
    loaded = ((sys.modules.get(module), classes) for module, classes in names.items())
    return tuple(getattr(module, name) for module, classes in loaded if module for name in classes)


def sentence(error: Exception) -> str:
    """What a person is told of an expected error, and what to do."""
    from pillarbox.store.account_counters import NoSuchMailbox
    from pillarbox.world.blobs import FilesMissing
    from pillarbox.world.database import (
        DatabaseDamaged,
        DatabaseLocked,
        DatabaseMissing,
        DatabaseUnavailable,
        ValuesDamaged,
    )

    match error:
        case NoSuchMailbox():
            return f"No such mailbox: '{error}'."
        case ValuesDamaged():
            return f"The database is damaged: {error}. Stop the server for that"
        case DatabaseDamaged():
            return (
                f"The database is damaged: {error}. Stop the server, copy the data directory, and restore a recent "
                "backup: pillarbox restore DIRECTORY; or, without one, run: pillarbox rebuild"
            )
        case DatabaseMissing():
            return (
                f"{_capitalized(str(error))}. Nothing was created. Mount its disk, if that is missing. If the database "
                "is lost, move the data directory away and restore a backup: pillarbox restore DIRECTORY. "
                f"{BEGIN_AGAIN}"
            )
        case FilesMissing():
            return (
                f"{_capitalized(str(error))}. Nothing was created. Mount its disk. If they are lost: pillarbox restore "
                "DIRECTORY --missing; without a backup, make the folder (blobs/incoming in the data directory, for the "
                "user that serves), then: pillarbox fsck"
            )
        case DatabaseLocked():
            return (
                f"The {error}. Close the program that has it open (a shell of sqlite3, a copy by other means), "
                "then try again"
            )
        case DatabaseUnavailable():
            return (
                f"The database is unavailable: {error}. Is the disk full or read-only, or do files in the data "
                "directory not belong to the user that serves? (chown -R USER: DIRECTORY; chmod -R u+rwX DIRECTORY)"
            )
        case PermissionError():
            return f"{error.strerror}: {error.filename}. {_who_may()}"
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f": {error.filename}" if error.filename else ""
            return f"{error.strerror}{where}. Free some space, then run this again"
        case OSError() if error.filename:
            return f"{error.strerror}: {error.filename}"
        case _:
            return _capitalized(str(error))


def _who_may() -> str:
    import os

    if os.getuid() == 0:  # root acts as the owner of the data directory there
        return "What is in the data directory must belong to the user that serves: chown -R USER: DIRECTORY"
    return "Run this as root, or as the owner of the data directory."


def _capitalized(text: str) -> str:
    """A sentence as it is printed; what begins with a name (`ce.toml`, `mail.example.org`) stays as it is."""
    return text[:1].upper() + text[1:] if _FIRST_WORD.match(text) else text
