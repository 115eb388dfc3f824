"""A bare IMAP client on a blocking socket, whose every response is read by the strict reader of `tests.kit.imap.responses`.

    with connected(provider, person) as imap:
        imap.select("INBOX")
        answer = imap.ok(b"FETCH 1 FLAGS")
        answer.fetched[1][b"FLAGS"]

A command is octets; a `Literal` among its pieces goes as a synchronizing or a non-synchronizing literal.
"""

import contextlib
import itertools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.interop.demo import Demo, Person
from tests.kit.imap.responses import Atom, Continuation, Data, Fetched, Numbered, Response, Responses, Status

SECONDS = 30


@dataclass(frozen=True)
class Literal:
    """Octets that go as a literal."""

    octets: bytes
    synchronizing: bool = False
    binary: bool = False

    @property
    def head(self) -> bytes:
        mark = b"~" if self.binary else b""
        return b"%s{%d%s}\r\n" % (mark, len(self.octets), b"" if self.synchronizing else b"+")


@dataclass
class Answer:
    """What came before a tagged response, and it."""

    status: Status
    untagged: list[Response] = field(default_factory=list)

    @property
    def word(self) -> str:
        return self.status.word.decode()

    @property
    def code(self) -> str:
        """The response code with its arguments, or nothing."""
        name, arguments = self.status.code or b"", self.status.arguments
        return (name if arguments is None else name + b" " + arguments).decode()

    @property
    def fetched(self) -> dict[int, dict[bytes, Any]]:
        """FETCH responses by sequence number, several of one number made one."""
        found: dict[int, dict[bytes, Any]] = {}
        for response in self.untagged:
            if isinstance(response, Fetched):
                found.setdefault(response.number, {}).update(response.items)
        return found

    @property
    def by_uid(self) -> dict[int, dict[bytes, Any]]:
        """FETCH responses by UID."""
        return {items[b"UID"]: items for items in self.fetched.values() if b"UID" in items}

    def numbers(self, name: bytes) -> list[int]:
        """The numbers of EXISTS, EXPUNGE or RECENT."""
        return [item.number for item in self.untagged if isinstance(item, Numbered) and item.name == name]

    def data(self, name: bytes) -> list[list[Any]]:
        """The arguments of untagged responses of this name."""
        return [item.arguments for item in self.untagged if isinstance(item, Data) and item.name == name]

    def codes(self) -> dict[str, str]:
        """Response codes of untagged OK responses, with their arguments."""
        return {
            (item.code or b"").decode(): (item.arguments or b"").decode()
            for item in self.untagged
            if isinstance(item, Status)
        }

    def search(self) -> list[int]:
        """The numbers of a SEARCH response."""
        [numbers] = self.data(b"SEARCH")
        return [number for number in numbers if isinstance(number, int)]

    def esearch(self) -> dict[bytes, Any]:
        """The results of an ESEARCH response by name, without its correlator."""
        [items] = self.data(b"ESEARCH")
        rest = [item for item in items if not isinstance(item, list)]
        rest = [item for item in rest if item != b"UID"]
        return dict(zip(rest[::2], rest[1::2], strict=True))


class Imap:
    """One session."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._responses = Responses()
        self._waiting: list[Response] = []
        self._tags = (b"t%d" % number for number in itertools.count(1))
        greeting = self.next()
        assert isinstance(greeting, Status)
        self.greeting = greeting

    def next(self) -> Response:
        """The next response of the server."""
        while not self._waiting:
            octets = self.stream.recv(1 << 20)
            assert octets, f"the server left; unfinished: {self._responses.rest[:200]!r}"
            self._waiting += self._responses.feed(octets)
        return self._waiting.pop(0)

    def send(self, octets: bytes) -> None:
        """Exactly these octets."""
        self.stream.sendall(octets)

    def start(self, *pieces: bytes | Literal) -> bytes:
        """Send a command without waiting for its answer; its tag."""
        tag = next(self._tags)
        octets = tag + b" "
        for piece in pieces:
            if isinstance(piece, bytes):
                octets += piece
                continue
            octets += piece.head
            if piece.synchronizing:
                self.send(octets)
                octets = b""
                response = self.next()
                if not isinstance(response, Continuation):
                    self._waiting.insert(0, response)
                    return tag
            octets += piece.octets
        self.send(octets + b"\r\n")
        return tag

    def finish(self, tag: bytes) -> Answer:
        """All responses up to the tagged one."""
        untagged: list[Response] = []
        while True:
            response = self.next()
            if isinstance(response, Status) and response.tag == tag:
                return Answer(response, untagged)
            assert not (isinstance(response, Status) and response.tag != b"*"), response
            untagged.append(response)

    def say(self, *pieces: bytes | Literal) -> Answer:
        """Send a command; all of its answer."""
        return self.finish(self.start(*pieces))

    def ok(self, *pieces: bytes | Literal) -> Answer:
        """Send a command that must succeed."""
        answer = self.say(*pieces)
        assert answer.word == "OK", (pieces, answer)
        return answer

    def refused(self, *pieces: bytes | Literal, word: str = "NO") -> Answer:
        """Send a command that must not succeed."""
        answer = self.say(*pieces)
        assert answer.word == word, (pieces, answer)
        return answer

    def select(self, mailbox: str, extra: bytes = b"") -> Answer:
        return self.ok(b"SELECT %s%s" % (quoted(mailbox), extra))

    def append(
        self, mailbox: str, messages: Sequence[bytes], flags: bytes = b"", *, synchronizing: bool = False
    ) -> Answer:
        """Append messages, all in one command."""
        pieces: list[bytes | Literal] = [b"APPEND " + quoted(mailbox)]
        for message in messages:
            pieces += [b" (%s) " % flags, Literal(message, synchronizing)]
        return self.ok(*pieces)

    def flags(self) -> dict[int, set[bytes]]:
        """Each message's flags, but for \\Recent."""
        found = self.ok(b"FETCH 1:* FLAGS").fetched if self.exists() else {}
        return {number: set(items[b"FLAGS"]) - {b"\\Recent"} for number, items in found.items()}

    def exists(self) -> int:
        """How many messages the selected mailbox has, by SEARCH."""
        self.ok(b"NOOP")
        return len(self.ok(b"SEARCH ALL").search())

    def idle(self) -> bytes:
        """Begin to IDLE; the tag."""
        tag = self.start(b"IDLE")
        while not isinstance(self.next(), Continuation):
            pass
        return tag

    def done(self, tag: bytes) -> Answer:
        """End IDLE."""
        self.send(b"DONE\r\n")
        return self.finish(tag)


def quoted(text: str) -> bytes:
    """A quoted string."""
    return b'"' + text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@contextlib.contextmanager
def unknown(provider: Demo, door: str = "imaps") -> Iterator[Imap]:
    """A session before login."""
    with socket.create_connection((provider.host, provider.ports[door]), timeout=SECONDS) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if door == "imaps":
            with provider.context().wrap_socket(plain, server_hostname="localhost") as secured:
                yield Imap(secured)
        else:
            yield Imap(plain)


@contextlib.contextmanager
def connected(
    provider: Demo, person: Person, *, select: str | None = None, door: str = "imaps"
) -> Iterator[Imap]:
    """A session of that person, logged in."""
    with unknown(provider, door) as imap:
        imap.ok(b"LOGIN %s %s" % (quoted(person.login), quoted(person.password)))
        if select is not None:
            imap.select(select)
        yield imap


def atoms(*names: str) -> set[Atom]:
    """Flags or atoms as the reader gives them."""
    return {Atom(name.encode()) for name in names}
