"""Hints between sessions and between worker processes: "account 7 changed", "the queue changed".

The truth is in the database; a signal only says when to look. Signals to other processes may be late or merged,
but never get lost for good: a process that is too busy to receive one gets "every topic" as soon as it receives
again. They never block, and are sent after the commit: at once, or together with what follows if others were sent a
moment ago, since each wakes every other process.

Between processes: each has a datagram socket in one folder, and a signal is a datagram with one topic a line;
the empty datagram means every topic. Processes of one machine run the same version.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

from pillarbox.world.socket_folder import SocketFolder
from pillarbox.world.topic import Topic

Callback = Callable[[], None]
Listener = Callable[[Iterable[Topic] | None], None]
"""Is given the topics that were announced together; `None`: every topic."""

MAX_DATAGRAM_OCTETS = 8192
"""Topics that need more octets are announced as "every topic"."""
SETTLED_NS = 1_000_000_000
"""A folder that has not changed for so long can't have changed unnoticed."""
RETRY_S = 0.1
"""After this time a process that could not receive a signal is sent one again."""
GATHER_S = 0.01
"""Two signals to other processes are so far apart at least: what is announced meanwhile goes into one."""
MAX_SEND_S = 1.0
"""How long `announce_from_outside` waits for a process that does not receive."""


class Signals(Protocol):
    """Subscribing to topics, and announcing them."""

    def subscribe(self, topic: Topic, callback: Callback) -> Callback:
        """Run `callback` in the loop whenever the topic is announced; return a function that unsubscribes."""

    def listen(self, listener: Listener) -> Callback:
        """Run `listener` in the loop whenever topics are announced, whichever they are; return a function that ends
        it. For who wants to hear of so many topics that a subscription for each would cost too much."""

    def announce(self, topics: Iterable[Topic]) -> None:
        """Announce topics, here and in the other processes."""


class _Subscription:
    """One subscription; called, it ends. An object of its own kind, as a closure takes four times the memory."""

    __slots__ = ("_callbacks", "_topic")

    def __init__(self, callbacks: "dict[Topic, dict[_Subscription, Callback]]", topic: Topic) -> None:
        self._callbacks = callbacks
        self._topic = topic

    def __call__(self) -> None:
        subscribed = self._callbacks.get(self._topic)
        if subscribed and subscribed.pop(self, None) and not subscribed:
            del self._callbacks[self._topic]


class LocalSignals:
    """Signals within one process."""

    def __init__(self) -> None:
        self._callbacks: dict[Topic, dict[_Subscription, Callback]] = {}
        self._listeners: dict[object, Listener] = {}

    def subscribe(self, topic: Topic, callback: Callback) -> Callback:
        """See `Signals.subscribe`."""
        subscription = _Subscription(self._callbacks, topic)
        self._callbacks.setdefault(topic, {})[subscription] = callback
        return subscription

    def listen(self, listener: Listener) -> Callback:
        """See `Signals.listen`."""
        key = object()
        self._listeners[key] = listener
        return partial(self._end_listening, key)

    def _end_listening(self, key: object) -> None:
        self._listeners.pop(key, None)

    def announce(self, topics: Iterable[Topic]) -> None:
        """See `Signals.announce`."""
        self.deliver(list(topics))

    def deliver(self, topics: Collection[Topic] | None) -> None:
        """Run the callbacks of these topics (`None`: of all)."""
        for listener in list(self._listeners.values()):
            listener(topics)
        for topic in list(self._callbacks) if topics is None else topics:
            for callback in list(self._callbacks.get(topic, {}).values()):
                callback()


