import asyncio
from pathlib import Path

import pytest

from pillarbox.delivery.pieces import NO_REST, Rest
from pillarbox.delivery.reception.body import MAX_TOP_OCTETS, TOP_OCTETS, IncomingBody, StoredMessage, Waits
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.world.blobs import Blobs, DatabaseBlobs, FileBlobs, prepare
from pillarbox.world.memory import MemoryBudget
from tests.kit.linear import assert_linear

BUDGET = MemoryBudget()
LIMIT = 10 * MAX_TOP_OCTETS


def never(_top: bytes) -> bool:
    return False


def always(_top: bytes) -> bool:
    return True


def body(
    blobs: Blobs, *, binary: bool = False, max_octets: int = LIMIT, waits: Waits = never
) -> IncomingBody:
    return IncomingBody(blobs, BUDGET.strangers, traced, waits=waits, max_octets=max_octets, binary=binary)


async def traced(top: bytes, _rest: Rest | None) -> bytes:
    return b"Trace: x\r\n" + top


def gathered(incoming: IncomingBody, pieces: list[bytes], last: bytes) -> StoredMessage | Refused:
    async def gather() -> StoredMessage | Refused:
        for piece in pieces:
            await incoming.add(piece)
        return await incoming.finish(last)

    return asyncio.run(gather())


@pytest.mark.parametrize("pieces", [[], [b"a\r\n"], [b"a\r\n", b"b\n"], [b"a\r", b"\nb\n"]])
def test_few_octets_stay_in_memory(pieces: list[bytes]) -> None:
    whole = gathered(body(DatabaseBlobs()), pieces, b"end\n")
    assert isinstance(whole, StoredMessage)
    expected = b"Trace: x\r\n" + b"".join(pieces).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"end\r\n"
    assert whole.octets == expected
    assert whole.blob.blob == prepare(expected).blob
    assert whole.blob.location is None


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("octets", "known"),
    [
        (b"a: b\r\n\r\ntext\r\n", True),
        (b"a: b\n\ntext\r\r\nte\rxt\n\r\n", True),
        (b"a: b\r\n\r\ntext", False),
        (b"a: b\r\n\r\ntext\r", False),
        (b"a: b\r\n", False),
    ],
)
def test_lines_that_are_known_to_end_in_crlf_do(octets: bytes, known: bool, large: bool) -> None:
    pieces = [b"e: f\r\n\r\n" + b"line\r\n" * 60_000, b"line\r"] if large else []
    known = octets.endswith(b"\n") if large else known
    whole = gathered(body(DatabaseBlobs()), pieces, b"\n" + octets if large else octets)
    assert isinstance(whole, StoredMessage)
    assert whole.crlf_only is known
    if known:
        assert whole.octets.replace(b"\r", b"").replace(b"\n", b"\r\n") == whole.octets


def test_of_binary_lines_and_of_what_a_check_has_added_nothing_is_known() -> None:
    octets = b"a: b\r\n\r\ntext\r\n"
    binary = gathered(body(DatabaseBlobs(), binary=True), [], octets)
    assert isinstance(binary, StoredMessage)
    assert not binary.crlf_only

    async def added(top: bytes, _rest: Rest | None) -> bytes:
        return b"X-Check: one\n" + top

    incoming = IncomingBody(
        DatabaseBlobs(), BUDGET.strangers, added, waits=never, max_octets=LIMIT, binary=False
    )
    whole = gathered(incoming, [], octets)
    assert isinstance(whole, StoredMessage)
    assert not whole.crlf_only


@pytest.mark.parametrize("binary", [True, False])
def test_many_octets_go_to_a_file(tmp_path: Path, binary: bool) -> None:
    piece = b"x" * 60_000 + b"\n\r\n"
    incoming = body(FileBlobs(tmp_path), binary=binary)
    whole = gathered(incoming, [piece] * 30, b"end")
    assert isinstance(whole, StoredMessage)
    kept = b"Trace: x\r\n" + piece * 30 + b"end"
    if not binary:
        kept = kept.replace(b"\n\r\n", b"\r\n\r\n").replace(b"Trace: x\r\r\n", b"Trace: x\r\n")
    assert whole.octets == kept
    assert whole.blob.location is not None
    assert whole.blob.blob == prepare(kept).blob
    assert incoming.octets == len(piece) * 30 + 3


