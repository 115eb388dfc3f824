"""Which points are kept: the newest, whatever the clock says, and the last that is whole; and what packs keep."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from pillarbox.admin import backup
from pillarbox.admin.backup.keeping import remove_old
from pillarbox.admin.backup.packs import BLOCK_OCTETS, BackupDamaged, Packs
from pillarbox.admin.backup.points import Point, Points
from tests.kit.data_directory import OpenDirectory, fill_directory, put
from tests.kit.people import NOW_MS
from tests.kit.stored_mail import octets

DAY_MS = 86_400_000


def back_up(
    data: OpenDirectory, to: Path, *, keep: int | None = None, after_ms: int = 0
) -> backup.BackupResult:
    return backup.make_backup(
        data.database,
        data.directory,
        to,
        keep=keep,
        now_ms=NOW_MS + after_ms,
        progress=lambda _done, _all: None,
    )


CLOCKS = {
    "forward": (0, 1, 2, 3),
    "back": (0, -1, -2, -3),
    "far forward once, then right": (0, 36_500, 1, 2),
    "before 1970 was over": (0, -19_600, -19_600, 1),
    "standing still": (0,) * 12,
    "to and fro": (0, 5, -5, 5, -5, 0),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_newest_points_are_those_made_last(tmp_path: Path, clock: str) -> None:
    made: list[str] = []
    with fill_directory(tmp_path / "data") as data:
        for day in CLOCKS[clock]:
            result = back_up(data, tmp_path / "backup", keep=2, after_ms=day * DAY_MS)
            made.append(result.point)
            assert result.points == tuple(made[-2:])
            assert len(set(result.points)) == len(result.points)


def test_points_of_older_backups_come_first(tmp_path: Path) -> None:
    """They had no number in their names, and no copy."""
    points = Points(tmp_path)
    for name in ("2026-08-07T000000Z", "2026-08-06T000000Z"):
        points.write(Point(name=name, made_at="", pillarbox="", versions={}, files=()))
    for path in list(tmp_path.iterdir()):
        if path.suffix == ".copy":
            path.unlink()
        else:
            path.rename(tmp_path / path.name[7:])
    points.write(Point(name="2020-01-01T000000Z", made_at="", pillarbox="", versions={}, files=()))
    assert points.names() == ["2026-08-06T000000Z", "2026-08-07T000000Z", "2020-01-01T000000Z"]
    assert all(not points.damaged_files(name) for name in points.names()), "a copy was never written"
    points.mend()
    assert len(list(tmp_path.glob("*.copy"))) == 3
    assert all(not points.damaged_files(name) for name in points.names())


def test_the_last_point_that_is_whole_is_kept(tmp_path: Path) -> None:
    """A message is lost in the data directory: no newer point has it."""
    with fill_directory(tmp_path / "data") as data:
        whole = back_up(data, tmp_path / "backup").point
        data.damage("DELETE FROM blob_octets WHERE id = (SELECT min(id) FROM blob_octets)")
        for number in range(1, 5):
            result = back_up(data, tmp_path / "backup", keep=2, after_ms=number)
            assert result.damaged
            assert whole in result.points
        assert len(result.points) == 3


def test_a_point_whose_blocks_are_damaged_is_not_whole(tmp_path: Path) -> None:
    """The blocks that only the second point needs are damaged, and are gone from the data directory."""
    extra = tmp_path / "data" / "extra"
    with fill_directory(tmp_path / "data") as data:
        extra.write_bytes(os.urandom(1000))
        first = back_up(data, tmp_path / "backup").point
        extra.write_bytes(os.urandom(1000))
        second = back_up(data, tmp_path / "backup", after_ms=1).point
        last = max((tmp_path / "backup" / "packs").iterdir())
        last.write_bytes(last.read_bytes()[:-1])
        with backup.open_backup(tmp_path / "backup", writing=True) as opened:
            remove_old(opened, 1)
            assert opened.points.names() == [first, second]


def test_a_run_that_fails_has_removed_no_point_that_it_may_not(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        made = [back_up(data, tmp_path / "backup", after_ms=number).point for number in range(4)]

        def die(_done: int, _all: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            backup.make_backup(
                data.database, data.directory, tmp_path / "backup", keep=2, now_ms=NOW_MS, progress=die
            )
    with backup.open_backup(tmp_path / "backup") as folder:
        assert folder.points.names() == made[2:]


def test_blocks_of_an_interrupted_run_go_with_the_next(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        with backup.open_backup(tmp_path / "backup", writing=True) as folder:
            folder.packs.put(os.urandom(BLOCK_OCTETS))
            folder.packs.finish()
        assert len(list((tmp_path / "backup" / "packs").iterdir())) == 2
        back_up(data, tmp_path / "backup", after_ms=1)
        assert len(list((tmp_path / "backup" / "packs").iterdir())) == 1


def test_what_an_interrupted_run_has_stored_is_not_stored_again(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        for path in (tmp_path / "backup" / "points").iterdir():
            path.unlink()
        assert back_up(data, tmp_path / "backup").new_octets == 0


# --- packs


def filled(folder: Path, number: int) -> tuple[Path, list[bytes], list[bytes]]:
    """A pack with blocks of many sizes: its path, the blocks, their digests."""
    packs = Packs(folder, writing=True)
    blocks = [bytes([n]) * (BLOCK_OCTETS if n % 3 else 1000 * n + 2001) for n in range(number)]
    digests = [packs.put(block) for block in blocks]
    packs.finish()
    packs.close()
    (path,) = folder.glob("*.pack")
    return path, blocks, digests


@pytest.mark.parametrize("offset", [0, 31, 32, 33, 34, 35, 36, 1000])
@pytest.mark.parametrize("block", [0, 3, 7])
@pytest.mark.parametrize("bits", [1, 128, 255])
def test_damage_anywhere_in_a_pack_costs_one_block(
    tmp_path: Path, offset: int, block: int, bits: int
) -> None:
    path, blocks, digests = filled(tmp_path, 8)
    start = sum(len(earlier) + 36 for earlier in blocks[:block])
    content = bytearray(path.read_bytes())
    at = min(start + offset, len(content) - 1)
    content[at] ^= bits
    path.write_bytes(content)
    with closing(Packs(tmp_path, writing=False)) as packs:
        assert [digest for digest in digests if not packs.is_sound(digest)] == [digests[block]]


@pytest.mark.parametrize("cut", [1, 40, 70_000, 200_000])
def test_a_pack_that_is_cut_keeps_what_comes_before(tmp_path: Path, cut: int) -> None:
    path, blocks, digests = filled(tmp_path, 8)
    left = len(path.read_bytes()) - cut
    path.write_bytes(path.read_bytes()[:left])
    ends = [sum(len(block) + 36 for block in blocks[: number + 1]) for number in range(8)]
    with closing(Packs(tmp_path, writing=False)) as packs:
        assert [packs.is_sound(digest) for digest in digests] == [end <= left for end in ends]


def test_a_pack_with_a_needed_block_that_is_damaged_stays(tmp_path: Path) -> None:
    path, blocks, digests = filled(tmp_path, 8)
    content = bytearray(path.read_bytes())
    content[36] ^= 1
    path.write_bytes(content)
    packs = Packs(tmp_path, writing=True)
    assert packs.keep_only({digests[0]}) == 0
    assert path.read_bytes() == content
    packs.put(blocks[0])
    packs.finish()
    assert packs.healed_octets == len(blocks[0])
    assert packs.keep_only({digests[0]}) > 0
    assert not path.exists()
    assert packs.get(digests[0]) == blocks[0]
    packs.close()


def test_a_pack_whose_head_is_damaged_goes_when_all_is_sound_elsewhere(tmp_path: Path) -> None:
    path, blocks, digests = filled(tmp_path, 4)
    content = bytearray(path.read_bytes())
    content[32] = 255
    path.write_bytes(content)
    packs = Packs(tmp_path, writing=True)
    packs.keep_only(set(digests))
    assert path.exists()
    for block in blocks:
        packs.put(block)
    packs.finish()
    packs.keep_only(set(digests))
    assert not path.exists()
    packs.close()
    again = Packs(tmp_path, writing=False)
    assert [again.get(digest) for digest in digests] == blocks
    assert not again.damaged
    again.close()


def test_what_can_be_had_of_a_damaged_block(tmp_path: Path) -> None:
    path, blocks, digests = filled(tmp_path, 4)
    content = bytearray(path.read_bytes())
    content[36 + 0] ^= 1
    path.write_bytes(content)
    packs = Packs(tmp_path, writing=False)
    with pytest.raises(BackupDamaged, match="is damaged"):
        packs.get(digests[0])
    assert packs.get_damaged(digests[0], len(blocks[0])) == b"\x01" + blocks[0][1:]
    assert packs.get_damaged(digests[0], 17) == bytes(17)
    assert packs.get_damaged(bytes(32), 17) == bytes(17)
    with pytest.raises(BackupDamaged, match="is missing"):
        packs.get(bytes(32))
    packs.close()


def test_a_pack_that_cannot_be_read_costs_its_blocks(tmp_path: Path) -> None:
    path, _, digests = filled(tmp_path, 2)
    path.unlink()
    path.symlink_to(path.name)
    packs = Packs(tmp_path, writing=False)
    assert not packs.is_sound(digests[0])
    assert "can't be read" in packs.damaged[path]


def test_a_large_message_that_is_known_is_read_again_and_not_stored_twice(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        put(data, octets("small"))
        assert back_up(data, tmp_path / "backup", after_ms=1).new_octets < 10 * BLOCK_OCTETS
