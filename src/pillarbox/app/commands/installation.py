"""What commands work on, the installation that the configuration describes, and how they speak of it.

    @click.command("list")
    @on_installation
    def listed(here: Installation) -> None:
        found = here.read(domains.listing)
        here.say(found, table(("name",), ((one.name,) for one in found)))

`on_installation` adds `--config` and `--json`, opens what is needed when it is needed, and turns what is
refused into one sentence and exit code 1 (as JSON: `{"error": "..."}`). Commands may run while
the server does: the database gives turns to write, and the server's sessions hear which accounts changed.
"""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Never, ParamSpec, TypeVar

import click

from pillarbox.config.schema import DEFAULT_PATH, Config

if TYPE_CHECKING:
    from pillarbox.app.settings import Settings
    from pillarbox.world.database import Transaction
    from pillarbox.world.database.sqlite import SqliteDatabase

P = ParamSpec("P")
T = TypeVar("T")


class Refused(Exception):
    """A command can't do what it was asked for. The text says why and what to do."""


class Voice:
    """Says what came of a command: text, or one JSON value on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, data: object, text: str) -> None:
        """Say it; `data` is anything of dataclasses, dicts, lists, enums, paths and numbers."""
        click.echo(_json(data) if self.as_json else text)

    def fail(self, text: str) -> Never:
        """Say what is wrong and end with exit code 1."""
        if self.as_json:
            click.echo(_json({"error": text}))
        else:
            click.echo(f"Error: {text}", err=True)
        raise SystemExit(1)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Whatever the world or a verb refuses within ends the command with a sentence."""
        try:
            yield
        except _refusals() as refusal:
            self.fail(_sentence(refusal))


class Installation(Voice):
    """One provider's configuration, settings and database."""

    def __init__(self, config_path: Path, *, as_json: bool) -> None:
        super().__init__(as_json=as_json)
        self.config_path = config_path
        self.alone = False
        """Whether the database is to be opened with nobody else having it open."""
        self._ending = ExitStack()

    @functools.cached_property
    def config(self) -> Config:
        """The configuration file. Raises `ConfigWrong`."""
        from pillarbox.config.file import read

        return read(self.config_path)

    @functools.cached_property
    def settings(self) -> "Settings":
        """What it means for the parts of Pillarbox. Raises `ConfigWrong`."""
        from pillarbox.app.configured import settings

        return settings(self.config)

    @functools.cached_property
    def database(self) -> "SqliteDatabase":
        """The provider's `Database`, open until the command ends, used as the owner of the data directory."""
        from pillarbox.app.privileges import as_owner_of
        from pillarbox.app.wiring import opened_database
        from pillarbox.world.signals import announce_from_outside

        data = self.settings.data
        if not data.is_dir():
            raise Refused(f"There is no data directory at {data}. Make one with: pillarbox init DOMAIN")
        self._ending.enter_context(as_owner_of(data))
        database = self._ending.enter_context(opened_database(self.settings, alone=self.alone))
        database.on_commit = functools.partial(announce_from_outside, self.settings.signals)
        return database

    def write(
        self, verb: "Callable[Concatenate[Transaction, P], T]", *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb that writes; what it changed is durable, and the server's sessions know."""
        return self.database.write_now(verb, *arguments, **keywords)

    def read(
        self, verb: "Callable[Concatenate[Transaction, P], T]", *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb that only reads."""
        return self.database.read_now(verb, *arguments, **keywords)

    @property
    def now_ms(self) -> int:
        """Now, in ms since 1970."""
        from pillarbox.world.clock import SystemClock

        return SystemClock().now_ms()

    def close(self) -> None:
        """Let go of what was opened."""
        self._ending.close()


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PILLARBOX_CONFIG",
    default=DEFAULT_PATH,
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON value.")


def on_installation(command: Callable[Concatenate[Installation, P], None]) -> Callable[..., None]:
    """Give a command its installation as first argument, and the options that go with it."""

    @config_option
    @json_option
    @functools.wraps(command)
    def run(config_path: Path, as_json: bool, *arguments: P.args, **keywords: P.kwargs) -> None:
        here = Installation(config_path, as_json=as_json)
        try:
            with here.refusals():
                command(here, *arguments, **keywords)
        finally:
            here.close()

    return run


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns of text for a person to read."""
    lines = [[*heads], *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _json(data: object) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(data, enc_hook=str), indent=2, ensure_ascii=False)


def _refusals() -> tuple[type[Exception], ...]:
    from pillarbox.app.privileges import NoSuchUser
    from pillarbox.app.services import CannotListen
    from pillarbox.config.schema import ConfigWrong
    from pillarbox.directory.naming import NameRefused
    from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
    from pillarbox.world.blobs import BlobMissing
    from pillarbox.world.database import DatabaseInUse, DatabaseUnavailable, SchemaTooNew
    from pillarbox.world.tls.server import CertificateUnusable

    ours = (ConfigWrong, NoSuchUser, CannotListen, NameRefused, NoSuchMailbox, OverQuota, Refused)
    worlds = (DatabaseUnavailable, DatabaseInUse, SchemaTooNew, BlobMissing, CertificateUnusable, OSError)
    return (*ours, *worlds, *_refusals_of_care())


def _refusals_of_care() -> tuple[type[Exception], ...]:
    """Of backup and repair, whose modules only their commands load."""
    import sys

    names = {
        "pillarbox.admin.backup": ("BackupRefused", "BackupDamaged", "NoSuchPoint"),
        "pillarbox.admin.rebuild": ("CannotRebuild",),
    }
    loaded = ((sys.modules.get(module), classes) for module, classes in names.items())
    return tuple(getattr(module, name) for module, classes in loaded if module for name in classes)


def _sentence(refusal: Exception) -> str:
    from pillarbox.store.account_counters import NoSuchMailbox
    from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable

    match refusal:
        case NoSuchMailbox():
            return f"There is no mailbox '{refusal}'."
        case DatabaseDamaged():
            return (
                f"The database is damaged: {refusal}. Stop the server, then: pillarbox rebuild;"
                " or take it from a backup: pillarbox restore"
            )
        case DatabaseUnavailable():
            return (
                f"The database can't be used: {refusal}. Is there room on the disk, and may this user write?"
            )
        case PermissionError():
            return f"{refusal.strerror}: {refusal.filename}. Run this as root, or as the user of the data."
        case OSError() if refusal.filename:
            return f"{refusal.strerror}: {refusal.filename}"
        case _:
            text = str(refusal)
            return text[:1].upper() + text[1:]
