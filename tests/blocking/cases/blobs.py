"""Blobs of JMAP: floods of uploads, ranges without number, and blobs made of blobs."""

import base64
import json
import re
from contextlib import ExitStack
from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import last_line

MEBIBYTE: Final = 1024 * 1024
LARGE: Final = 40 * MEBIBYTE
AT_ONCE: Final = 12
SMALL: Final = 2_000
SEEKS: Final = 12
_STATUS: Final = rb"^HTTP/1.1 \d[^\r\n]*\r\n"
_END: Final = rb"\A\Z."
_USING: Final = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:blob"]


def _head(target: Target, line: str, octets: int = 0, *fields: str) -> bytes:
    login = base64.b64encode(f"{target.victim.login}:{target.victim.password}".encode()).decode()
    lines = (
        f"{line} HTTP/1.1",
        "Host: a",
        f"Authorization: Basic {login}",
        f"Content-Length: {octets}",
        *fields,
    )
    return "".join(f"{one}\r\n" for one in (*lines, "")).encode()


def _account(target: Target) -> str:
    with target.wire("http") as wire:
        got = wire.exchange(_head(target, "GET /jmap/session"), rb'"(A\d+)":\{')
    found = re.search(rb'"(A\d+)":\{', got)
    assert found, got
    return found[1].decode()


def _statuses(octets: bytes) -> list[str]:
    return [last_line(line.strip()) for line in re.findall(_STATUS, octets, re.MULTILINE)]


def _uploading(target: Target, octets: bytes, account: str) -> bytes:
    return _head(target, f"POST /jmap/upload/{account}/", len(octets), "Content-Type: a/b") + octets


def _upload(target: Target, octets: bytes, account: str) -> str:
    with target.wire("http") as wire:
        got = wire.exchange(_uploading(target, octets, account), rb'"blobId":"(\w+)"')
    found = re.search(rb'"blobId":"(\w+)"', got)
    assert found, got
    return found[1].decode()


def _call(target: Target, account: str, method: str, arguments: dict[str, Any]) -> str:
    call = [method, {"accountId": account, **arguments}, "0"]
    body = json.dumps({"using": _USING, "methodCalls": [call] * 4}).encode()
    head = _head(target, "POST /jmap/api/", len(body), "Content-Type: application/json")
    with target.wire("http") as wire:
        got = wire.exchange(head + body, rb'"sessionState"|"limit":')
    kinds = re.findall(rb'"type":"(\w+)"', got[-2000:])
    return ", ".join(dict.fromkeys(kind.decode() for kind in kinds)) or "answered"


def floods(target: Target) -> str:
    """Large uploads in many connections at once, most of them too many; and as many small ones as can be."""
    account = _account(target)
    octets = bytes(range(256)) * (LARGE // 256)
    answers = []
    with ExitStack() as stack:
        wires = [stack.enter_context(target.wire("http")) for _ in range(AT_ONCE)]
        for number, wire in enumerate(wires):
            wire.send(_uploading(target, octets[number:], account)[:MEBIBYTE])
        for number, wire in enumerate(wires):
            rest = _uploading(target, octets[number:], account)[MEBIBYTE:]
            answers += _statuses(wire.exchange(rest, _STATUS))
    with target.wire("http") as wire:
        flood = b"".join(_uploading(target, b"%d" % number, account) for number in range(SMALL))
        got = wire.exchange(flood + _head(target, "GET /", 0, "Connection: close"), _END)
        answers += _statuses(got)
    return target.all_of(answers)


def seeks(target: Target) -> str:
    """10,000 ranges of a blob, ranges far beyond it, and single octets of a part that has to be decoded each time."""
    account = _account(target)
    encoded = base64.encodebytes(bytes(range(256)) * (20 * MEBIBYTE // 256)).replace(b"\n", b"\r\n")
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    blob = _upload(target, message + encoded + b"--b--\r\n", account)
    answers = []
    for path, asked in (
        (blob, "bytes=" + "0-0," * 7_000 + "0-0"),
        (blob, "bytes=0-0,1-1,2-2,3-3,-1"),
        (blob, "bytes=1000000000-1000000001"),
        *[(f"{blob}-1", f"bytes={number}-{number}") for number in range(SEEKS)],
    ):
        with target.wire("http") as wire:
            line = f"GET /jmap/download/{account}/{path}/x"
            answers += _statuses(wire.exchange(_head(target, line, 0, f"Range: {asked}"), _STATUS))[:1]
    return target.all_of(answers)


def made_of_others(target: Target) -> str:
    """Blobs made of 64 pieces of large ones, and of themselves; digests and texts of all of it."""
    account = _account(target)
    blob = _upload(target, bytes(LARGE), account)
    piece = {"blobId": blob, "length": LARGE // 64}
    creations = {f"c{number}": {"data": [piece] * 64, "type": "a/b"} for number in range(20)}
    doubled = {f"d{number}": {"data": [{"blobId": f"#d{number - 1}"}] * 64} for number in range(1, 40)}
    first = {"d0": {"data": [{"data:asText": "x" * 1000}]}}
    return target.all_of(
        [
            _call(target, account, "Blob/upload", {"create": creations}),
            _call(target, account, "Blob/upload", {"create": {**doubled, **first}}),
            _call(target, account, "Blob/upload", {"create": {"a": {"data": [piece] * 1_000}}}),
            _call(target, account, "Blob/get", {"ids": [blob], "properties": ["digest:sha"]}),
            _call(target, account, "Blob/get", {"ids": [blob], "length": 4_000_000}),
            _call(target, account, "Blob/get", {"ids": [blob]}),
        ]
    )


CASES: Final = (
    Case(
        f"{AT_ONCE} uploads of 40 MB at once, {SMALL:,} small ones, pipelined",
        "4 at once; 1,000 and 500 MB of an account",
        floods,
        settle_s=2.0,
    ),
    Case(
        "7,000 ranges of a download; ranges of a part of 20 MB, in base64",
        "5 ranges; decoded in a thread",
        seeks,
    ),
    Case(
        "JMAP blobs made of 64 pieces of others, 20 and 40 at once; their digests",
        "100 MB a call",
        made_of_others,
    ),
)
