"""`pillarbox status`: how the server is, and what is where."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, counted, on_installation, table
from pillarbox.app.commands.spans import span
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.status.findings import Findings
    from pillarbox.admin.status.servers import ServerState, WorkerState
    from pillarbox.admin.status.stored import StoredMail

EXIT_UNHEALTHY: Final = 1
EXIT_NOT_RUNNING: Final = 3
"""As in the Linux Standard Base, for init scripts."""
SHOWN_EVENTS: Final = 5
_HEAD: Final = 14


@click.command("status")
@click.option(
    "--quick", is_flag=True, help="Ask only the workers, and look at nothing else: for health checks."
)
@click.option(
    "--events",
    type=click.IntRange(0, 20),
    default=SHOWN_EVENTS,
    show_default=True,
    help="Show so many of the last warnings and errors.",
)
@on_installation
def command(installation: Installation, quick: bool, events: int) -> None:
    """Show the state of the server, of its queue and its storage, and what needs attention.

    Exit code 0: the server is healthy. 1: it runs, but a worker does not answer. 3: it does not run; then what the
    database and the disk show is printed all the same. Warnings do not change the exit code.
    """
    from pillarbox.admin.status.findings import Findings, problems, warnings

    running = _servers(installation)
    trouble: list[str] = []
    found = Findings(servers=running) if quick else _findings(installation, running, trouble)
    wrong = [*problems(found)]
    look_at = [*trouble, *(() if quick else warnings(found, now_ms=installation.now_ms, shown=shown))]
    state = "not running" if not running else "not healthy" if wrong else "healthy"
    text = "\n".join(_lines(found, state, wrong, look_at, events=events, now_ms=installation.now_ms))
    data = {"state": state, "problems": wrong, "warnings": look_at, **_as_data(found, quick=quick)}
    installation.show(data, text)
    if not running:
        raise SystemExit(EXIT_NOT_RUNNING)
    if wrong:
        raise SystemExit(EXIT_UNHEALTHY)


def _servers(installation: Installation) -> "list[ServerState]":
    from pillarbox.admin.control.client import ask
    from pillarbox.admin.control.messages import GetStatus
    from pillarbox.admin.status.servers import servers

    return servers(ask(installation.data.control, GetStatus()))


def _findings(installation: Installation, running: "list[ServerState]", trouble: list[str]) -> "Findings":
    """What can be found out; what can't goes to `trouble`."""
    from pillarbox.admin.status import stored
    from pillarbox.admin.status.findings import Findings
    from pillarbox.app.commands.installation import CommandFailed, sentence
    from pillarbox.app.privileges import as_invoker
    from pillarbox.world.database import DatabaseFailure, DatabaseInUse, SchemaTooNew
    from pillarbox.world.tls import authority

    mail = disk = None
    data = installation.data
    own = authority.located(data.tls, ()).server
    try:
        mail = installation.read(stored.stored_mail, now_ms=installation.now_ms)
    except (CommandFailed, DatabaseFailure, DatabaseInUse, SchemaTooNew, OSError) as failure:
        trouble.append(sentence(failure))
    try:
        disk = stored.disk(data)
    except OSError as failure:
        trouble.append(sentence(failure))
    with as_invoker():
        backups = stored.backups(data)
    # Its own is made when it is first started
    shown_files = installation.resolved.certificates or ((own,) if own.chain.exists() else ())
    certificates = stored.certificates(shown_files)
    return Findings(servers=running, mail=mail, disk=disk, certificates=certificates, backups=backups)


def _as_data(found: "Findings", *, quick: bool) -> dict[str, object]:
    servers = {"servers": found.servers}
    if quick:
        return dict(servers)
    return {
        **servers,
        "mail": found.mail,
        "disk": found.disk,
        "certificates": found.certificates,
        "backups": found.backups,
    }


# --- as text


def _lines(
    found: "Findings", state: str, wrong: list[str], look_at: list[str], *, events: int, now_ms: int
) -> Iterator[str]:
    if not found.servers:
        yield _head("Server", "not running")
    for server in found.servers:
        yield from _server(server, state, now_ms)
    if found.mail:
        yield from _mail(found.mail, now_ms)
    if found.disk:
        disk = found.disk
        yield _head("Disk", f"{shown(disk.free_octets)} free of {shown(disk.total_octets)}")
        yield _head("Database", shown(disk.database_octets))
    for certificate in found.certificates:
        if certificate.valid_until_ms is not None:
            left = f"valid for {span(certificate.valid_until_ms - now_ms)}"
            yield _head("Certificate", f"{', '.join(certificate.names)}: {left}")
    for backup in found.backups:
        if backup.made_at_ms is not None:
            yield _head("Backup", f"{backup.directory}, {span(now_ms - backup.made_at_ms)} ago")
    for server in found.servers:
        yield from _events(server, events, now_ms)
    yield from ("", *(f"PROBLEM: {text}." for text in wrong)) if wrong else ()
    yield from ("", *(f"Warning: {visible(text.removesuffix('.'))}." for text in look_at)) if look_at else ()


