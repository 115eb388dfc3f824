"""A backup with damaged blocks: what the commands say, what they bring back, and how it heals."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.backed_up import ALL, LARGE, LARGE_SUBJECT, SMALL, Installed, flip, install


@pytest.fixture
def there(tmp_path: Path) -> Installed:
    return install(tmp_path)


# --- damage in the backup


def find(there: Installed, text: bytes) -> tuple[Path, int]:
    """The pack that holds these octets, and where."""
    for pack in there.packs():
        at = pack.read_bytes().find(text)
        if at >= 0:
            return pack, at
    raise AssertionError("not in the backup")


def damage_block_of_file(there: Installed) -> None:
    pack, at = find(there, b"%064d" % 3000)
    flip(pack, at)


def damage_block_of_database(there: Installed) -> None:
    """One octet in the middle of a message: it costs the block that holds it."""
    pack, at = find(there, b"body of 2 body of 2 00000002")
    flip(pack, at)


def damage_length(there: Installed) -> None:
    """The head of a block says another length: what follows is found all the same."""
    pack, at = find(there, b"%064d" % 10)
    content = pack.read_bytes()
    start = 0
    while start + 36 + int.from_bytes(content[start + 32 : start + 36], "big") < at:
        start += 36 + int.from_bytes(content[start + 32 : start + 36], "big")
    flip(pack, start + 32)


def lose_pack_with_the_file(there: Installed) -> None:
    pack, _ = find(there, b"%064d" % 3000)
    pack.unlink()


IN_BACKUP: dict[str, tuple[Callable[[Installed], None], str]] = {
    "a block of a file": (damage_block_of_file, LARGE_SUBJECT),
    "a block of the database": (damage_block_of_database, "mail 2"),
    "the head of a block": (damage_length, LARGE_SUBJECT),
}


def separate_packs(there: Installed) -> None:
    """The large message in a pack of its own."""
    path = there.blob_file()
    kept = there.folder / path.name
    path.rename(kept)
    there.answer("backup", str(there.backup), code=1)
    kept.rename(path)
    there.back_up()


@pytest.mark.parametrize("damage", IN_BACKUP)
def test_a_damaged_block_costs_what_is_in_it(there: Installed, damage: str) -> None:
    there.back_up()
    inject, lost = IN_BACKUP[damage]
    inject(there)
    point = there.point_names()[0]
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [one["can_be_restored"] for one in report["points"]] == [True]
    said = there.command.refused("backup", str(there.backup), "--verify")
    assert f"{point}: damaged, can be restored without what is listed" in said
    assert "Delete nothing" in said
    kept = {path: path.read_bytes() for path in [*there.packs(), *there.points()]}
    found = there.restored(code=1)
    assert {path: path.read_bytes() for path in kept} == kept
    assert [one["subject"] for one in found["lost"]] == [lost]
    assert bool(found["rebuilt"]) == (damage == "a block of the database")
    assert there.mail() == [subject for subject in ALL if subject != lost]


@pytest.mark.parametrize("damage", IN_BACKUP)
def test_the_next_backup_writes_damaged_blocks_again(there: Installed, damage: str) -> None:
    there.back_up()
    IN_BACKUP[damage][0](there)
    assert there.back_up()["healed_octets"] or damage == "the head of a block"
    assert "all can be restored" in there.command.text("backup", str(there.backup), "--verify")
    assert there.restored(code=0)["lost"] == []
    assert there.mail() == ALL


def test_a_pack_that_was_cut_is_no_damage_once_all_is_written_again(there: Installed) -> None:
    there.back_up()
    pack = there.packs()[0]
    os.truncate(pack, pack.stat().st_size // 2)
    assert f"{pack} is damaged at octet" in there.command.refused("backup", str(there.backup), "--verify")
    there.back_up()
    assert "all can be restored" in there.command.text("backup", str(there.backup), "--verify")


def test_a_lost_pack_costs_what_is_in_it(there: Installed) -> None:
    separate_packs(there)
    lose_pack_with_the_file(there)
    assert [lost["subject"] for lost in there.restored(code=1)["lost"]] == [LARGE_SUBJECT]
    assert there.mail() == SMALL


def test_verifying_lists_all_damage_not_the_first_alone(there: Installed) -> None:
    there.back_up()
    there.add_mail(91, octets=LARGE + 130_000, subject="second large one")
    there.back_up()
    damage_block_of_file(there)
    pack, at = find(there, b"%064d" % 6500)
    flip(pack, at)
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [[one["subject"] for one in point["lost"]] for point in report["points"]] == [
        [LARGE_SUBJECT],
        [LARGE_SUBJECT, "second large one"],
    ]
    assert len(report["damage"]) == 2
