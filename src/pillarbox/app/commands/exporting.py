"""`pillarbox export`: an account's mail for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, Refused, on_installation
from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.mail.identifiers import AccountId
    from pillarbox.store.mailbox import Mailbox

FORMATS = ("maildir", "mbox")


@click.command("export")
@click.argument("login")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="maildir", show_default=True)
@click.option("--mailbox", "names", multiple=True, help="Only this mailbox. May be given several times.")
@on_installation
def command(here: Installation, login: str, directory: Path, form: str, names: tuple[str, ...]) -> None:
    """Write an account's mail into a new DIRECTORY, with folders, flags, keywords and dates.

    As a Maildir with folders, or as an mbox file for each mailbox. Nothing is changed in the account; it may
    be in use meanwhile.
    """
    from pillarbox.admin import accounts
    from pillarbox.admin.exporting.maildir import MaildirWriter
    from pillarbox.admin.exporting.mbox import MboxWriter
    from pillarbox.admin.exporting.pages import export
    from pillarbox.app.privileges import as_invoker
    from pillarbox.world.blobs import FileBlobs

    account = here.read(accounts.find, login)
    mailboxes = _mailboxes(here, account.id, names)
    total = sum(mailbox.octets for mailbox in mailboxes)
    with as_invoker():
        if directory.exists() and any(directory.iterdir()):
            raise Refused(f"{directory} is not empty. Name a directory that is new or empty.")
        directory.mkdir(parents=True, exist_ok=True)
    blobs = FileBlobs(here.settings.data / "blobs")
    writer = MaildirWriter(directory) if form == "maildir" else MboxWriter(directory)
    with octets_read("Exporting", shown=not here.as_json) as progress, as_invoker():
        exported = export(
            here.database,
            blobs,
            account.id,
            mailboxes,
            writer,
            progress=lambda done: progress(done.octets, total),
        )
    here.say(
        {"messages": exported.messages, "octets": exported.octets, "mailboxes": exported.mailboxes},
        f"{exported.messages} messages of {len(exported.mailboxes)} mailboxes are in {directory}.",
    )


def _mailboxes(here: Installation, account: "AccountId", names: tuple[str, ...]) -> "list[Mailbox]":
    from pillarbox.mail import mailbox_name
    from pillarbox.store import mailboxes

    if not names:
        return here.read(mailboxes.listing, account)
    return [here.read(mailboxes.by_name, account, mailbox_name.canonical(name)) for name in names]