def _server(server: "ServerState", state: str, now_ms: int) -> Iterator[str]:
    up = f", up {span(now_ms - server.started_at_ms)}" if server.started_at_ms else ""
    version = f", version {server.version}" if server.version else ""
    yield _head("Server", f"{state}, pid {server.pid}{up}{version}")
    heads = ("", "WORKER", "PID", "UP", "RESTARTS", "HEALTH", "LAG", "LONGEST", "MEMORY", "RSS")
    rows = table(heads, (("", *_row(worker, now_ms)) for worker in server.workers))
    yield from ("  " + line.strip() for line in rows.splitlines())
    open_now = {name: number for name, number in server.connections.items() if number}
    listed = ", ".join(f"{name} {number}" for name, number in open_now.items())
    yield _head("Connections", f"{sum(open_now.values())}{f' ({listed})' if listed else ''}")
    if server.logins:
        accounts = ", ".join(f"{login} {number}" for login, number in server.logins.items())
        yield _head("Accounts", visible(accounts))
    if totals := _totals(server.totals):
        yield _head("Since start", totals)


def _row(worker: "WorkerState", now_ms: int) -> tuple[object, ...]:
    budget = None
    if worker.memory_octets is not None:
        budget = f"{shown(worker.memory_octets)} of {shown(worker.memory_limit_octets)}"
    return (
        worker.worker,
        worker.pid or "?",
        span(now_ms - worker.started_at_ms) if worker.started_at_ms else "?",
        worker.restarts,
        "ok" if worker.healthy else "NOT OK",
        None if worker.lag_s is None else f"{worker.lag_s * 1000:.0f} ms",
        None if worker.longest_lag_s is None else f"{worker.longest_lag_s * 1000:.0f} ms",
        budget,
        None if worker.resident_octets is None else shown(worker.resident_octets),
    )


def _totals(totals: dict[str, float]) -> str:
    """What an operator asks for first; the rest is in `--json` and in the metrics."""

    def of(family: str, *last: str) -> int:
        named = (text.split(" ") for text in totals)
        return int(
            sum(totals[" ".join(words)] for words in named if words[0] == family and words[-1] in last)
        )

    counts = (
        (of("messages_received", "accepted"), "messages accepted"),
        (of("messages_received", "refused", "deferred"), "not accepted"),
        (of("deliveries", "relayed", "delivered"), "delivered elsewhere"),
        (of("deliveries", "failed"), "returned"),
        (of("logins", "succeeded"), "logins"),
        (of("logins", "failed"), "failed logins"),
    )
    return ", ".join(f"{number} {what}" for number, what in counts if number)


def _mail(mail: "StoredMail", now_ms: int) -> Iterator[str]:
    queue = mail.queue
    yield _head("Mail", f"{counted(mail.messages, 'message')}, {shown(mail.octets)}")
    for account in mail.accounts:
        share = f" of {shown(account.quota_octets)} ({account.share:.0%})" if account.quota_octets else ""
        yield _head("", f"{visible(account.login)}: {shown(account.used_octets)}{share}")
    if mail.not_indexed:
        yield _head("Search index", f"{counted(mail.not_indexed, 'message')} behind")
    if not queue.recipients:
        yield _head("Queue", "empty")
        return
    oldest = f", the oldest for {span(now_ms - queue.oldest_ms)}" if queue.oldest_ms else ""
    parts = ((queue.due, "due"), (queue.later, "waiting"), (queue.held, "on hold"))
    states = ", ".join(f"{number} {state}" for number, state in parts if number)
    yield _head("Queue", f"{counted(queue.recipients, 'recipient')}: {states}{oldest}")
    for one in queue.destinations:
        held = f" ({one.held} on hold)" if one.held else ""
        yield _head("", f"{visible(one.destination)}: {one.recipients}{held}")


def _events(server: "ServerState", most: int, now_ms: int) -> Iterator[str]:
    """The last warnings and errors."""
    last = server.recent[-most:] if most else ()
    if last:
        yield from ("", "Last warnings and errors:")
    for event in last:
        ago = f"{span(now_ms - event.at_ms)} ago"
        yield f"  {ago:<11} {event.level:<8} {visible(event.event)}  {visible(event.text)}".rstrip()


def _head(name: str, text: str) -> str:
    return f"{name:<{_HEAD}}{text}"
