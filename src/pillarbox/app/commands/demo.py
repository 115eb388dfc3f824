"""`pillarbox demo`: a provider to try, on loopback."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.app.demo import Demo

STANDARD_OUTPUT = Path("-")


@click.command("demo")
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
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write ports, accounts and the certificate authority's file as JSON once all listeners accept; "
    "- is standard output.",
)
@click.option("--with-parent", is_flag=True, help="End when standard input ends.")
def command(*, with_parent: bool, **options: Any) -> None:
    """Start a complete provider on loopback: two domains, people, mail in their boxes.

    It listens on 127.0.0.1 only, answers the names of its own domains itself, and sends nothing out of
    this machine. Ctrl-C ends it.
    """
    from pillarbox.app import child_process, ending
    from pillarbox.app.demo import DemoOptions, prepared, write_ready_file
    from pillarbox.app.serving import alone, supervised

    if with_parent:
        _end_with_standard_input()
    ending.hold()  # until a worker waits for them: what is begun is ended, and what is temporary removed
    try:
        with prepared(DemoOptions(**options), lambda: octets_read("Reading mail", shown=True)) as made:

            def ready() -> None:
                if options["ready_file"] == STANDARD_OUTPUT:
                    click.echo(json.dumps(made.ready()))
                    return
                if options["ready_file"]:
                    write_ready_file(options["ready_file"], made)
                _introduce(made)

            serve = alone if made.settings.workers == 1 else supervised
            sys.exit(serve(made.settings, made.doors, ready))
    except child_process.Failed as failure:
        raise click.ClickException(str(failure)) from failure
    except OSError as failure:
        raise click.ClickException(
            f"{failure.strerror or failure}. Try other ports: --ports-from 0"
        ) from failure


def _end_with_standard_input() -> None:
    """Leave a process behind that watches it: the one that serves waits for other things."""
    served = os.getpid()
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    if os.getppid() == served:
        os.kill(served, signal.SIGTERM)
    os._exit(0)


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
