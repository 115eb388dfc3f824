"""`pillarbox export`: an account's mail as files of other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.app.commands.progress import octets_read
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.mail.identifiers import AccountId
    from pillarbox.store.mailbox import Mailbox

FORMATS = ("maildir", "mbox")


@click.command("export")
@click.argument("login")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="maildir", show_default=True)
@click.option("--mailbox", "names", multiple=True, help="Export only this mailbox. May be repeated.")
@on_installation
def command(
    installation: Installation, login: str, directory: Path, form: str, names: tuple[str, ...]
) -> None:
    """Export an account's mail to a new DIRECTORY, with folders, flags, keywords and dates.

    The format is a Maildir with folders, or one mbox file for each mailbox. The account is not changed and may
    be in use meanwhile. Exit code 1: damaged messages were left out, and are listed.
    """
    from pillarbox.admin import accounts
    from pillarbox.admin.exporting.maildir import MaildirWriter
    from pillarbox.admin.exporting.mbox import MboxWriter
    from pillarbox.admin.exporting.pages import export
    from pillarbox.app.privileges import as_invoker

    account = installation.read(accounts.find, login)
    mailboxes = _mailboxes(installation, account.id, names)
    total = sum(mailbox.octets for mailbox in mailboxes)
    with as_invoker():
        if directory.exists() and any(directory.iterdir()):
            raise CommandFailed(f"Directory not empty: {directory}. Name a new or an empty one.")
        writer = MaildirWriter(directory) if form == "maildir" else MboxWriter(directory)
    with octets_read("Exporting", shown=not installation.as_json) as progress, as_invoker():
        exported = export(
            installation.database,
            installation.blobs,
            account.id,
            mailboxes,
            writer,
            subscriptions=[] if names else _without_mailbox(installation, account.id, mailboxes),
            progress=lambda done: progress(done.octets, total),
        )
    lines = [f"{counted(exported.messages, 'message')} exported to {directory}"]
    if exported.damaged:
        lines += ["", "Damaged, and not exported (see: pillarbox fsck):"]
        lines += [visible(f"  {lost.mailbox}, UID {lost.uid}: {lost.why}") for lost in exported.damaged]
    installation.show(exported, "\n".join(lines))
    if exported.damaged:
        raise SystemExit(1)


def _without_mailbox(
    installation: Installation, account: "AccountId", mailboxes: "list[Mailbox]"
) -> list[str]:
    from pillarbox.store import mailboxes as store

    names = {mailbox.name for mailbox in mailboxes}
    return [name for name in installation.read(store.subscriptions, account) if name not in names]


def _mailboxes(installation: Installation, account: "AccountId", names: tuple[str, ...]) -> "list[Mailbox]":
    from pillarbox.mail import mailbox_name
    from pillarbox.store import mailboxes

    if not names:
        return installation.read(mailboxes.listing, account)
    return [installation.read(mailboxes.by_name, account, mailbox_name.canonical(name)) for name in names]
