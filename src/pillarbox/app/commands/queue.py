"""`pillarbox queue`: outgoing mail that has not been delivered yet."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Concatenate, Final, ParamSpec

import click

from pillarbox.app.commands.amounts import LARGEST_ID, moment
from pillarbox.app.commands.amounts import shown as octets_shown
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation, table
from pillarbox.app.commands.spans import span
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.queue.attempts import Attempt
    from pillarbox.queue.inspection import Entry, MessageDetails, Selection

P = ParamSpec("P")

STANDARD_OUTPUT: Final = Path("-")

_ID = click.IntRange(1, LARGEST_ID)
_NOTHING_SELECTED = "Nothing selected. Give queue IDs (see: pillarbox queue list), --to, --from, or --all."


@click.group("queue")
def command() -> None:
    """Manage the queue of outgoing mail."""


def _selecting(
    verb: "Callable[Concatenate[Installation, Selection, P], None]",
) -> Callable[..., None]:
    """Give a command the selected recipients, by queue ID, destination or sender."""

    @click.argument("ids", nargs=-1, type=_ID, metavar="[ID]...")
    @click.option("--to", "destination", metavar="DOMAIN", help="Select mail for this domain.")
    @click.option("--from", "sender", metavar="ADDRESS", help='Select mail from this sender; "<>": reports.')
    @click.option("--all", "everything", is_flag=True, help="Select everything.")
    @functools.wraps(verb)
    def run(
        installation: Installation,
        ids: tuple[int, ...],
        destination: str | None,
        sender: str | None,
        everything: bool,
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> None:
        if not (ids or destination or sender or everything):
            raise CommandFailed(_NOTHING_SELECTED)
        if everything and (ids or destination or sender):
            raise click.UsageError("--all selects everything: give it alone.")
        _require(installation, ids)
        verb(installation, _selection(ids, destination, sender), *arguments, **keywords)

    return run


@command.command("list")
@click.option("--to", "destination", metavar="DOMAIN", help="Only mail for this domain.")
@click.option("--from", "sender", metavar="ADDRESS", help='Only mail from this sender; "<>": reports.')
@click.option("--held", is_flag=True, help="Only mail on hold.")
@click.option("--scheduled", is_flag=True, help="Only mail that its sender has sent for later.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="List at most so many recipients.",
)
@on_installation
def list_queue(
    installation: Installation,
    destination: str | None,
    sender: str | None,
    held: bool,
    scheduled: bool,
    limit: int,
) -> None:
    """List queued mail by recipient, and destinations that are not tried for a while after failures."""
    from dataclasses import replace

    from pillarbox.admin import queue
    from pillarbox.queue.spool import State

    selection = _selection((), destination, sender)
    if held and scheduled:
        raise click.UsageError("Give --held or --scheduled.")
    if held or scheduled:
        selection = replace(selection, state=State.HELD if held else State.SCHEDULED)
    entries = installation.read(queue.listing, selection, now_ms=installation.now_ms, limit=limit)
    messages, recipients = installation.read(queue.count, selection)
    paused = [
        pause
        for pause in installation.read(queue.paused_destinations, now_ms=installation.now_ms)
        if selection.destination in (None, pause.destination)
    ]
    lines = [table(_HEADS, (_row(entry, installation.now_ms) for entry in entries))] if entries else []
    total = f"{counted(messages, 'message')}, {counted(recipients, 'recipient')}."
    selects = destination is not None or sender is not None or held or scheduled
    lines.append(total if recipients else "No queued mail matches." if selects else "Queue is empty.")
    if len(entries) < recipients:
        lines.append(f"Only the first {len(entries)} are shown; for more use --limit.")
    lines += [
        f"{pause.destination}: {counted(pause.failures, 'failed connection')}, next attempt in"
        f" {span(pause.paused_until_ms - installation.now_ms)}."
        for pause in paused
    ]
    installation.show(
        {"messages": messages, "recipients": recipients, "entries": entries, "paused_destinations": paused},
        "\n".join(lines),
    )


@command.command("show")
@click.argument("queue_id", type=_ID, metavar="ID")
@on_installation
def show(installation: Installation, queue_id: int) -> None:
    """Show a message: its header, its recipients, and the attempts made for each."""
    from dataclasses import replace

    from pillarbox.admin import queue
    from pillarbox.queue.spool import QueueId
    from pillarbox.world.blobs import BlobDamaged

    try:
        found = installation.read(queue.show, QueueId(queue_id), now_ms=installation.now_ms)
    except LookupError:
        raise CommandFailed(f"No such message in the queue: {queue_id}. See: pillarbox queue list") from None
    try:
        octets = installation.read(installation.blobs.read, found.message.blob, 0, _MAX_HEADER_OCTETS)
        header, damage = octets.partition(b"\r\n\r\n")[0].decode("utf-8", "replace"), None
    except BlobDamaged as failure:
        damage = str(failure)
        header = f"(The message is damaged: {damage}. When it is tried, its sender gets a report. See: pillarbox fsck)"
    found = replace(found, header=header)
    installation.show(
        {
            "id": queue_id,
            "header": found.header,
            "damage": damage,
            "entries": found.entries,
            "history": found.history,
        },
        "\n".join([*_recipients(found, installation.now_ms), "", found.header.replace("\r\n", "\n")]),
    )


@command.command("export")
@click.argument("queue_id", type=_ID, metavar="ID")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@on_installation
def export(installation: Installation, queue_id: int, file: Path) -> None:
    """Write a message to a new FILE, or to standard output (-), octet by octet; it stays in the queue."""
    from pillarbox.admin import queue
    from pillarbox.app.privileges import as_invoker
    from pillarbox.queue.spool import QueueId

    try:
        message = installation.read(queue.opened, installation.blobs, QueueId(queue_id))
    except LookupError:
        raise CommandFailed(f"No such message in the queue: {queue_id}. See: pillarbox queue list") from None
    with message, as_invoker(), _output(file) as out:
        for start in range(0, message.size, _PIECE_OCTETS):
            out.write(message.read(start, _PIECE_OCTETS))
    if file == STANDARD_OUTPUT:
        return
    installation.show(
        {"id": queue_id, "file": file, "octets": message.size},
        f"{octets_shown(message.size)} written to {file}",
    )


def _output(file: Path) -> AbstractContextManager[IO[bytes]]:
    """A new file that is private, as all mail is; or standard output."""
    if file == STANDARD_OUTPUT:
        return nullcontext(sys.stdout.buffer)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


@command.command("retry")
@on_installation
@_selecting
def retry(installation: Installation, selection: "Selection") -> None:
    """Attempt delivery now, also to destinations that failed recently."""
    from pillarbox.admin import queue

    _done(
        installation,
        queue.change(installation.database, queue.retry, selection, now_ms=installation.now_ms),
        "scheduled now",
    )


@command.command("hold")
@on_installation
@_selecting
def hold(installation: Installation, selection: "Selection") -> None:
    """Put mail on hold: no delivery attempts until it is released. Senders are not notified."""
    from pillarbox.admin import queue

    _done(
        installation,
        queue.change(installation.database, queue.hold, selection, now_ms=installation.now_ms),
        "put on hold",
    )


@command.command("release")
@on_installation
@_selecting
def release(installation: Installation, selection: "Selection") -> None:
    """Release mail that is on hold."""
    from pillarbox.admin import queue

    _done(
        installation,
        queue.change(installation.database, queue.release, selection, now_ms=installation.now_ms),
        "released",
    )


@command.command("drop")
@click.option("--silently", is_flag=True, help="Do not notify the senders.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@on_installation
@_selecting
def drop(installation: Installation, selection: "Selection", silently: bool, yes: bool) -> None:
    """Delete mail from the queue. The senders get a delivery failure report.

    More than one recipient is deleted after confirmation only.
    """
    from pillarbox.admin import queue
    from pillarbox.delivery.settle import ReportingMta
    from pillarbox.world.entropy import SystemEntropy

    messages, recipients = installation.read(queue.count, selection)
    if recipients > 1 and not yes:
        notified = "without a report to their senders" if silently else "and report it to their senders"
        what = f"{counted(messages, 'message')} to {counted(recipients, 'recipient')}"
        question = f"Delete {what} from the queue, {notified}?"
        if installation.as_json or not click.confirm(question, err=True):
            raise CommandFailed("Nothing deleted. To delete without confirmation: --yes")
    reporter = None
    if not silently:
        reporter = ReportingMta(installation.config.hostname, installation.blobs, SystemEntropy())
    dropped = 0
    while done := installation.write(queue.drop, selection, reporter, now_ms=installation.now_ms):
        dropped += done
    _done(installation, dropped, "deleted")


_MAX_HEADER_OCTETS = 64 * 1024
_PIECE_OCTETS = 256 * 1024
_HEADS = ("ID", "FROM", "TO", "STATE", "SIZE", "AGE", "ATTEMPTS", "NEXT", "LAST REPLY")
_MAX_REPLY_CHARACTERS = 60


def _selection(ids: tuple[int, ...], destination: str | None, sender: str | None) -> "Selection":
    from pillarbox.mail.address import InvalidAddress, domain_key
    from pillarbox.queue.inspection import Selection

    try:
        name = domain_key(destination) if destination else None
    except InvalidAddress as invalid:
        raise CommandFailed(f"'{destination}' is not a domain: {invalid}") from None
    path = None if sender is None else sender.removeprefix("<").removesuffix(">")
    return Selection(messages=ids, destination=name, sender=path)


def _require(installation: Installation, ids: tuple[int, ...]) -> None:
    """Refuse queue IDs that are not there."""
    from pillarbox.queue.inspection import missing

    if gone := installation.read(missing, ids):
        numbers = ", ".join(map(str, gone))
        raise CommandFailed(f"No such message in the queue: {numbers}. See: pillarbox queue list")


def _done(installation: Installation, recipients: int, what: str) -> None:
    installation.show({"recipients": recipients}, f"{counted(recipients, 'recipient')} {what}.")


def _row(entry: "Entry", now_ms: int) -> tuple[object, ...]:
    wait_ms = None if entry.next_attempt_ms is None else entry.next_attempt_ms - now_ms
    return (
        entry.queue_id,
        entry.sender or "<>",
        entry.recipient,
        entry.state,
        octets_shown(entry.size_octets),
        span(now_ms - entry.queued_at_ms),
        entry.attempts,
        "" if wait_ms is None else "now" if wait_ms <= 0 else span(wait_ms),
        (entry.last_reply or "")[:_MAX_REPLY_CHARACTERS],
    )


def _recipients(found: "MessageDetails", now_ms: int) -> Iterator[str]:
    for entry in found.entries:
        yield f"{visible(entry.recipient)}: {entry.state}, {counted(entry.attempts, 'attempt')}"
        attempts = [attempt for attempt in found.history if attempt.recipient == entry.recipient]
        for attempt in attempts:
            yield visible(f"    {moment(attempt.at_ms)} UTC, {_peer(attempt)}: {attempt.reply}")
        if entry.last_reply and not (
            attempts and attempts[-1].reply == entry.last_reply[: len(attempts[-1].reply)]
        ):
            yield visible(f"    {entry.last_host or 'this server'}: {entry.last_reply}")
        if entry.next_attempt_ms is not None:
            yield (
                f"    next attempt in {span(entry.next_attempt_ms - now_ms)},"
                f" expires in {span(entry.expires_at_ms - now_ms)}"
            )


def _peer(attempt: "Attempt") -> str:
    if attempt.host is None:
        return "no server"
    return f"{attempt.host} [{attempt.address}], {attempt.tls or 'no TLS'}"