def test_too_many_octets_leave_nothing_behind(tmp_path: Path) -> None:
    incoming = body(FileBlobs(tmp_path), max_octets=3 * MAX_TOP_OCTETS)
    assert gathered(incoming, [b"x" * 65_536] * 100, b"") == Refused(Reason.MESSAGE_TOO_LARGE)
    assert not list((tmp_path / "incoming").iterdir())


def test_abandoning_leaves_nothing_behind(tmp_path: Path) -> None:
    incoming = body(FileBlobs(tmp_path))

    async def add() -> None:
        for _ in range(30):
            await incoming.add(b"x" * 65_536)

    asyncio.run(add())
    assert list((tmp_path / "incoming").iterdir())
    incoming.abandon()
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize("pieces", [0, 1, 30])
def test_what_the_top_refuses_is_refused(pieces: int) -> None:
    refused = Refused(Reason.TOO_MANY_HOPS)

    async def refuse(_top: bytes, _rest: Rest | None) -> Refused:
        return refused

    incoming = IncomingBody(
        DatabaseBlobs(), BUDGET.strangers, refuse, waits=never, max_octets=LIMIT, binary=False
    )
    assert gathered(incoming, [b"x" * 65_536] * pieces, b"end") is refused
    assert incoming.refused in (None, refused)


def test_the_top_is_seen_once(tmp_path: Path) -> None:
    tops: list[bytes] = []

    async def complete(top: bytes, _rest: Rest | None) -> bytes:
        tops.append(top)
        return top

    incoming = IncomingBody(
        FileBlobs(tmp_path), BUDGET.strangers, complete, waits=never, max_octets=LIMIT, binary=False
    )
    gathered(incoming, [b"x" * 65_536] * 40, b"")
    assert len(tops) == 1
    assert len(tops[0]) >= MAX_TOP_OCTETS


def test_a_header_that_comes_octet_by_octet_costs_its_length() -> None:
    def gather(pieces: int) -> None:
        incoming = body(DatabaseBlobs())
        gathered(incoming, [b"x" * TOP_OCTETS, *[b"x"] * pieces], b"")

    assert_linear(gather, lambda size: size, 40_000)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("files", [False, True])
def test_a_top_that_waits_is_completed_with_the_rest(tmp_path: Path, large: bool, files: bool) -> None:
    pieces = [b"Subject: x\r\n\r\n", *([b"line\r\n" * 20_000] * 30 if large else [])]
    seen: list[bytes] = []

    async def complete(top: bytes, rest: Rest | None) -> bytes:
        assert rest is not None
        assert (rest is NO_REST) is not large
        seen.append(top + rest.octets[rest.start :])
        return b"Trace: x\r\n" + top

    incoming = IncomingBody(
        FileBlobs(tmp_path) if files else DatabaseBlobs(),
        BUDGET.strangers,
        complete,
        waits=always,
        max_octets=LIMIT,
        binary=False,
    )
    whole = gathered(incoming, pieces, b"end\r\n")
    came = b"".join(pieces) + b"end\r\n"
    assert seen == [came]
    assert isinstance(whole, StoredMessage)
    assert whole.octets == b"Trace: x\r\n" + came
    assert whole.blob.blob == prepare(whole.octets).blob
    assert not list((tmp_path / "incoming").glob("*"))


@pytest.mark.parametrize("files", [False, True])
def test_a_large_message_that_is_refused_at_its_end_leaves_nothing_behind(
    tmp_path: Path, files: bool
) -> None:
    refused = Refused(Reason.TOO_MANY_HOPS)

    async def refuse(_top: bytes, _rest: Rest | None) -> Refused:
        return refused

    incoming = IncomingBody(
        FileBlobs(tmp_path) if files else DatabaseBlobs(),
        BUDGET.strangers,
        refuse,
        waits=always,
        max_octets=LIMIT,
        binary=False,
    )
    assert gathered(incoming, [b"a: b\r\n\r\n", *[b"x" * 65_536] * 30], b"end") is refused
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
