"""`pillarbox import`: mail from other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.app.commands.progress import octets_read
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.importing.run import ImportResult
    from pillarbox.admin.importing.source import SkippedMessage, Source
    from pillarbox.mail.identifiers import AccountId

MAX_MAILBOXES_SHOWN = 5
"""With more mailboxes only their number is printed."""
MAX_SKIPPED_SHOWN = 20
"""Skipped messages that are printed; `--json` and `--report` list all."""


@click.command("import")
@click.argument("login")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--into", metavar="MAILBOX", help="The mailbox to import into; by default INBOX.")
@click.option("--again", is_flag=True, help="Import everything again, also what an earlier run imported.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a line to this file for each message that could not be imported.",
)
@on_installation
def command(
    installation: Installation, login: str, path: Path, into: str | None, again: bool, report: Path | None
) -> None:
    """Import an mbox file (also .gz), a Maildir, or a directory of either into an account.

    Folders, flags, keywords and dates are kept. An interrupted import can be run again: it continues where it
    stopped and imports nothing twice. Exit code 1: some messages could not be imported.
    """
    from pillarbox.admin import accounts
    from pillarbox.admin.importing.discover import discover_sources
    from pillarbox.app.privileges import as_invoker

    account = installation.read(accounts.find, login)
    with as_invoker():
        found = discover_sources(path, into=into)
    if not found:
        raise CommandFailed(f"No Maildir or mbox file found: {path}")
    imported = _import_all(installation, account.id, found, again=again)
    if report:
        with as_invoker():
            report.write_text(
                "".join(f"{_line(message)}\n" for message in imported.skipped), encoding="utf-8"
            )
    _show(installation, imported, found)
    if imported.skipped:
        raise SystemExit(1)


def _import_all(
    installation: Installation, account: "AccountId", found: "list[Source]", *, again: bool
) -> "ImportResult":
    from pillarbox.admin.importing import checkpoint
    from pillarbox.admin.importing.run import ImportResult, run_import
    from pillarbox.admin.importing.source import SourceChanged
    from pillarbox.app.privileges import as_invoker
    from pillarbox.store.account_counters import OverQuota

    total = ImportResult()
    with as_invoker():
        sizes = [source.octets for source in found]
    blobs, octets_before = installation.blobs, 0
    with octets_read("Importing", shown=not installation.as_json) as progress:
        for source, size in zip(found, sizes, strict=True):
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
            except SourceChanged as changed:
                raise CommandFailed(str(changed)) from None
            octets_before += size
            total.stored += imported.stored
            total.skipped += imported.skipped
    return total


def _show(installation: Installation, imported: "ImportResult", found: "list[Source]") -> None:
    mailboxes = sorted({source.mailbox for source in found})
    where = ", ".join(mailboxes) if len(mailboxes) <= MAX_MAILBOXES_SHOWN else f"{len(mailboxes)} mailboxes"
    lines = [f"{counted(imported.stored, 'message')} imported into {where}."]
    if imported.skipped:
        lines.append(f"{counted(len(imported.skipped), 'message')} could not be imported:")
        lines += [f"  {_line(message)}" for message in imported.skipped[:MAX_SKIPPED_SHOWN]]
        if len(imported.skipped) > MAX_SKIPPED_SHOWN:
            lines.append("  ... For the whole list: --report FILE")
    data = {
        "imported": imported.stored,
        "mailboxes": mailboxes,
        "skipped": [{"where": message.where, "why": message.why} for message in imported.skipped],
    }
    installation.show(data, "\n".join(lines))


def _line(message: "SkippedMessage") -> str:
    return visible(f"{message.where}: {message.why}")
