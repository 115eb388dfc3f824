"""`pillarbox demo`: a provider to try out, on loopback."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.app.demo import Demo
    from pillarbox.app.demo_data import Person

STANDARD_OUTPUT = Path("-")


@click.command("demo")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the data in this folder, and use it again; by default it is temporary and removed at the end.",
)
@click.option(
    "--ports-from",
    type=click.IntRange(0, 65_500),
    help="Use consecutive ports from this one on; 0: any free ports.",
)
@click.option(
    "--users",
    type=click.IntRange(0, 100_000),
    default=0,
    help="Add accounts u0, u1, ... at one.example.",
)
@click.option("--password", default="secret", show_default=True, help="The password of u0, u1, ...")
@click.option("--plain", is_flag=True, help="Allow passwords without TLS.")
@click.option("--unjudged", is_flag=True, help="Do not judge mail by SPF, DKIM and DMARC.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Worker processes.")
@click.option(
    "--mbox",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Import this mbox file (also .gz) into the first account.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write ports, accounts and the path of the CA certificate to this file as JSON once all services accept "
    "connections; - is standard output.",
)
@click.option(
    "--with-parent", is_flag=True, help="Stop when standard input is closed, and answer requests from there."
)
def command(*, with_parent: bool, **options: Any) -> None:
    """Start a complete provider on loopback, with two domains, accounts and some mail.

    It listens on 127.0.0.1 only, resolves only the names of its own domains, and sends nothing to other
    machines. Ctrl-C stops it.
    """
    from pillarbox.app import child_process, termination
    from pillarbox.app.demo import DemoOptions, prepared, write_ready_file

    termination.block()  # until a worker waits for it, so that child processes and temporary files are cleaned up
    try:
        with prepared(DemoOptions(**options), lambda: octets_read("Reading mail", shown=True)) as demo:

            def ready() -> None:
                if options["ready_file"] == STANDARD_OUTPUT:
                    click.echo(json.dumps(demo.ready()))
                    return
                _introduce(demo)
                if options["ready_file"]:  # last: whoever waits for it may read what was printed
                    write_ready_file(options["ready_file"], demo)

            # Imported here: loading the server took place while the data was made (see `prepared`).
            from pillarbox.app.demo_requests import answer_requests
            from pillarbox.app.serving import alone, supervised

            if with_parent:
                answer_requests(demo)
            serve = alone if demo.resolved.config.workers == 1 else supervised
            sys.exit(serve(demo.resolved, demo.sockets, ready))
    except child_process.ChildFailed as failure:
        raise click.ClickException(str(failure)) from failure
    except OSError as failure:
        raise click.ClickException(
            f"{failure.strerror or failure}. Try other ports: --ports-from 0"
        ) from failure


def _introduce(demo: "Demo") -> None:
    """Print what is needed to connect a client."""
    from pillarbox.app.demo import HOST
    from pillarbox.app.sockets import ports_of
    from pillarbox.config.services import SERVICES, WireProtocol

    lines = ["Pillarbox is running. Nothing leaves this machine; Ctrl-C stops it.", ""]
    for name, port in ports_of(demo.sockets).items():
        security = "TLS" if SERVICES[name].implicit_tls else "STARTTLS"
        if SERVICES[name].protocol is WireProtocol.METRICS:
            security = f"http://{HOST}:{port}/metrics"
        elif SERVICES[name].protocol is WireProtocol.HTTP:
            security = f"{name}://localhost:{port}/"  # there are no passkeys for an IP address
        lines.append(f"  {name:<12} {HOST}:{port:<6} {security}")
    lines += ["", f"  Certificate authority: {demo.authority}", "", f"  {'login':<24} password"]
    shown = demo.people[:MAX_PEOPLE_SHOWN]
    lines += [
        f"  {person.login:<24} {person.password}{'  (owner)' if person is shown[0] else ''}"
        for person in shown
    ]
    if len(demo.people) > len(shown):
        lines.append(f"  ... and {len(demo.people) - len(shown)} more, up to {demo.people[-1].login}")
    click.echo("\n".join([*lines, "", *_first_commands(demo)]))


def _first_commands(demo: "Demo") -> list[str]:
    """Commands to be copied into another terminal: they read a message, send one, and show how that was judged.

    It goes to another domain where there is one, since mail within a domain is neither signed nor judged.
    """
    from pillarbox.app.sockets import ports_of

    ports = ports_of(demo.sockets)
    reader, *others = demo.people
    domain = reader.address.rpartition("@")[2]
    elsewhere = [each for each in others if not each.address.endswith(f"@{domain}")]
    recipient = (elsewhere or others)[0]
    letter = (
        f"From: {reader.address}\\nTo: {recipient.address}\\nSubject: Hello\\n\\nHello from the terminal.\\n"
    )
    curl, inbox = _curl(demo, reader), f"imaps://localhost:{ports['imaps']}/INBOX"
    lines = [
        "Sign in with a browser, and look after an account:",
        "",
        f"  http://localhost:{ports['http']}/account",
        "",
        "Read a message, and send one:",
        "",
        f"  {curl} '{inbox};MAILINDEX=1'",
        "",
        (
            f"  printf '{letter}' | {curl} smtps://localhost:{ports['submissions']} "
            f"--mail-from {reader.address} --mail-rcpt {recipient.address} -T -"
        ),
    ]
    if elsewhere and demo.resolved.config.authentication.judge:
        lines += [
            "",
            "It was signed as it left, and judged as it came; the verdicts are on top, in Authentication-Results:",
            "",
            f"  {_curl(demo, recipient)} '{inbox};MAILINDEX=*'",
        ]
    return lines


def _curl(demo: "Demo", person: "Person") -> str:
    return f"curl --cacert {shlex.quote(str(demo.authority))} -u {person.login}:{person.password}"


MAX_PEOPLE_SHOWN = 8
"""Accounts that are printed; the ready file has all."""
