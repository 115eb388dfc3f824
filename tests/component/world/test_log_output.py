"""Log files: bounded, private, opened anew, shared by processes, and never in the way."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from pillarbox.world.log_output import TOGETHER_OCTETS, FileOutput, GatheredOutput, older

LINE = "x" * 99 + "\n"
SMALL = 1_000
"""Octets of a file that is soon full."""


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    FileOutput(tmp_path / "log", SMALL).close()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_it_goes_on_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    output = FileOutput(tmp_path / "log", SMALL)
    output.line("after\n")
    output.close()
    assert lines(tmp_path / "log") == ["before", "after"]


def test_there_are_two_files_at_most_and_both_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, SMALL)
    for _ in range(500):
        output.line(LINE)
    output.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1"]
    assert path.stat().st_size <= 2 * SMALL
    assert SMALL < older(path).stat().st_size <= 2 * SMALL


def test_processes_that_share_it_lose_nothing_when_one_finds_it_full(tmp_path: Path) -> None:
    path = tmp_path / "log"
    first, second = FileOutput(path, SMALL), FileOutput(path, SMALL)
    for number in range(15):
        first.line(f"first {number} {LINE}")
    second.line("second, into the old one\n")
    for number in range(9):
        second.line(f"second {number} {LINE}")
    second.line("second, into the new one\n")
    first.line("first, into the new one\n")
    first.close()
    second.close()
    assert "second, into the old one" in lines(older(path))
    assert lines(path)[-2:] == ["second, into the new one", "first, into the new one"]


def test_after_another_program_has_renamed_it_it_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, SMALL)
    output.line("one\n")
    path.rename(tmp_path / "rotated")
    output.line("two\n")
    output.reopen()
    output.line("three\n")
    output.close()
    assert lines(tmp_path / "rotated") == ["one", "two"]
    assert lines(path) == ["three"]


def test_it_is_found_again_without_being_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, SMALL)
    path.unlink()
    for _ in range(12):
        output.line(LINE)
    output.close()
    assert path.exists()


def test_where_it_cannot_be_opened_anew_it_goes_on_as_before(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    output = FileOutput(folder / "log", SMALL)
    folder.rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError):
        output.reopen()
    output.line("still here\n")
    output.close()
    assert lines(tmp_path / "moved" / "log") == ["still here"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        FileOutput(tmp_path / "log", SMALL)


def test_what_cannot_be_written_is_lost_and_nothing_fails(tmp_path: Path) -> None:
    output = FileOutput(tmp_path / "log", SMALL)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, output._descriptor)
    os.close(full)
    for _ in range(50):
        output.line("\udcff lost\n")
    output.close()


class Writes:
    """An output that keeps what was written together."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def line(self, text: str) -> None:
        self.texts.append(text)

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_lines_of_a_turn_are_written_together_at_its_end() -> None:
    writes = Writes()
    output = GatheredOutput(writes)

    async def scenario() -> None:
        for turn in ("first", "second"):
            output.line(f"{turn} 1\n")
            output.line(f"{turn} 2\n")
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert writes.texts == ["first 1\nfirst 2\n", "second 1\nsecond 2\n"]


def test_without_a_loop_a_line_is_written_at_once() -> None:
    writes = Writes()
    output = GatheredOutput(writes)
    output.line("one\n")
    assert writes.texts == ["one\n"]


def test_an_urgent_line_takes_those_before_it_along() -> None:
    writes = Writes()
    output = GatheredOutput(writes)

    async def scenario() -> None:
        output.line("one\n")
        output.urgent_line("two\n")
        assert writes.texts == ["one\n", "two\n"]
        await asyncio.to_thread(output.line, "three\n")
        assert writes.texts == ["one\n", "two\n", "three\n"]

    asyncio.run(scenario())


@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
def test_no_more_is_written_together_than_a_pipe_takes_as_a_whole(letter: str) -> None:
    writes = Writes()
    output = GatheredOutput(writes)

    async def scenario() -> None:
        for _ in range(200):
            output.line(letter * 99 + "\n")

    asyncio.run(scenario())
    assert sum(len(text) for text in writes.texts) == 200 * 100
    assert all(len(text.encode()) <= TOGETHER_OCTETS for text in writes.texts)


def test_what_a_loop_that_has_ended_left_is_written_with_the_next_line() -> None:
    writes = Writes()
    output = GatheredOutput(writes)
    loop = asyncio.new_event_loop()

    async def scenario(text: str) -> None:
        output.line(text)

    loop.run_until_complete(scenario("one\n"))
    loop.close()
    asyncio.run(scenario("two\n"))
    assert "".join(writes.texts) == "one\ntwo\n"
    output.line("three\n")
    assert "".join(writes.texts) == "one\ntwo\nthree\n"


def test_when_it_is_closed_all_lines_are_written(tmp_path: Path) -> None:
    output = GatheredOutput(FileOutput(tmp_path / "log", SMALL))

    async def scenario() -> None:
        output.line("one\n")
        output.reopen()
        assert lines(tmp_path / "log") == ["one"]
        output.line("two\n")
        output.close()

    asyncio.run(scenario())
    assert lines(tmp_path / "log") == ["one", "two"]
