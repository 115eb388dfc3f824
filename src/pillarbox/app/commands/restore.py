"""`pillarbox restore`: the data directory as of a point in time, or single messages of it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.app.commands.maintenance import form
from pillarbox.app.commands.progress import octets_read
from pillarbox.app.commands.skipped import left_out_data, left_out_lines

if TYPE_CHECKING:
    from pillarbox.admin.backup import BroughtBack, LostMessage, MissingRestored, RestoreResult, Selection
    from pillarbox.config.schema import Config


@click.command("restore")
@click.argument("directory", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--point",
    metavar="NAME",
    help="The point to restore (see `pillarbox backup --list`); by default the newest.",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Restore into this folder instead of the data directory.",
)
@click.option(
    "--account",
    metavar="LOGIN",
    help="Restore only this account's mail, beside what is there; the server may run.",
)
@click.option(
    "--mailbox", "mailboxes", multiple=True, help="Of the account, only this mailbox. May be repeated."
)
@click.option(
    "--message",
    "messages",
    multiple=True,
    metavar="ID",
    help="Only the message with this Message-ID, or with this UID in the mailbox. May be repeated.",
)
@click.option(
    "--into", metavar="MAILBOX", help="Put the messages into this mailbox.  [default: 'Restored DATE/...']"
)
@click.option(
    "--missing",
    is_flag=True,
    help="Restore only what fsck reports as damaged or missing; the server may run.",
)
@on_installation
def command(
    installation: Installation,
    /,
    directory: Path,
    point: str | None,
    to: Path | None,
    missing: bool,
    account: str | None,
    **chosen: object,
) -> None:
    """Restore the data directory from the backup in DIRECTORY.

    The data directory must be empty or missing: existing mail is never overwritten. Everything is verified and
    opened before it is put in place.

    With --account or --missing, messages are added to the data directory as it is, and none is overwritten. What the
    account still has is not restored again.

    Exit code 1: some messages could not be restored, and are listed; everything else was.
    """
    if (account or missing) and to:
        raise click.UsageError("--to is for restoring a whole data directory.")
    if any(chosen.values()) and not account:
        raise click.UsageError("--mailbox, --message and --into need --account.")
    if missing and (account or point):
        raise click.UsageError("--missing looks through all points and accounts.")
    if missing:
        _missing(installation, directory)
    elif account:
        _messages(installation, directory, point, _selection(account, **chosen))
    else:
        _everything(installation, directory, point, to)


# --- a whole data directory


def _everything(installation: Installation, directory: Path, point: str | None, to: Path | None) -> None:
    from pillarbox.admin.backup import restore_backup

    target = to or installation.data.path
    with octets_read("Restoring", shown=not installation.as_json) as progress:
        restored = restore_backup(
            directory,
            target,
            point=point,
            form=form(installation),
            progress=progress,
            settle=lambda folder: _give_to_server(folder, installation.config),
        )
    next_step = "pillarbox fsck"
    if to:
        next_step += f', with --config and a copy of the configuration with: data = "{target.absolute()}"'
    lines = [
        (
            f"Restored {restored.point.name} to {target} ({shown(restored.point.octets)}). "
            f"To check it: {next_step}"
        ),
        *_incomplete(restored, directory),
    ]
    data = {
        "point": restored.point.name,
        "made_at": restored.point.made_at,
        "data": target,
        "lost": restored.lost,
        "incomplete": restored.incomplete,
        "rebuilt": restored.rebuilt,
    }
    installation.show(data, "\n".join(lines))
    if not restored.whole:
        raise SystemExit(1)


def _incomplete(restored: "RestoreResult", directory: Path) -> Iterable[str]:
    if restored.whole:
        return
    yield from (f"Damaged in the backup: {file.line}" for file in restored.incomplete)
    if restored.rebuilt:
        gaps = sum(table.gaps for table in restored.rebuilt.tables)
        yield (
            f"The database was damaged, and was rebuilt from what could be read: {restored.rebuilt.rows} rows,"
            f" {counted(gaps, 'gap')}."
        )
        yield from (f"Lost: {what}" for what in restored.rebuilt.lost)
    yield from _listed("Damaged or missing:", restored.lost)
    yield "Keep the backup: other points may have what is missing."
    if restored.lost:
        yield f"To restore it: pillarbox restore {directory} --missing"
    if restored.rebuilt:
        yield f"To restore mail of another point: pillarbox restore {directory} --account LOGIN --point NAME"


def _listed(title: str, messages: "Iterable[LostMessage]") -> Iterable[str]:
    lines = [f"  {message.line}" for message in messages]
    return [title, *lines] if lines else []


def _give_to_server(folder: Path, config: "Config") -> None:
    """Where root restores, give the files to the user that serves."""
    import os

    from pillarbox.app.privileges import identity

    if os.geteuid() != 0 or not config.user:
        return
    server = identity(config.user, config.group)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, server.user, server.group, follow_symlinks=False)


# --- single messages


def _selection(login: str, **chosen: object) -> "Selection":
    from pillarbox.admin.backup import Selection
    from pillarbox.mail.mailbox_name import InvalidMailboxName, canonical

    mailboxes, messages, into = chosen["mailboxes"], chosen["messages"], chosen["into"]
    assert isinstance(mailboxes, tuple)
    assert isinstance(messages, tuple)
    if len(mailboxes) != 1 and any(message.isdecimal() for message in messages):
        raise click.UsageError("A UID is a message of one mailbox: name it with --mailbox.")
    if not all(message.strip("<>") for message in messages):
        raise click.UsageError("An empty word is no Message-ID.")
    try:
        return Selection(
            login, tuple(map(canonical, mailboxes)), messages, canonical(str(into)) if into else None
        )
    except InvalidMailboxName as invalid:
        raise click.UsageError(f"No mailbox can have this name: {invalid}") from None


def _messages(installation: Installation, directory: Path, point: str | None, selection: "Selection") -> None:
    from pillarbox.admin import backup
    from pillarbox.app.privileges import as_invoker, held_as_invoker
    from pillarbox.mail.mailbox_name import InvalidMailboxName
    from pillarbox.store.account_counters import OverQuota

    database, blobs = installation.database, installation.blobs
    with (
        backup.work_folder(installation.data.path) as work,
        held_as_invoker(backup.open_backup(directory)) as folder,
    ):
        with as_invoker():
            wanted = backup.select_point(folder.points, point)
        with held_as_invoker(backup.open_point(folder, wanted, work, form(installation))) as opened:
            try:
                brought = backup.restore_messages(
                    opened, database, blobs, selection, now_ms=installation.now_ms, reading=as_invoker
                )
            except OverQuota:
                raise CommandFailed(
                    "Quota exceeded. What has been restored is kept; to continue, raise the quota "
                    "(pillarbox account quota LOGIN SIZE) and run this command again."
                ) from None
            except InvalidMailboxName as invalid:
                raise CommandFailed(f"{invalid}. Name a mailbox: --into MAILBOX") from None
    installation.show(
        {"point": wanted.name, "made_at": wanted.made_at, **_fields(brought)},
        "\n".join(_brought(brought, wanted.name)),
    )
    if brought.lost or brought.not_found:
        raise SystemExit(1)


def _fields(brought: "BroughtBack") -> dict[str, object]:
    return {
        "restored": brought.restored,
        "present": brought.present,
        "mailboxes": brought.mailboxes,
        "lost": brought.lost,
        "not_found": brought.not_found,
        **left_out_data(brought.left_out),
    }


def _brought(brought: "BroughtBack", point: str) -> Iterable[str]:
    where = f" into {', '.join(brought.mailboxes)}" if brought.mailboxes else ""
    yield f"{counted(brought.restored, 'message')} restored from {point}{where}."
    if brought.present:
        yield f"{counted(brought.present, 'message')} not restored: the account still has them."
    yield from left_out_lines(brought.left_out)
    yield from _listed("Damaged or missing in the backup:", brought.lost)
    if brought.lost:
        yield "Other points may have them: --point NAME"
    for word in brought.not_found:
        yield f"There is no message {word} in {point}."


# --- octets that are damaged or missing


def _missing(installation: Installation, directory: Path) -> None:
    from pillarbox.admin import backup
    from pillarbox.app.privileges import as_invoker, held_as_invoker
    from pillarbox.world.blobs import FileBlobs

    # It brings the files back: it may make their folder, where all are gone
    database, blobs = installation.database, FileBlobs(installation.data.blobs)
    with (
        backup.work_folder(installation.data.path) as work,
        held_as_invoker(backup.open_backup(directory)) as folder,
    ):
        done = backup.restore_missing(folder, database, blobs, work, form(installation), reading=as_invoker)
    installation.show(done, "\n".join(_mended(done)))
    if done.lost or done.unnamed:
        raise SystemExit(1)


def _mended(done: "MissingRestored") -> Iterable[str]:
    from pillarbox.admin.fsck.loss import ACCEPT

    if not (done.restored or done.lost or done.unnamed):
        yield "No message is damaged or missing."
        return
    yield f"{counted(len(done.restored), 'message')} restored."
    yield from (f"  {message.title}" for message in done.restored)
    yield from _listed("In no point of this backup:", done.lost)
    yield from _listed(
        f"Can only be restored as new messages, by --account LOGIN; then: {ACCEPT}", done.unnamed
    )
    yield from (f"Not searched: {what}" for what in done.unreadable)
