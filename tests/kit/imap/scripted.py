"""A small IMAP server on a network in memory, to import from: it answers what an import asks, and misbehaves if told.

`answers` are asked first for each command: octets are sent as they are (with `%TAG%` replaced), `CUT` ends the
connection, `SILENT` sends nothing any more, and `None` leaves the command to the server.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pillarbox.mail.number_set import NumberSet
from pillarbox.world.clock import Clock
from pillarbox.world.network.memory import MemoryNetwork, MemoryStream

ADDRESS, PORT = "192.0.2.1", 143
CUT, SILENT = b"\0cut", b"\0silent"
Answer = Callable[[str], bytes | None]


@dataclass
class Stored:
    """A message."""

    uid: int
    octets: bytes
    flags: str = ""
    extra: str = ""
    """More items of its FETCH responses."""
    modseq: int = 1


@dataclass
class Box:
    """A mailbox."""

    messages: list[Stored] = field(default_factory=list)
    uid_validity: int = 1
    attributes: str = ""
    highest_modseq: int = 1
    uid_next: int = 1

    def add(self, octets: bytes, flags: str = "") -> None:
        """Another message."""
        self.messages.append(Stored(self.uid_next, octets, flags))
        self.uid_next += 1
        self.touch(self.messages[-1])

    def touch(self, message: Stored) -> None:
        """It has changed."""
        self.highest_modseq += 1
        message.modseq = self.highest_modseq

    def renumber(self) -> None:
        """All messages get new UIDs."""
        self.uid_validity += 1
        for uid, message in enumerate(self.messages, 1):
            message.uid = uid
        self.uid_next = len(self.messages) + 1


class ScriptedServer:
    """See the module."""

    def __init__(
        self, network: MemoryNetwork, clock: Clock, *, capabilities: str = "ID NAMESPACE", port: int = PORT
    ) -> None:
        self.clock = clock
        self.capabilities = capabilities
        self.boxes: dict[str, Box] = {"INBOX": Box()}
        self.delimiter = "/"
        self.subscribed: set[str] = set()
        self.namespace = '(("" "/")) NIL NIL'
        self.answers: list[Answer] = []
        self.commands: list[str] = []
        self.connections = 0
        self.cut_after: int | None = None
        """Octets after which each connection is cut; it doubles each time."""
        self.trickles = False
        """What `answers` give is followed by one octet every ten seconds, for ever."""
        network.serve(ADDRESS, port, self.accept)

    def add(self, mailbox: str, *letters: bytes, flags: str = "") -> None:
        """More messages."""
        box = self.boxes.setdefault(mailbox, Box())
        for octets in letters:
            box.add(octets, flags)

    async def accept(self, stream: MemoryStream) -> None:
        """Serve one connection."""
        self.connections += 1
        connection = _Connection(self, stream, self.cut_after)
        if self.cut_after is not None:
            self.cut_after *= 2
        await connection.serve()


class _Connection:
    def __init__(self, server: ScriptedServer, stream: MemoryStream, left: int | None) -> None:
        self.server = server
        self.stream = stream
        self.left = left
        self.box = Box()
        self.trickling = False

    async def serve(self) -> None:
        buffer = b""
        if not await self.send(b"* OK scripted\r\n"):
            return
        while octets := await self.stream.read():
            buffer += octets
            while b"\r\n" in buffer:
                line, _, buffer = buffer.partition(b"\r\n")
                tag, _, command = line.decode().partition(" ")
                if not await self.send(self.answer(tag, command)):
                    return
                while self.trickling:
                    await self.server.clock.sleep(10)
                    await self.stream.write(b"x")

    async def send(self, octets: bytes) -> bool:
        if octets == CUT or (self.left is not None and len(octets) > self.left):
            await self.stream.write(octets[: self.left] if octets != CUT else b"")
            self.stream.abort()
            return False
        if self.left is not None:
            self.left -= len(octets)
        if octets != SILENT:
            await self.stream.write(octets)
        return True

    def answer(self, tag: str, command: str) -> bytes:
        self.server.commands.append(command)
        for answers in self.server.answers:
            given = answers(command)
            if given is not None:
                self.trickling = self.server.trickles
                return given.replace(b"%TAG%", tag.encode())
        name = command.removeprefix("UID ").partition(" ")[0].lower()
        body: bytes = getattr(self, f"_{name}", lambda _command: b"")(command)
        return body + f"{tag} OK {name} completed\r\n".encode()

    def _capability(self, _command: str) -> bytes:
        return (
            f"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 {self.server.capabilities}\r\n".encode()
        )

    def _namespace(self, _command: str) -> bytes:
        return f"* NAMESPACE {self.server.namespace}\r\n".encode()

    def _list(self, _command: str) -> bytes:
        return "".join(
            f'* LIST ({box.attributes}) "{self.server.delimiter}" "{name}"\r\n'
            for name, box in self.server.boxes.items()
        ).encode()

    def _lsub(self, _command: str) -> bytes:
        return "".join(
            f'* LSUB () "{self.server.delimiter}" "{name}"\r\n' for name in self.server.subscribed
        ).encode()

    def _status(self, command: str) -> bytes:
        name = command.split('"')[1]
        return f'* STATUS "{name}" (MESSAGES {len(self.server.boxes[name].messages)})\r\n'.encode()

    def _examine(self, command: str) -> bytes:
        self.box = self.server.boxes[command.split('"')[1]]
        said = f"* {len(self.box.messages)} EXISTS\r\n* OK [UIDVALIDITY {self.box.uid_validity}] x\r\n"
        if "CONDSTORE" in command:
            said += f"* OK [HIGHESTMODSEQ {self.box.highest_modseq}] x\r\n"
        return said.encode()

    def _search(self, command: str) -> bytes:
        first, last = map(int, command.rpartition(" ")[2].split(":"))
        uids = [one.uid for one in self.box.messages[first - 1 : last]]
        if "RETURN" in command:
            return f'* ESEARCH (TAG "x") UID ALL {NumberSet.of(uids).text()}\r\n'.encode()
        return f"* SEARCH {' '.join(map(str, uids))}\r\n".encode()

    def _fetch(self, command: str) -> bytes:
        _, _, wanted, items = command.split(" ", 3)
        runs = [tuple(map(int, run.split(":"))) for run in wanted.split(",")]
        uids = NumberSet.of_ranges((run[0], run[-1]) for run in runs)
        since = re.search(r"CHANGEDSINCE (\d+)", items)
        return b"".join(
            self._fetched(number, one, items)
            for number, one in enumerate(self.box.messages, 1)
            if one.uid in uids and (since is None or one.modseq > int(since[1]))
        )

    @staticmethod
    def _fetched(number: int, one: Stored, items: str) -> bytes:
        said = [f"UID {one.uid}".encode()]
        if "FLAGS" in items:
            said.append(f"FLAGS ({one.flags})".encode())
        if "RFC822.SIZE" in items:
            said.append(f"RFC822.SIZE {len(one.octets)}".encode())
        if "INTERNALDATE" in items:
            said.append(b'INTERNALDATE "17-Jul-1996 02:43:25 +0000"')
        if "X-GM-MSGID" in items and one.extra:
            said.append(one.extra.encode())
        if "HEADER.FIELDS" in items:
            header = one.octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            said.append(b"BODY[HEADER.FIELDS (MESSAGE-ID DATE)] {%d}\r\n%b" % (len(header), header))
        if "BODY.PEEK[]" in items:
            said.append(b"BODY[] {%d}\r\n%b" % (len(one.octets), one.octets))
        return b"* %d FETCH (%b)\r\n" % (number, b" ".join(said))
