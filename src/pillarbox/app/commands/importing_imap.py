"""`pillarbox import --imap`: an account's mail from another server."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.imap_options import ImapOptions, remote_of
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, table
from pillarbox.app.commands.progress import steps
from pillarbox.app.commands.skipped import (
    left_out_data,
    left_out_lines,
    skipped_data,
    skipped_lines,
    write_report,
)
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from pillarbox.admin.importing.imap.mailbox import Progress, PullResult, Target
    from pillarbox.admin.importing.imap.plan import Plan, Selection
    from pillarbox.admin.importing.imap.remote import Remote
    from pillarbox.admin.importing.imap.run import Pull


def import_from_server(
    installation: Installation,
    login: str,
    options: ImapOptions,
    *,
    into: str | None,
    again: bool,
    report: Path | None,
) -> None:
    """Import and show what was imported, or only list the mailboxes there. Raises `CommandFailed`."""
    imported = _import(installation, login, options, into=into, again=again)
    if imported is None:
        return
    if report:
        write_report(report, imported)
    _show(installation, imported)
    if imported.skipped:
        raise SystemExit(1)


def _import(
    installation: Installation, login: str, options: ImapOptions, *, into: str | None, again: bool
) -> "PullResult | None":
    """`None` where the mailboxes were to be listed only. Raises `CommandFailed`."""
    from pillarbox.admin import accounts
    from pillarbox.admin.importing.imap import pulled
    from pillarbox.admin.importing.imap.connection import RemoteRefused
    from pillarbox.admin.importing.imap.mailbox import Target
    from pillarbox.admin.importing.imap.plan import Selection
    from pillarbox.admin.importing.imap.remote import SecretUnavailable
    from pillarbox.admin.importing.imap.run import GaveUp
    from pillarbox.mail import mailbox_name
    from pillarbox.store.account_counters import OverQuota

    account = installation.read(accounts.find, login)
    try:
        selection = Selection(
            mailbox_name.canonical(into) if into else None, options.mailbox, options.exclude
        )
        remote = remote_of(options, login)
        if again and not options.list_only:
            installation.write(pulled.delete, account.id, remote.key)
        with steps("Importing", shown=not installation.as_json) as step:
            target = Target(
                installation.database,
                installation.blobs,
                account.id,
                remote.key,
                lambda: installation.now_ms,
                options.delete,
                again,
                _shown(step),
            )
            return asyncio.run(_run(installation, remote, target, selection, list_only=options.list_only))
    except (RemoteRefused, SecretUnavailable) as refused:
        raise CommandFailed(str(refused)) from None
    except mailbox_name.InvalidMailboxName as wrong:
        raise CommandFailed(f"--into: {wrong}") from None
    except GaveUp as given_up:
        raise CommandFailed(
            f"{given_up}. What has been imported is kept; to continue, run this command again."
        ) from None
    except OverQuota:
        raise CommandFailed(
            "Quota exceeded. What has been imported is kept; to continue, raise the quota "
            "(pillarbox account quota LOGIN SIZE) and run this command again."
        ) from None


def _shown(step: "Callable[[str], None]") -> "Callable[[Progress], None]":
    return lambda progress: step(f"{progress.mailbox}: {progress.done} of {progress.total} new messages")


async def _run(
    installation: Installation,
    remote: "Remote",
    target: "Target",
    selection: "Selection",
    *,
    list_only: bool,
) -> "PullResult | None":
    from pillarbox.admin.importing.imap.connection import Surroundings
    from pillarbox.admin.importing.imap.run import Pull
    from pillarbox.world.clock import SystemClock
    from pillarbox.world.entropy import SystemEntropy
    from pillarbox.world.network.system import SystemNetwork, addresses_of

    world = Surroundings(SystemNetwork(), SystemClock(), SystemEntropy(), addresses_of)
    pull = Pull(remote, target, selection, world, note=lambda text: click.echo(visible(text), err=True))
    try:
        plan = await pull.plan()
        if list_only:
            await _list(installation, pull, plan)
            return None
        return await pull.run(plan)
    finally:
        await pull.close()


async def _list(installation: Installation, pull: "Pull", plan: "Plan") -> None:
    counts = await pull.counts(plan.mailboxes)
    out = [*plan.left_out, *plan.refused]
    data = {
        "mailboxes": [
            {"name": one.path, "mailbox": one.mailbox, "messages": count}
            for one, count in zip(plan.mailboxes, counts, strict=True)
        ],
        "left_out": [{"name": one.path, "why": one.why} for one in out],
    }
    rows = [(one.path, one.mailbox, count) for one, count in zip(plan.mailboxes, counts, strict=True)]
    rows += [(one.path, f"(not imported: {one.why})", None) for one in out]
    installation.show(data, table(("MAILBOX THERE", "HERE", "MESSAGES"), rows))


def _show(installation: Installation, imported: "PullResult") -> None:
    lines = [f"{counted(imported.stored, 'message')} imported from {_mailboxes(imported.read)}."]
    if imported.already:
        lines.append(f"{counted(imported.already, 'message')} had been imported before.")
    if imported.flags_changed:
        lines.append(f"Flags of {counted(imported.flags_changed, 'message')} changed.")
    if imported.deleted:
        lines.append(f"{counted(imported.deleted, 'message')} deleted.")
    if imported.recognized:
        lines.append(f"{counted(imported.recognized, 'message')} recognized that had been imported before.")
    lines += [*left_out_lines(imported.left_out), *skipped_lines(imported)]
    data = {
        "imported": imported.stored,
        "already_imported": imported.already,
        "flags_changed": imported.flags_changed,
        "deleted": imported.deleted,
        "recognized": imported.recognized,
        "mailboxes": sorted(imported.mailboxes),
        **left_out_data(imported.left_out),
        **skipped_data(imported),
    }
    installation.show(data, "\n".join(lines))


def _mailboxes(number: int) -> str:
    return "1 mailbox" if number == 1 else f"{number} mailboxes"
