"""`pillarbox contacts`: an account's contacts, as a file of vCards."""

import os
from pathlib import Path
from typing import Final

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.mail.visible import visible

MAX_OCTETS: Final = 100_000_000
"""Of a file that is imported, which is read as a whole."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_PRIVATE: Final = 0o600


@click.group("contacts")
def command() -> None:
    """Import and export the contacts of an account."""


@command.command("import")
@click.argument("login")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--book", metavar="NAME", help="The address book to import into. Without it, the default one.")
@on_installation
def import_contacts(installation: Installation, login: str, file: Path, book: str | None) -> None:
    """Import a FILE of vCards (versions 2.1, 3.0 and 4.0) into an account.

    Cards that the account has already, by their UID, stay as they are, so it may be done again. Exit code 1: some
    cards were not imported, and are listed.
    """
    from pillarbox.admin import accounts, contacts
    from pillarbox.app.privileges import as_invoker

    account = installation.read(accounts.find, login)
    where = installation.read(contacts.book_named, account.id, book)
    with as_invoker():
        if file.stat().st_size > MAX_OCTETS:
            raise CommandFailed(f"{file} has more than {MAX_OCTETS} octets. Import it in parts.")
        octets = file.read_bytes()
    result = contacts.import_file(installation.database, installation.blobs, account.id, octets, where)
    lines = [f"{counted(result.imported, 'card')} imported, {result.existing} there already"]
    if result.refused:
        lines += ["", "Not imported:"]
        lines += [visible(f"  {one.card}: {one.why}") for one in result.refused]
    installation.show(result, "\n".join(lines))
    if result.refused:
        raise SystemExit(1)


@command.command("export")
@click.argument("login")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@on_installation
def export_contacts(installation: Installation, login: str, file: Path) -> None:
    """Export all contacts of an account to a new FILE of vCards (version 4.0), with images and sounds.

    Exit code 1: images or sounds that are damaged were left out, and are listed.
    """
    from pillarbox.admin import accounts, contacts
    from pillarbox.app.privileges import as_invoker

    account = installation.read(accounts.find, login)
    database, blobs, result = installation.database, installation.blobs, contacts.ExportResult()
    with as_invoker():
        if file.exists():
            raise CommandFailed(f"{file} exists. Name a new file.")
        with os.fdopen(os.open(file, _NEW, _PRIVATE), "wb") as written:
            for octets in contacts.export(database, blobs, account.id, result):
                written.write(octets)
    lines = [f"{counted(result.cards, 'card')} exported to {file}"]
    if result.damaged:
        lines += ["", "Damaged images or sounds, left out (see: pillarbox fsck):"]
        lines += [visible(f"  {one.card}: {one.why}") for one in result.damaged]
    installation.show(result, "\n".join(lines))
    if result.damaged:
        raise SystemExit(1)
