"""A name server with whatever records a test likes, over UDP and TCP on loopback, in a thread of its own.

    with NameServer() as names:
        names.put("example.org", Kind.TXT, text(b"v=spf1 -all"))

It answers as a recursive one would; a name that it does not have does not exist.
"""

import asyncio
import socket
import struct
import threading
from types import TracebackType
from typing import Final, Self

from pillarbox.dns import Kind, normal_name

TYPES: Final = {
    1: Kind.A,
    5: Kind.CNAME,
    12: Kind.PTR,
    15: Kind.MX,
    16: Kind.TXT,
    28: Kind.AAAA,
    52: Kind.TLSA,
}
"""By number (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 6698 §7.1)."""
TTL_S: Final = 300
MAX_UDP_OCTETS: Final = 1232
"""A longer answer is truncated over UDP."""
TO_OWNER: Final = b"\xc0\x0c"
"""The owner of a record, as a pointer to the question."""

_NUMBERS: Final = {kind: number for number, kind in TYPES.items()}
_HEADER: Final = struct.Struct("!HHHHHH")
_RESPONSE, _TRUNCATED, _NXDOMAIN = 0x8180, 0x8380, 0x8183


class NameServer:
    """Serves from `__enter__` to `__exit__`. Records may be changed meanwhile."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        """Queries that came."""
        self._records: dict[tuple[str, Kind], tuple[int, bytes]] = {}
        """How many there are, and they as octets."""
        self._delays: dict[str, float] = {}
        self._silent: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="name server", daemon=True)
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def put(self, name: str, kind: Kind, *data: bytes) -> None:
        """Replace the records of one kind at a name; each as its data (RFC 1035 §3.2.1)."""
        self.put_octets(name, kind, len(data), b"".join([record(kind, each) for each in data]))

    def put_octets(self, name: str, kind: Kind, count: int, octets: bytes) -> None:
        """What is said to this question: so many records, as octets, right ones or not."""
        self._records[normal_name(name), kind] = count, octets

    def delay(self, domain: str, seconds: float) -> None:
        """Answer questions for names in a domain so late; of several, the longest domain counts."""
        self._delays[domain] = seconds

    def silence(self, domain: str) -> None:
        """Never answer questions for names in a domain."""
        self._silent.add(domain)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _close(self) -> None:
        self._loop.remove_reader(self._udp)
        self._udp.close()
        self._listening.close()
        late = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed lets go of its socket

    async def _open(self) -> None:
        self._listening = await asyncio.start_server(self._tcp, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", self.port))
        self._loop.add_reader(self._udp, self._readable)

    def _readable(self) -> None:
        asked, address = self._udp.recvfrom(4096)
        name, answer = self.answer(asked)
        if len(answer) > MAX_UDP_OCTETS:
            answer = asked[:2] + _HEADER.pack(0, _TRUNCATED, 1, 0, 0, 0)[2:] + _question(asked)
        if not self._is_silent(name):
            self._loop.call_later(self._delay_s(name), self._udp.sendto, answer, address)

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            name, answer = self.answer(asked)
            if not self._is_silent(name):
                await asyncio.sleep(self._delay_s(name))
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # who asked has had enough
        finally:
            writer.close()

    def answer(self, asked: bytes) -> tuple[str, bytes]:
        """The name that a query is about, and the answer."""
        self.asked += 1
        question = _question(asked)
        labels, at = list[str](), 0
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode("latin-1"))
            at += size + 1
        name, kind = normal_name(".".join(labels)), TYPES[int.from_bytes(question[-4:-2])]
        count, records = self._records.get((name, kind), (0, b""))
        exists = count or any(owner == name for owner, _kind in self._records)
        flags = _RESPONSE if exists else _NXDOMAIN
        return name, asked[:2] + _HEADER.pack(0, flags, 1, count, 0, 0)[2:] + question + records

    def _is_silent(self, name: str) -> bool:
        return any(name.endswith(domain) for domain in self._silent)

    def _delay_s(self, name: str) -> float:
        domains = [domain for domain in self._delays if name.endswith(domain)]
        return self._delays[max(domains, key=len)] if domains else 0.0


def record(kind: Kind, data: bytes, owner: bytes = TO_OWNER) -> bytes:
    """A record as octets (RFC 1035 §3.2.1)."""
    return owner + struct.pack("!HHIH", _NUMBERS[kind], 1, TTL_S, len(data)) + data


def text(octets: bytes) -> bytes:
    """The data of a TXT record, in strings of 255 octets."""
    return b"".join(
        [bytes([len(piece)]) + piece for at in range(0, len(octets), 255) if (piece := octets[at : at + 255])]
    )


def address(text_form: str) -> bytes:
    """The data of an A record."""
    return socket.inet_aton(text_form)


def name_octets(name: str) -> bytes:
    """A name as octets, not compressed: the data of PTR and CNAME records."""
    labels = name.encode("latin-1").split(b".") if name else []
    return b"".join([bytes([len(label)]) + label for label in labels]) + b"\0"


def mail_exchanger(preference: int, name: str) -> bytes:
    """The data of an MX record."""
    return preference.to_bytes(2) + name_octets(name)


def _question(asked: bytes) -> bytes:
    """The question of a query, without the EDNS that follows it."""
    end = asked.index(b"\0", _HEADER.size) + 5
    return asked[_HEADER.size : end]
