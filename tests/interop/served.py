"""`pillarbox serve` as a child process, on a loopback address of its own, with its own data directory."""

import imaplib
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.config.services import SERVICES
from tests.kit.command_line import CommandLine, set_up
from tests.kit.paths import ROOT

CONFIGURATION = """hostname = "mail.{domain}"
domain = "{domain}"
data = "{data}"
user = "{user}"
[listen]
smtp = ["{address}:{port}"]
submissions = ["{address}:{submissions}"]
imaps = ["{address}:{imaps}"]
{unused}
[relay]
port = {port}
[resolver]
servers = ["127.0.0.1:{dns}"]
"""
USED = {"smtp", "submissions", "imaps"}
UNUSED = "\n".join(f"{name} = []" for name in SERVICES if name not in USED)
SECONDS = 60


@dataclass
class Served:
    """A provider for one domain, with the account anna; `start` runs it."""

    folder: Path
    domain: str
    address: str
    port: int
    """The SMTP port: the same for all providers of a test, which relay to it."""
    dns: int
    submissions: int = 2465
    imaps: int = 2993
    line: CommandLine = field(init=False)
    password: str = field(init=False)
    process: "subprocess.Popen[bytes] | None" = None
    seen: int = 0
    """How many messages `new_messages` has returned."""

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.line, said = set_up_domain(self.folder, self.domain)
        self.password = said
        self.line.config.write_text(
            CONFIGURATION.format(
                domain=self.domain,
                data=self.line.data,
                user="root",
                address=self.address,
                port=self.port,
                submissions=self.submissions,
                imaps=self.imaps,
                dns=self.dns,
                unused=UNUSED,
            )
        )

    @property
    def anna(self) -> str:
        """Anna's address."""
        return f"anna@{self.domain}"

    def start(self) -> None:
        """Run it, and wait until it serves."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from pillarbox.app.cli import main; main()", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PILLARBOX_CONFIG": str(self.line.config)},
            cwd=ROOT,
        )
        log.close()
        started = self.log().count('"serving"')
        self.until(lambda: self.log().count('"serving"') > started or self._ended())

    def stop(self, signo: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, if it runs."""
        if self.process:
            self.process.send_signal(signo)
            self.process.wait(SECONDS)
            self.process = None

    def send(self, message: bytes, *recipients: str, options: tuple[str, ...] = (), notify: str = "") -> None:
        """Submit a message as Anna."""
        with smtplib.SMTP_SSL(self.address, self.submissions, context=_trusting()) as client:
            client.login(self.anna, self.password)
            parameters = [f"NOTIFY={notify}"] if notify else []
            client.sendmail(self.anna, recipients, message, [*options], parameters)

    def inbox(self) -> list[bytes]:
        """The messages in Anna's INBOX, oldest first."""
        client = imaplib.IMAP4_SSL(self.address, self.imaps, ssl_context=_trusting())
        client.login(self.anna, self.password)
        client.select("INBOX", readonly=True)
        _, found = client.search(None, "ALL")
        octets: list[bytes] = []
        for number in found[0].split():
            _, [item, *_closing] = client.fetch(number, "(BODY[])")
            assert isinstance(item, tuple)
            octets.append(item[1])
        client.logout()
        return octets

    def new_messages(self, count: int) -> list[bytes]:
        """Wait until Anna has so many new messages, and return them."""
        self.until(lambda: len(self.inbox()) >= self.seen + count)
        fresh = self.inbox()[self.seen :]
        self.seen += len(fresh)
        return fresh

    def until(self, reached: Callable[[], bool]) -> None:
        """Wait until the condition is true, at most `SECONDS`."""
        ends = time.monotonic() + SECONDS
        while not reached():
            assert time.monotonic() < ends, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        """Its log so far."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def _ended(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return False


def set_up_domain(folder: Path, domain: str) -> tuple[CommandLine, str]:
    """Create an installation; its command line, and Anna's password."""
    line, said = set_up(folder, domain=domain)
    return line, str(said["password"])


def _trusting() -> ssl.SSLContext:
    """A client context for the certificates that providers make themselves."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
