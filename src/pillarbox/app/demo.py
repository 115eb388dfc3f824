"""The demo: a whole provider on loopback, in a temporary or a named folder.

Two domains, a few people with mail in their mailboxes, a certificate authority of its own. It resolves only the names
of its own domains (`Config.local_names`) and listens on loopback only, so nothing leaves the machine.
"""

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.app import child_process
from pillarbox.app.demo_data import (
    CERTIFICATE_NAMES,
    DOMAINS,
    Person,
    Progress,
    fill,
    named_people,
    numbered_people,
)
from pillarbox.app.sockets import Sockets, close, listen_on, ports_of
from pillarbox.config.schema import Config
from pillarbox.config.sections.authentication import Authentication
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.limits import Limits
from pillarbox.config.sections.listen import Listen
from pillarbox.config.sections.relay import Relay
from pillarbox.config.services import SERVICES
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.tls import authority

if TYPE_CHECKING:
    from pillarbox.app.resolved import Resolved

HOST = "127.0.0.1"
MAX_CONNECTIONS = 1_000_000
"""All clients of a demo have one address; the limit is that of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The options of the command."""

    directory: Path | None = None
    """Kept and used again; `None`: a temporary folder that is removed at the end."""
    ports_from: int | None = None
    """The first of consecutive ports, in the order of `SERVICES`; 0 takes any free ones."""
    users: int = 0
    """How many accounts to add: u0, u1, ... in the first domain."""
    password: str = "secret"  # noqa: S105 - the demo's own, for loopback
    """Their password."""
    plain: bool = False
    unjudged: bool = False
    workers: int = 1
    mbox: Path | None = None
    ready_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is ready to serve."""

    resolved: "Resolved"
    sockets: Sockets
    people: tuple[Person, ...]
    authority: Path

    def ready(self) -> dict[str, object]:
        """The contents of the ready file: a contract, to which keys may be added, while none is changed."""
        return {
            "host": HOST,
            "pid": os.getpid(),
            "domains": list(DOMAINS),
            "ports": ports_of(self.sockets),
            "accounts": [
                {"address": person.address, "login": person.login, "password": person.password}
                for person in self.people
            ],
            "ca_file": str(self.authority),
        }


@contextmanager
def prepared(options: DemoOptions, progress: Progress) -> Iterator[Demo]:
    """Make the folder, the people and their mail, and listen. A temporary folder is removed at the end.

    Raises OSError where a port is not available, `child_process.ChildFailed` where the folder or the mail is unusable.
    """
    with ExitStack() as cleanup:
        directory = options.directory
        if directory is None:
            # Its removal is arranged before it is made: a signal may come at any moment.
            directory = Path(tempfile.gettempdir()) / f"pillarbox-demo-{SystemEntropy().token_bytes(6).hex()}"
            cleanup.callback(_remove, directory)
            directory.mkdir(mode=0o700)
        sockets = _listen(options.ports_from)
        cleanup.callback(close, sockets)
        config = _config(options, directory, ports_of(sockets))
        certificates = authority.located(config.data_directory.tls, CERTIFICATE_NAMES)
        people = (*named_people(), *numbered_people(options.users, options.password))
        # In a process of its own: the memory that it takes to make certificates, hash passwords and read an
        # mbox does not stay with the server, and a second core has something to do meanwhile.
        with child_process.running(lambda: fill(config.data_directory, people, options.mbox, progress)):
            importlib.import_module("pillarbox.app.serving")
            importlib.import_module("pillarbox.app.demo_requests")
            from pillarbox.app.resolved import Resolved
        resolved = Resolved(config, certificates=(certificates.server,))
        yield Demo(resolved, sockets, people, certificates.authority)


def write_ready_file(path: Path, demo: Demo) -> None:
    """Write it atomically: a program that waits for the file may read it as soon as it exists."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(demo.ready(), indent=2) + "\n")
    unfinished.replace(path)


def _config(options: DemoOptions, directory: Path, ports: Mapping[str, int]) -> Config:
    return Config(
        hostname=f"mail.{DOMAINS[0]}",
        domain=DOMAINS[0],
        data=directory,
        workers=options.workers,
        plain_passwords=options.plain,
        listen=Listen(**{name: (f"{HOST}:{port}",) for name, port in ports.items()}),
        authentication=Authentication(judge=not options.unjudged),
        relay=Relay(port=ports["smtp"]),
        http=Http(url=f"https://localhost:{ports['https']}"),
        limits=Limits(connections=MAX_CONNECTIONS, connections_per_address=MAX_CONNECTIONS),
        more_origins=(f"http://localhost:{ports['http']}",),
        local_names=dict.fromkeys(DOMAINS, HOST),
        separate_domains=True,
    )


def _listen(ports_from: int | None) -> Sockets:
    any_free = dict.fromkeys(SERVICES, 0)
    if ports_from == 0:
        return listen_on(HOST, any_free)
    if ports_from is not None:
        return listen_on(HOST, {name: ports_from + place for place, name in enumerate(SERVICES)})
    try:
        return listen_on(HOST, {row.name: row.demo_port for row in SERVICES.values()})
    except OSError:  # another demo is running
        return listen_on(HOST, any_free)


def _remove(directory: Path) -> None:
    """Remove a folder, even while something is still being written into it."""
    for _ in range(5):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
