"""The database of a provider, with the tables of all rooms."""

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.admin.importing.checkpoint import SCHEMA as IMPORTING
from pillarbox.admin.importing.imap.pulled import SCHEMA as PULLING
from pillarbox.config.data_directory import DataDirectory
from pillarbox.contacts.schema import SCHEMA as CONTACTS
from pillarbox.directory.schema import SCHEMA as DIRECTORY
from pillarbox.push.schema import SCHEMA as PUSH
from pillarbox.queue.schema import SCHEMA as QUEUE
from pillarbox.reports.schema import SCHEMA as REPORTS
from pillarbox.store.maildrop import SCHEMA as MAILDROP
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import FileBlobs, require_files
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.durable import make_folder
from pillarbox.world.telemetry import SystemTelemetry, Telemetry

SCHEMAS = (BLOBS, DIRECTORY, STORE, MAILDROP, QUEUE, REPORTS, PUSH, CONTACTS, IMPORTING, PULLING)
"""The tables of the database, room by room."""


def opened_blobs(data: DataDirectory, database: SqliteDatabase) -> FileBlobs:
    """Its blobs. Raises `FilesMissing` where their folder is gone, or `DatabaseUnavailable`."""
    database.read_now(require_files, data.blobs)
    return FileBlobs(data.blobs)


@contextmanager
def opened_database(
    data: DataDirectory, *, create: bool = False, alone: bool = False, telemetry: Telemetry | None = None
) -> Iterator[SqliteDatabase]:
    """The database by itself, for programs that do not serve; see `open_database`.

    Damage in its log goes to `telemetry`, by default to standard error.
    """
    if create:
        make_folder(data.path)
    database = open_database(data.database, SCHEMAS, create=create, alone=alone)
    tell_of_log_damage(database, telemetry or SystemTelemetry())
    try:
        yield database
    finally:
        database.close_now()


def tell_of_log_damage(database: SqliteDatabase, telemetry: Telemetry) -> None:
    """Log what was found when the database was opened: by whoever opens it first after a crash."""
    if database.log_damage:
        telemetry.warning("database log damaged", why=database.log_damage.text)
