"""`pillarbox queue`: mail that waits for other providers."""

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from pillarbox.app.commands.amounts import shown as octets_shown
from pillarbox.app.commands.installation import Installation, Refused, on_installation, table

if TYPE_CHECKING:
    from pillarbox.queue.inspection import Entry, Selection

P = ParamSpec("P")

_ALL = "Everything is meant only with --all. Give queue ids (see: pillarbox queue list), --to or --from."


@click.group("queue")
def command() -> None:
    """Mail that waits for other providers."""


def _choosing(
    verb: "Callable[Concatenate[Installation, Selection, P], None]",
) -> Callable[..., None]:
    """Give a command the recipients that are meant, by id, destination or sender."""

    @click.argument("ids", nargs=-1, type=click.IntRange(1), metavar="[ID]...")
    @click.option("--to", "destination", metavar="DOMAIN", help="What waits for this domain.")
    @click.option("--from", "sender", metavar="ADDRESS", help='What this address sent; "<>" for reports.')
    @click.option("--all", "everything", is_flag=True, help="All that waits.")
    @functools.wraps(verb)
    def run(
        here: Installation,
        ids: tuple[int, ...],
        destination: str | None,
        sender: str | None,
        everything: bool,
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> None:
        if not (ids or destination or sender or everything):
            raise Refused(_ALL)
        verb(here, _selection(ids, destination, sender), *arguments, **keywords)

    return run


@command.command("list")
@click.option("--to", "destination", metavar="DOMAIN", help="Only what waits for this domain.")
@click.option("--from", "sender", metavar="ADDRESS", help='Only what this address sent; "<>" for reports.')
@click.option("--held", is_flag=True, help="Only what is held.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Recipients shown.")
@on_installation
def listed(here: Installation, destination: str | None, sender: str | None, held: bool, limit: int) -> None:
    """What waits, recipient by recipient, and which destinations are left alone for a while."""
    from dataclasses import replace

    from pillarbox.admin import queue
    from pillarbox.queue.spool import State

    selection = _selection((), destination, sender)
    if held:
        selection = replace(selection, state=State.HELD)
    entries = here.read(queue.listing, selection, now_ms=here.now_ms, limit=limit)
    messages, recipients = here.read(queue.count, selection)
    troubles = here.read(queue.paused_destinations, now_ms=here.now_ms)
    lines = [table(_HEADS, (_row(entry, here.now_ms) for entry in entries))] if entries else []
    lines.append(f"Messages: {messages}, recipients: {recipients}." if recipients else "Nothing waits.")
    if len(entries) < recipients:
        lines.append(f"Shown are the first {len(entries)}; more with --limit.")
    lines += [
        f"{one.destination} could not be reached {one.failures} times, and is tried again in"
        f" {_span(one.closed_until_ms - here.now_ms)}."
        for one in troubles
    ]
    here.say(
        {"messages": messages, "recipients": recipients, "entries": entries, "troubles": troubles},
        "\n".join(lines),
    )


@command.command("show")
@click.argument("queue_id", type=click.IntRange(1), metavar="ID")
@on_installation
def show(here: Installation, queue_id: int) -> None:
    """One message: its header, its recipients, and what was said when they were tried."""
    from dataclasses import replace

    from pillarbox.admin import queue
    from pillarbox.queue.spool import QueueId
    from pillarbox.world.blobs import FileBlobs

    try:
        found = here.read(queue.show, QueueId(queue_id), now_ms=here.now_ms)
    except LookupError:
        raise Refused(f"Nothing is queued as {queue_id}. See: pillarbox queue list") from None
    blobs = FileBlobs(here.settings.data / "blobs")
    octets = here.read(blobs.read, found.message.blob, 0, _HEADER_OCTETS)
    found = replace(found, header=octets.partition(b"\r\n\r\n")[0].decode("utf-8", "replace"))
    here.say(
        {"id": queue_id, "header": found.header, "entries": found.entries},
        "\n".join([*_told(found.entries, here.now_ms), "", found.header]),
    )


@command.command("retry")
@on_installation
@_choosing
def retry(here: Installation, selection: "Selection") -> None:
    """Try now what waits, also where a destination is left alone for a while."""
    from pillarbox.admin import queue

    _done(here, here.write(queue.retry, selection, now_ms=here.now_ms), "tried now")


@command.command("hold")
@on_installation
@_choosing
def hold(here: Installation, selection: "Selection") -> None:
    """Try no more until released; senders are told nothing meanwhile."""
    from pillarbox.admin import queue

    _done(here, here.write(queue.hold, selection, now_ms=here.now_ms), "held")


@command.command("release")
@on_installation
@_choosing
def release(here: Installation, selection: "Selection") -> None:
    """Try again what was held."""
    from pillarbox.admin import queue

    _done(here, here.write(queue.release, selection, now_ms=here.now_ms), "released")


@command.command("drop")
@click.option("--silently", is_flag=True, help="Do not tell the senders.")
@on_installation
@_choosing
def drop(here: Installation, selection: "Selection", silently: bool) -> None:
    """Give up. The senders are told that delivery has failed."""
    from pillarbox.admin import queue
    from pillarbox.delivery.settle import ReportingMta
    from pillarbox.world.blobs import FileBlobs
    from pillarbox.world.entropy import SystemEntropy

    reporter = None
    if not silently:
        blobs = FileBlobs(here.settings.data / "blobs")
        reporter = ReportingMta(here.settings.hostname, blobs, SystemEntropy())
    dropped = 0
    while done := here.write(queue.drop, selection, reporter, now_ms=here.now_ms):
        dropped += done
    _done(here, dropped, "given up")


_HEADER_OCTETS = 64 * 1024
_HEADS = ("ID", "FROM", "TO", "STATE", "SIZE", "AGE", "TRIED", "NEXT", "LAST REPLY")
_REPLY_CHARACTERS = 60


def _selection(ids: tuple[int, ...], destination: str | None, sender: str | None) -> "Selection":
    from pillarbox.mail.address import InvalidAddress, domain_key
    from pillarbox.queue.inspection import Selection

    try:
        name = domain_key(destination) if destination else None
    except InvalidAddress as invalid:
        raise Refused(f"'{destination}' is not a domain: {invalid}") from None
    path = None if sender is None else sender.removeprefix("<").removesuffix(">")
    return Selection(messages=ids, destination=name, sender=path)


def _done(here: Installation, recipients: int, what: str) -> None:
    plural = "" if recipients == 1 else "s"
    here.say({"recipients": recipients}, f"{recipients} recipient{plural}: {what}.")


def _row(entry: "Entry", now_ms: int) -> tuple[object, ...]:
    wait_ms = None if entry.next_attempt_ms is None else entry.next_attempt_ms - now_ms
    return (
        entry.queue_id,
        entry.sender or "<>",
        entry.recipient,
        entry.state,
        octets_shown(entry.size_octets),
        _span(now_ms - entry.queued_at_ms),
        entry.attempts,
        "" if wait_ms is None else "now" if wait_ms <= 0 else _span(wait_ms),
        (entry.last_reply or "")[:_REPLY_CHARACTERS],
    )


def _told(entries: "tuple[Entry, ...]", now_ms: int) -> Iterator[str]:
    for entry in entries:
        yield f"{entry.recipient}: {entry.state}, tried {entry.attempts} times"
        if entry.last_reply:
            yield f"    {entry.last_host or 'here'}: {entry.last_reply}"
        if entry.next_attempt_ms is not None:
            yield (
                f"    again in {_span(entry.next_attempt_ms - now_ms)},"
                f" given up in {_span(entry.expires_at_ms - now_ms)}"
            )


def _span(milliseconds: int) -> str:
    """A time in the largest unit of which there is one at least."""
    seconds = max(0, milliseconds) // 1000
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
