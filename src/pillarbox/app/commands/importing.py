"""`pillarbox import`: mail from other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.imap_options import ImapOptions, imap_options
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.app.commands.progress import octets_read
from pillarbox.app.commands.skipped import (
    MAX_SHOWN,
    left_out_data,
    left_out_lines,
    line,
    skipped_data,
    skipped_lines,
    write_report,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pillarbox.admin.importing.discover import Discovered
    from pillarbox.admin.importing.run import ImportResult
    from pillarbox.admin.importing.source import Source
    from pillarbox.mail.identifiers import AccountId

MAX_MAILBOXES_SHOWN = 5
"""With more mailboxes only their number is printed."""


@click.command("import")
@click.argument("login")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--into", metavar="MAILBOX", help="The mailbox to import into; by default INBOX.")
@click.option("--again", is_flag=True, help="Import everything again, also what an earlier run imported.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a line to this file for each message or file that could not be imported.",
)
@imap_options
@on_installation
def command(
    installation: Installation,
    login: str,
    path: Path | None,
    into: str | None,
    again: bool,
    report: Path | None,
    remote: ImapOptions,
) -> None:
    """Import mail into an account: from files, or with --imap from another server.

    PATH is an mbox file, a message (.eml), an archive of mail (.zip, .tar.gz; Google Takeout), a Maildir, an export
    of `pillarbox export`, a profile or folder of Thunderbird or Apple Mail, or any directory of these.

    Folders, flags, keywords and dates are kept. An interrupted import can be run again: it continues where it
    stopped and imports nothing twice. Exit code 1: something could not be imported.
    """
    if path is None or remote.imap:
        from pillarbox.app.commands.importing_imap import import_from_server

        if path is not None or not remote.imap:
            raise click.UsageError("Either PATH or --imap HOST.")
        import_from_server(installation, login, remote, into=into, again=again, report=report)
        return
    if only_remote := remote.given():
        raise click.UsageError(f"Only with --imap: {', '.join(only_remote)}.")

    from pillarbox.admin import accounts
    from pillarbox.admin.importing.discover import discover
    from pillarbox.app.privileges import as_invoker

    account = installation.read(accounts.find, login)
    with as_invoker():
        found = _discovered(path, into, discover)
    if not found.sources and not found.mailboxes:
        reasons = "".join(f"\n  {line(skipped)}" for skipped in found.skipped[:MAX_SHOWN])
        raise CommandFailed(f"No mail found: {path}{reasons}")
    imported = _import_all(installation, account.id, found, again=again)
    if report:
        write_report(report, imported)
    _show(installation, imported)
    if imported.skipped:
        raise SystemExit(1)


def _discovered(path: Path, into: str | None, discover: "Callable[..., Discovered]") -> "Discovered":
    from pillarbox.mail.mailbox_name import SEPARATOR, InvalidMailboxName, canonical, check_new_level

    try:
        if into is not None:
            check_new_level(canonical(into))
            if {".", ".."} & {*into.split(SEPARATOR)}:
                raise InvalidMailboxName("programs that keep mailboxes as folders refuse the account")
    except InvalidMailboxName as failure:
        raise CommandFailed(f"Not a mailbox name: '{into}': {failure}") from None
    return discover(path, into=into)


def _import_all(
    installation: Installation, account: "AccountId", found: "Discovered", *, again: bool
) -> "ImportResult":
    from pillarbox.admin.importing import checkpoint
    from pillarbox.admin.importing.run import ImportResult, create_mailboxes, run_import, subscribe
    from pillarbox.app.privileges import as_invoker
    from pillarbox.store.account_counters import OverQuota

    total = ImportResult()
    for skipped in found.skipped:
        total.skip(skipped)
    if again:
        installation.write(checkpoint.delete, account, checkpoint.IDENTITIES)
    installation.write(create_mailboxes, account, found.mailboxes, now_ms=installation.now_ms)
    installation.write(subscribe, account, found.subscriptions)
    with as_invoker():
        sizes = [_size(source) for source in found.sources]
    blobs, octets_before = installation.blobs, 0
    with octets_read("Importing", shown=not installation.as_json) as progress:
        for source, size in zip(found.sources, sizes, strict=True):
            if again:
                installation.write(checkpoint.delete, account, source.name)

            def report(octets: int, _result: ImportResult, start: int = octets_before) -> None:
                progress(start + octets, sum(sizes))

            try:
                imported = run_import(
                    installation.database,
                    blobs,
                    account,
                    source,
                    now_ms=installation.now_ms,
                    source_context=as_invoker,
                    progress=report,
                )
            except OverQuota:
                raise CommandFailed(
                    "Quota exceeded. What has been imported is kept; to continue, raise the quota "
                    "(pillarbox account quota LOGIN SIZE) and run this command again."
                ) from None
            octets_before += size
            total.add(imported)
    return total


def _size(source: "Source") -> int:
    try:
        return source.octets
    except OSError:  # what can't be read is reported when it is read
        return 0


def _show(installation: Installation, imported: "ImportResult") -> None:
    mailboxes = sorted(imported.mailboxes)
    where = ", ".join(mailboxes) if len(mailboxes) <= MAX_MAILBOXES_SHOWN else f"{len(mailboxes)} mailboxes"
    lines = [f"{counted(imported.stored, 'message')} imported{f' into {where}' if mailboxes else ''}."]
    if imported.already:
        lines.append(f"{counted(imported.already, 'message')} had been imported before.")
    lines += [*left_out_lines(imported.left_out), *skipped_lines(imported)]
    data = {
        "imported": imported.stored,
        "already_imported": imported.already,
        "mailboxes": mailboxes,
        **left_out_data(imported.left_out),
        **skipped_data(imported),
    }
    installation.show(data, "\n".join(lines))
