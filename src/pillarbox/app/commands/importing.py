"""`pillarbox import`: mail from elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, Refused, on_installation
from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.admin.importing.run import ImportResult
    from pillarbox.admin.importing.source import SkippedMessage, Source
    from pillarbox.mail.identifiers import AccountId

FEW = 5
"""Mailboxes that are named on the screen."""
SHOWN = 20
"""Messages passed over that are told on the screen; `--json` and `--report` tell all."""


@click.command("import")
@click.argument("login")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--into", metavar="MAILBOX", help="The mailbox that takes it; without it INBOX.")
@click.option("--again", is_flag=True, help="Forget what was taken before, and take all once more.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write each message that could not be taken to this file, a line each.",
)
@on_installation
def command(
    here: Installation, login: str, path: Path, into: str | None, again: bool, report: Path | None
) -> None:
    """Bring the mail of an mbox file (.gz as well), a Maildir, or a directory of either into an account.

    Folders, flags, keywords and dates are kept. It may be interrupted at any moment: run again, it goes
    on where it was and takes nothing twice. Exit code 1 if a message could not be taken.
    """
    from pillarbox.admin import accounts
    from pillarbox.admin.importing.discover import discover_sources
    from pillarbox.app.privileges import as_invoker

    account = here.read(accounts.find, login)
    with as_invoker():
        found = discover_sources(path, into=into)
    if not found:
        raise Refused(f"There is neither a Maildir nor an mbox file in {path}.")
    brought = _bring_all(here, account.id, found, again=again)
    if report:
        with as_invoker():
            report.write_text("".join(f"{_line(one)}\n" for one in brought.skipped), encoding="utf-8")
    _say(here, brought, found)
    if brought.skipped:
        raise SystemExit(1)


def _bring_all(
    here: Installation, account: "AccountId", found: "list[Source]", *, again: bool
) -> "ImportResult":
    from pillarbox.admin.importing import checkpoint
    from pillarbox.admin.importing.run import ImportResult, run_import
    from pillarbox.admin.importing.source import SourceChanged
    from pillarbox.app.privileges import as_invoker
    from pillarbox.store.account_counters import OverQuota
    from pillarbox.world.blobs import FileBlobs

    total = ImportResult()
    with as_invoker():
        sizes = [source.octets for source in found]
    blobs, before = FileBlobs(here.settings.data / "blobs"), 0
    with octets_read("Importing", shown=not here.as_json) as progress:
        for source, size in zip(found, sizes, strict=True):
            if again:
                here.write(checkpoint.delete, account, source.name)

            def told(octets: int, _brought: ImportResult, start: int = before) -> None:
                progress(start + octets, sum(sizes))

            try:
                brought = run_import(
                    here.database,
                    blobs,
                    account,
                    source,
                    now_ms=here.now_ms,
                    source_context=as_invoker,
                    progress=told,
                )
            except OverQuota:
                raise Refused(
                    "The account's quota is reached; what was taken so far is kept. Raise it "
                    "(pillarbox account quota LOGIN SIZE) and run this again: it goes on from there."
                ) from None
            except SourceChanged as changed:
                raise Refused(str(changed)) from None
            before += size
            total.stored += brought.stored
            total.skipped += brought.skipped
    return total


def _say(here: Installation, brought: "ImportResult", found: "list[Source]") -> None:
    mailboxes = sorted({source.mailbox for source in found})
    where = ", ".join(mailboxes) if len(mailboxes) <= FEW else f"{len(mailboxes)} mailboxes"
    lines = [f"{brought.stored} messages imported into {where}."]
    if brought.skipped:
        lines.append(f"{len(brought.skipped)} could not be taken:")
        lines += [f"  {_line(one)}" for one in brought.skipped[:SHOWN]]
        if len(brought.skipped) > SHOWN:
            lines.append("  ... To see them all: --report FILE")
    data = {
        "imported": brought.stored,
        "mailboxes": mailboxes,
        "skipped": [{"where": one.where, "why": one.why} for one in brought.skipped],
    }
    here.say(data, "\n".join(lines))


def _line(one: "SkippedMessage") -> str:
    return f"{one.where}: {one.why}"
