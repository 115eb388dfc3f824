"""`pillarbox verify` as a process that answers requests, and zones for the name server that it asks."""

import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pillarbox.dns import Kind, Mx, Record

COMMAND = (sys.executable, "-c", "from pillarbox.app.cli import main; main()", "verify")
BROKEN = "( a zone that cannot be loaded: all of it is SERVFAIL"
_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Verify:
    """The command; it is asked one thing after another."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int | None = None) -> None:
        self._process = process
        self.port = port
        """Of the name server on loopback to ask."""

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to a request; a message is given as octets."""
        if isinstance(request.get("message"), bytes):
            request["message"] = base64.b64encode(request["message"]).decode()
        if self.port is not None:
            request["dns"] = ["127.0.0.1", self.port]
        return self.say(json.dumps(request).encode())

    def say(self, line: bytes) -> dict[str, Any]:
        """The answer to a line."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(line + b"\n")
        asked.flush()
        answer = answers.readline()
        assert answer, "it ended"
        found: dict[str, Any] = json.loads(answer)
        return found


@contextlib.contextmanager
def verify(port: int | None = None) -> Iterator[Verify]:
    """Start it. It says nothing on standard error, and ends with its input."""
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Verify(process, port)
        finally:
            out, said = process.communicate()
        assert (out, said, process.returncode) == (b"", b"", 0), said.decode(errors="replace")


def zone_text(records: Mapping[tuple[str, Kind], Sequence[Record]]) -> str:
    """Lines of a zone file (RFC 1035 §5.1)."""
    lines = [
        f"{escaped(name)}. IN {kind.value} {_data(kind, record)}"
        for (name, kind), found in records.items()
        for record in found
    ]
    return "\n".join(lines)


def escaped(name: str) -> str:
    """A name with whatever characters."""
    return "".join(each if each in _HOST else f"\\{ord(each):03d}" for each in name)


def _data(kind: Kind, record: Record) -> str:
    if isinstance(record, Mx):
        return f"{record.preference} {escaped(record.exchange)}."
    if isinstance(record, bytes):
        return " ".join(map(_string, _cut(record)))
    assert isinstance(record, str)
    return record if kind in (Kind.A, Kind.AAAA) else f"{escaped(record)}."


def _cut(record: bytes) -> Iterable[bytes]:
    return [record[at : at + 255] for at in range(0, max(1, len(record)), 255)]


def _string(octets: bytes) -> str:
    safe = "".join(
        chr(each) if 32 <= each < 127 and each not in b'"\\;' else f"\\{each:03d}" for each in octets
    )
    return f'"{safe}"'
