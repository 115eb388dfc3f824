"""A page of the database that can't be read is the world's failure in every protocol, and is never taken for ours."""

import asyncio
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from pillarbox.directory.naming import NameRefused
from pillarbox.server.chores.table import CHORES
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, RowRefused
from tests.kit.every_verb import RIGHT, no_rest, play, run_chore, verdict
from tests.kit.provider import open_provider

PAGE_OCTETS = 4096
MESSAGE = (
    b"Subject: number %d\r\nMessage-Id: <%d@two.example>\r\nFrom: <bob@two.example>\r\n\r\nneedle %d\r\n"
    + b"x" * 900
)


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
                    runner.run(run_chore(chore, provider))
            assert all(isinstance(failure, DatabaseDamaged) for failure in reported), reported
            assert len(reported) == len({str(failure) for failure in reported}), "once"
            assert not provider.telemetry.failures
            runner.run(provider.close())
        shutil.rmtree(folder)