class UnixSignals(LocalSignals):
    """Signals among the processes that share a folder."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._folder = SocketFolder(folder, create=True)
        self._loop = loop
        self._name = f"{os.getpid()}-{id(self):x}"
        self._socket = self._folder.bind(socket.SOCK_DGRAM, self._name)
        self._unreached: set[str] = set()
        """Processes that missed a signal and are to be sent "every topic"."""
        self._listed: list[str] = []
        self._listed_ns: int | None = None
        """The folder's time of modification when it was listed; `None`: list it again."""
        self._sent_s = -GATHER_S
        """When a signal was sent last, by the loop's clock."""
        self._gathered: set[Topic] = set()
        """Topics to be sent when `_gathering` ends."""
        self._gathering: asyncio.TimerHandle | None = None
        loop.add_reader(self._socket.fileno(), self._received)
        self._send([])  # this process may follow one that died between a commit and its signals

    def announce(self, topics: Iterable[Topic]) -> None:
        """See `Signals.announce`."""
        announced = list(topics)
        self.deliver(announced)
        self._gathered.update(announced)
        if self._gathering is not None:
            return
        rest_s = self._sent_s + GATHER_S - self._loop.time()
        if rest_s > 0:
            self._gathering = self._loop.call_later(rest_s, self._send_gathered)
        else:
            self._send_gathered()

    def _send_gathered(self) -> None:
        self._gathering = None
        topics = list(self._gathered)
        self._gathered.clear()
        self._sent_s = self._loop.time()
        self._send(topics)

    def _send(self, topics: list[Topic]) -> None:
        """To all other processes; no topics are every topic."""
        if peers := self._peers():  # mostly there are none
            datagram = _datagram(topics)
            for peer in peers:
                if peer not in self._unreached:
                    self._send_to(peer, datagram)

    def _peers(self) -> list[str]:
        """The other processes. Called at every commit, so the folder is listed again only when it has changed."""
        changed_ns = self._folder.changed_ns()
        if changed_ns != self._listed_ns:
            self._listed = [name for name in self._folder.names() if name != self._name]
            # Within a tick of the file system's clock the folder can change again and look the same.
            settled = time.time_ns() - changed_ns > SETTLED_NS
            self._listed_ns = changed_ns if settled else None
        return self._listed

    def _send_to(self, peer: str, datagram: bytes) -> None:
        try:
            self._socket.sendto(datagram, self._folder.address(peer))
        except BlockingIOError:
            self._unreached.add(peer)
            self._loop.call_later(RETRY_S, self._catch_up, peer)
        except (ConnectionRefusedError, FileNotFoundError):
            self._folder.remove(peer)  # left behind by a process that died
        except OSError:
            self._unreached.add(peer)  # no memory for it just now
            self._loop.call_later(RETRY_S, self._catch_up, peer)

    def _catch_up(self, peer: str) -> None:
        self._unreached.discard(peer)
        self._send_to(peer, b"")

    def _received(self) -> None:
        everything = False
        topics: set[Topic] = set()
        while True:
            try:
                datagram = self._socket.recv(MAX_DATAGRAM_OCTETS)
            except (BlockingIOError, InterruptedError):
                break
            if not datagram:
                everything = True
                continue
            try:
                topics.update(map(Topic.parse, datagram.decode("ascii").split("\n")))
            except ValueError:  # a program of another version; what it announced is not known
                everything = True
        self.deliver(None if everything else topics)

    def close(self) -> None:
        """Leave the folder; what was gathered is sent before."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._send_gathered()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._folder.remove(self._name)
        self._folder.close()


def announce_from_outside(folder: Path, topics: Iterable[Topic]) -> None:
    """Announce topics from a program that has no loop and subscribes to nothing.

    A process that is too busy to receive them in time finds the change when it next looks.
    """
    datagram = _datagram(list(topics))
    if not folder.is_dir():
        return
    sockets = SocketFolder(folder)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(MAX_SEND_S)
            for peer in sockets.names():
                try:
                    sender.sendto(datagram, sockets.address(peer))
                except OSError:
                    continue  # it died, or is too busy
    finally:
        sockets.close()


def _datagram(topics: Iterable[Topic]) -> bytes:
    datagram = "\n".join(map(str, topics)).encode("ascii")
    return datagram if len(datagram) <= MAX_DATAGRAM_OCTETS else b""
