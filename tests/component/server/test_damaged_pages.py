"""A page of the database that can't be read is the world's failure in every protocol, and is never taken for ours."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from pillarbox.directory.naming import NameRefused
from pillarbox.server.chores.table import CHORES, Chore
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, RowRefused
from tests.kit.provider import PASSWORD, Provider, open_provider
from tests.kit.server import factories
from tests.transcripts.runner import BareWire

PAGE_OCTETS = 4096
MESSAGE = (
    b"Subject: number %d\r\nMessage-Id: <%d@two.example>\r\nFrom: <bob@two.example>\r\n\r\nneedle %d\r\n"
    + b"x" * 900
)

IMAP = [
    b'a LOGIN u0 "%b"' % PASSWORD.encode(),
    b'a LIST "" * RETURN (STATUS (MESSAGES UNSEEN SIZE))',
    b"a STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)",
    b"a SELECT INBOX",
    b"a FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)",
    b"a FETCH 1:* (BODY.PEEK[] BINARY.SIZE[1])",
    b"a UID SEARCH TEXT needle",
    b"a SEARCH SUBJECT number UNSEEN",
    b"a UID STORE 1:* +FLAGS (\\Flagged)",
    b"a COPY 1:5 Archive",
    b"a MOVE 1:3 Archive",
    b"a APPEND INBOX {24+}\r\nSubject: new\r\n\r\nnew\r\n\r\n",
    b"a STORE 4 +FLAGS (\\Deleted)",
    b"a EXPUNGE",
    b"a CREATE Another",
    b"a RENAME Archive Older",
    b"a DELETE Older",
    b"a NOOP",
    b"a CLOSE",
]
POP3 = [
    b"USER u0",
    b"PASS " + PASSWORD.encode(),
    b"STAT",
    b"LIST",
    b"UIDL",
    b"RETR 1",
    b"TOP 2 1",
    b"DELE 1",
    b"QUIT",
]
SMTP = [
    b"EHLO there.example",
    b"MAIL FROM:<bob@two.example>",
    b"RCPT TO:<u0@one.example>",
    b"RCPT TO:<u1@one.example>",
    b"DATA",
    b"Subject: x\r\n\r\nhello\r\n.",
]
RIGHT = {
    "imap": (b"OK", b"NO [UNAVAILABLE]", b"NO [CORRUPTION]", b"NO [NONEXISTENT]", b"NO [AUTHENTICATIONFAILED]",
             b"NO [TRYCREATE]", b"BAD", b"* BYE Too many invalid"),
    "pop3": (b"+OK", b"-ERR [SYS/TEMP]", b"-ERR [SYS/PERM]", b"-ERR [AUTH]", b"-ERR "),
    "smtp": (b"2", b"354", b"4", b"503"),
}  # fmt: skip
"""What may be said. Of SMTP above all: no 5xx to a recipient that exists."""


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "data"
    folder.mkdir()

    async def fill() -> None:
        provider = await open_provider(folder)
        for number in range(60):
            await provider.deliver(0, MESSAGE.replace(b"%d", b"%d" % number))
        for chore in CHORES:
            while await chore.run(provider.world, no_rest):
                pass
        await provider.close()

    asyncio.run(fill())
    return folder


def pages(folder: Path) -> dict[str, list[int]]:
    """The pages of each table and index."""
    connection = apsw.Connection(str(folder / "pillarbox.db"))
    found: dict[str, list[int]] = {}
    for name, page in connection.execute("SELECT name, pageno FROM dbstat ORDER BY name, pageno"):
        found.setdefault(str(name), []).append(int(str(page)))
    connection.close()
    return found


Damage = Callable[[bytes], bytes]
"""A page as it is read after damage, of the page as it was."""

DAMAGES: dict[str, Damage] = {
    "zeros": lambda _page: bytes(PAGE_OCTETS),
    "noise": lambda _page: bytes(range(255, -1, -1)) * 16,
    "half of it": lambda page: page[:2048] + b"\xff" * 2048,
    "its texts": lambda page: re.sub(rb"[a-z]", b"\xff", page),
}


def overwrite(folder: Path, pages: list[int], damage: Damage) -> None:
    with (folder / "pillarbox.db").open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE_OCTETS)
            content = file.read(PAGE_OCTETS)
            file.seek((page - 1) * PAGE_OCTETS)
            file.write(damage(content))


def said(wire: BareWire, line: bytes) -> bytes:
    wire.send(line + b"\r\n")
    return wire.receive(0) or b""


def verdict(protocol: str, answer: bytes) -> bytes:
    """The line that says how a command ended."""
    lines = answer.rstrip(b"\r\n").split(b"\r\n")
    if protocol == "imap":
        return lines[-1].removeprefix(b"a ")
    return lines[0]


def play(provider: Provider, run: Callable[[Any], Any]) -> Iterator[tuple[str, bytes, bytes]]:
    """Every command of every protocol; an exception of a session rises."""
    made = factories(provider)
    for protocol, lines in (("imap", IMAP), ("pop3", POP3), ("smtp", SMTP)):
        wire = BareWire(made[protocol], run)
        wire.receive(0)
        for line in lines:
            if wire.connection.gone:
                break
            yield protocol, line, said(wire, line)
        wire.close()


async def no_rest(_seconds: float | None = None) -> None:
    """Go on at once."""


async def _run(chore: Chore, provider: Provider) -> None:
    await chore.run(provider.world, no_rest)


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_page_that_is_damaged_is_the_worlds_failure(pristine: Path, tmp_path: Path, kind: str) -> None:
    for name, of_object in pages(pristine).items():
        folder = tmp_path / name
        shutil.copytree(pristine, folder)
        overwrite(folder, of_object[-1:] if kind == "noise" else of_object, DAMAGES[kind])
        with asyncio.Runner() as runner:
            try:
                provider = runner.run(open_provider(folder))
            except (DatabaseUnavailable, RowRefused, NameRefused):
                continue  # it does not start, and says why
            reported: list[BaseException] = []
            provider.world.database.on_failure = lambda _what, failure, to=reported: to.append(failure)  # type: ignore[misc] # bound early on purpose
            for protocol, line, answer in play(provider, runner.run):
                right = verdict(protocol, answer).startswith(RIGHT[protocol])
                assert right, (name, line, answer[-200:])
            for chore in CHORES:
                with suppress(DatabaseUnavailable):
                    runner.run(_run(chore, provider))
            assert all(isinstance(failure, DatabaseDamaged) for failure in reported), reported
            assert len(reported) == len({str(failure) for failure in reported}), "once"
            assert not provider.telemetry.failures
            runner.run(provider.close())
        shutil.rmtree(folder)
