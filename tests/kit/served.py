"""`pillarbox serve` in a process of its own, with a data directory and ports of a test's own."""

import contextlib
import imaplib
import os
import pwd
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pillarbox.config.services import SERVICES
from tests.kit.command_line import set_up

NO_DNS = ["[resolver]", 'servers = ["127.0.0.1:1"]']
"""No question of a test leaves the machine."""
ENABLED = [row.name for row in SERVICES.values() if row.enabled]


class Served:
    """A server of a test's own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.there, said = set_up(folder)
        self.password: str = said["password"]
        self.log = folder / "log"
        config = self.there.config.read_text().replace(
            'user = "root"', f'user = "{pwd.getpwuid(os.geteuid()).pw_name}"'
        )
        self.ports: dict[str, int] = {}
        self.process = self._start(config, words)
        while self.process.poll() is not None and self._found_a_port_taken():
            self.process = self._start(config, words)

    def _found_a_port_taken(self) -> bool:
        """Whether it ended since a port was taken meanwhile, as it says in its log or where there is none yet."""
        taken = "address already in use"
        return taken in self.log.read_text().lower() or bool(self.said(taken))

    def _start(self, config: str, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """Serve on ports that were free just before, and wait until it does."""
        self.ports = dict(zip(ENABLED, free_ports(len(ENABLED)), strict=True))
        lines = [f'{name} = ["127.0.0.1:{port}"]' for name, port in self.ports.items()]
        self.there.config.write_text(
            "\n".join([self.configured(config), *self.resolving(), "[listen]", *lines, *self.listening()])
        )
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pillarbox", "serve", "--config", str(self.there.config), *words],
                stderr=log,
                env={**os.environ, "PYTHONPATH": "src"},
            )
        deadline = time.monotonic() + 60
        while not self.said('"serving"') and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return process

    def configured(self, config: str) -> str:
        """The configuration but for `[listen]`, made of the one that `init` wrote."""
        return config

    def resolving(self) -> list[str]:
        """The lines of `[resolver]`."""
        return NO_DNS

    def listening(self) -> list[str]:
        """More lines of `[listen]`."""
        return []

    def said(self, words: str) -> int:
        """How often this is in the log."""
        return self.log.read_text().count(words)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that will come."""
        deadline = time.monotonic() + 30
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def change(self, old: str, new: str) -> None:
        """Change the configuration's text."""
        text = self.there.config.read_text()
        assert old in text
        self.there.config.write_text(text.replace(old, new))

    def reload(self, outcome: str = '"reloaded"') -> None:
        """Send SIGHUP and wait until the result is in the log."""
        before = self.said(outcome)
        self.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.said(outcome) > before)

    def workers(self) -> list[int]:
        """Process ids."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def imap(self, login: str = "anna@example.org", password: str = "") -> imaplib.IMAP4_SSL:
        """A client that has logged in."""
        context = ssl.create_default_context(cafile=str(self.there.data / "tls" / "ca.pem"))
        context.check_hostname = False
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=context, timeout=20)
        try:
            client.login(login, password or self.password)
        except imaplib.IMAP4.error:
            client.shutdown()
            raise
        return client

    def end(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(30)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        doors = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]
