"""The command line. Each command loads what it needs when it runs, so that help and the demo start at once."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox import __version__

if TYPE_CHECKING:
    from pillarbox.app.demo import Demo


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pillarbox")
def main() -> None:
    """Pillarbox: a whole mail provider."""


@main.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this folder and use it again; without it, a temporary folder goes with the demo.",
)
@click.option(
    "--ports-from",
    type=click.IntRange(0, 65_500),
    help="Take consecutive ports from this one on; 0 takes any free ones.",
)
@click.option("--users", type=click.IntRange(0, 100_000), default=0, help="Add u0, u1, ... at one.example.")
@click.option("--password", default="secret", show_default=True, help="The password of u0, u1, ...")
@click.option("--plain", is_flag=True, help="Allow passwords without TLS.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve."
)
@click.option(
    "--mbox",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put this mail (mbox, .gz as well) into the first account.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write ports, accounts and the certificate authority's file as JSON once all listeners accept.",
)
def demo(
    directory: Path | None,
    ports_from: int | None,
    users: int,
    password: str,
    plain: bool,
    workers: int,
    mbox: Path | None,
    ready_file: Path | None,
) -> None:
    """Start a complete provider on loopback: two domains, people, mail in their boxes.

    It listens on 127.0.0.1 only, answers the names of its own domains itself, and sends nothing out of
    this machine. Ctrl-C ends it.
    """
    from pillarbox.app.demo import DemoOptions, prepared, write_ready_file

    options = DemoOptions(
        directory=directory,
        ports_from=ports_from,
        users=users,
        password=password,
        plain=plain,
        workers=workers,
        mbox=mbox,
        ready_file=ready_file,
    )
    # Until a worker takes over the signal, it must still end what was begun and remove what is temporary.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            _progress("Reading mail", shown=mbox is not None) as progress,
            prepared(options, progress) as made,
        ):

            def ready() -> None:
                if ready_file:
                    write_ready_file(ready_file, made)
                _introduce(made)

            sys.exit(_serve(made, ready))
    except OSError as failure:
        raise click.ClickException(
            f"{failure.strerror or failure}. Try other ports: --ports-from 0"
        ) from failure


def _serve(made: "Demo", ready: Callable[[], None]) -> int:
    from pillarbox.app.supervisor import Supervisor
    from pillarbox.app.worker import run

    if made.settings.workers == 1:
        run(made.settings, made.doors, None, ready)
        return 0
    return Supervisor(
        made.settings.workers, lambda lifeline: run(made.settings, made.doors, lifeline, lifeline.ready)
    ).run(ready)


@contextmanager
def _progress(title: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not shown or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def _introduce(made: "Demo") -> None:
    """Everything a newcomer needs to connect a client."""
    from pillarbox.app.demo import HOST
    from pillarbox.app.services import SERVICES, ports_of

    safe = {True: "TLS", False: "STARTTLS"}
    lines = ["Pillarbox is running. Nothing leaves this machine; Ctrl-C ends it.", ""]
    for name, port in ports_of(made.doors).items():
        lines.append(f"  {name:<12} {HOST}:{port:<6} {safe[SERVICES[name].implicit_tls]}")
    lines += ["", f"  Certificate authority: {made.authority}", "", f"  {'login':<24} password"]
    shown = made.people[:SHOWN_PEOPLE]
    lines += [f"  {person.login:<24} {person.password}" for person in shown]
    if len(made.people) > len(shown):
        lines.append(f"  ... and {len(made.people) - len(shown)} more, up to {made.people[-1].login}")
    click.echo("\n".join(lines))


SHOWN_PEOPLE = 8
"""Accounts listed on the screen; the ready file has all."""
