"""Hints between sessions and between worker processes: "account X changed".

The truth is in the log of changes; a signal only says when to look. Signals to other processes may come late
or together, but never get lost for good: where a process is too busy to take one, it is told "look at
everything" as soon as it takes something again. They never block, and are sent after the commit.

Between processes: each has a datagram socket in one folder, and a signal is a datagram of account numbers,
8 octets each; the empty datagram means every account.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.durable import make_folder

Callback = Callable[[], None]

DATAGRAM_ACCOUNTS = 512
"""Accounts in one datagram; when more changed together, everybody looks at everything."""
SETTLED_NS = 1_000_000_000
"""A folder that has not changed for so long cannot have changed unseen."""
RETRY_S = 0.1
"""How soon a process that could not take a signal is tried again."""
BUSY_S = 1.0
"""How long `announce_from_outside` waits for a process that takes no signals."""


class Signals(Protocol):
    """The door: who waits for an account, and saying that some changed."""

    def subscribe(self, account: AccountId, callback: Callback) -> Callback:
        """Have `callback` run in the loop when the account may have changed; return what ends it."""

    def announce(self, accounts: Iterable[AccountId]) -> None:
        """Say that these accounts changed, here and in the other processes."""


class LocalSignals:
    """Signals within one process."""

    def __init__(self) -> None:
        self._callbacks: dict[AccountId, dict[object, Callback]] = {}

    def subscribe(self, account: AccountId, callback: Callback) -> Callback:
        """See `Signals.subscribe`."""
        key = object()
        self._callbacks.setdefault(account, {})[key] = callback

        def unsubscribe() -> None:
            waiting = self._callbacks.get(account)
            if waiting and waiting.pop(key, None) and not waiting:
                del self._callbacks[account]

        return unsubscribe

    def announce(self, accounts: Iterable[AccountId]) -> None:
        """See `Signals.announce`."""
        self.deliver(accounts)

    def deliver(self, accounts: Iterable[AccountId] | None) -> None:
        """Run the callbacks of these accounts (`None`: of all)."""
        for account in list(self._callbacks) if accounts is None else accounts:
            for callback in list(self._callbacks.get(account, {}).values()):
                callback()


class UnixSignals(LocalSignals):
    """Signals among the processes that share a folder."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        make_folder(folder)
        self._folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY)
        # A socket's path has at most 107 octets, a data directory's may have more.
        short = Path(f"/proc/self/fd/{self._descriptor}")
        self._reach = short if short.exists() else folder
        self._loop = loop
        self._path = folder / f"{os.getpid()}-{id(self):x}"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._reach / self._path.name))
        self._owed: set[str] = set()
        self._listed: list[str] = []
        self._listed_ns: int | None = None
        """When the folder had changed last before it was listed; `None`: list it again."""
        loop.add_reader(self._socket.fileno(), self._received)
        self._send(b"")  # this process may follow one that died between a commit and its signals

    def announce(self, accounts: Iterable[AccountId]) -> None:
        """See `Signals.announce`."""
        changed = list(accounts)
        self.deliver(changed)
        self._send(_datagram(changed))

    def _send(self, datagram: bytes) -> None:
        for peer in self._peers():
            if peer not in self._owed:
                self._send_to(peer, datagram)

    def _peers(self) -> list[str]:
        """The others in the folder, which is listed again only when it has changed: this is asked at every commit."""
        changed_ns = os.fstat(self._descriptor).st_mtime_ns
        if changed_ns != self._listed_ns:
            names = os.listdir(self._folder)  # noqa: PTH208 - names are all we want
            self._listed = [name for name in names if name != self._path.name]
            # Within a tick of the file system's clock the folder can change again and look the same.
            settled = time.time_ns() - changed_ns > SETTLED_NS
            self._listed_ns = changed_ns if settled else None
        return self._listed

    def _send_to(self, peer: str, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, f"{self._reach}/{peer}")
        except BlockingIOError:
            self._owed.add(peer)
            self._loop.call_later(RETRY_S, self._pay, peer)
        except (ConnectionRefusedError, FileNotFoundError):
            (self._folder / peer).unlink(missing_ok=True)  # left behind by a process that died
        except OSError:
            self._owed.add(peer)  # no memory for it just now
            self._loop.call_later(RETRY_S, self._pay, peer)

    def _pay(self, peer: str) -> None:
        self._owed.discard(peer)
        self._send_to(peer, b"")

    def _received(self) -> None:
        everything = False
        changed: set[AccountId] = set()
        while True:
            try:
                datagram = self._socket.recv(8 * DATAGRAM_ACCOUNTS)
            except (BlockingIOError, InterruptedError):
                break
            everything = everything or not datagram
            changed.update(
                AccountId(int.from_bytes(datagram[i : i + 8], "big")) for i in range(0, len(datagram), 8)
            )
        self.deliver(None if everything else changed)

    def close(self) -> None:
        """Leave the folder."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)


def announce_from_outside(folder: Path, accounts: Iterable[AccountId]) -> None:
    """Say that these accounts changed, from a program that has no loop and hears nothing itself.

    A process that is too busy to take it in time sees the change when it next looks.
    """
    datagram = _datagram(list(accounts))
    if not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        reach = Path(f"/proc/self/fd/{descriptor}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
            mouth.settimeout(BUSY_S)
            for peer in folder.iterdir():
                try:
                    mouth.sendto(datagram, f"{reach if reach.exists() else folder}/{peer.name}")
                except OSError:
                    continue  # it died, or is too busy
    finally:
        os.close(descriptor)


def _datagram(changed: list[AccountId]) -> bytes:
    if len(changed) > DATAGRAM_ACCOUNTS:
        return b""
    return b"".join(account.to_bytes(8, "big") for account in changed)
