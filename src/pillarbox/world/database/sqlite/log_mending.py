"""What of a damaged write-ahead log can be restored, and writing a sound log of it.

Each checksum continues the one before, so one wrong octet ends the log for SQLite, although all frames behind it
are whole. Each can be examined with the checksum stored in the frame before it. One that fails is done without where
that loses nothing:

- Only its salts or its checksum are damaged: its page passes, or the next frame does.
- Its page has been copied into the database's file before: the page there passes in its place.
- A later frame has the same page: what was there between the two is of no use to anyone.
- It is a page of the inside of a large row, as of the octets of a message: it is taken as it is. One message is
  damaged then, which its digest tells, instead of all that came after it being lost.

The log is restored up to the last commit before which all is whole in this sense. Except for what was taken as it
is, that state is exactly what was committed. A wrong octet is never guessed from the checksum, which is too weak for
that: a guess may fit by chance.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pillarbox.world.database.sqlite.log_format import (
    FRAME_HEADER_OCTETS,
    Frame,
    Sums,
    checksum,
    first_octets_for,
)
from pillarbox.world.database.sqlite.log_reading import Log

MAX_PAGES_FROM_DATABASE = 256
"""Frames whose page is taken from the database's file and held in memory; the log is cut at the next one."""
_NEVER = sys.maxsize


class Restoration:
    """The frames of a log that can be restored."""

    def __init__(self, log: Log, database: Path, recovered: int, flushed: int) -> None:
        """`recovered`, `flushed`: up to which frame SQLite reads the log, and was certainly flushed. Raises OSError."""
        self._log = log
        self._recovered = recovered
        self._max_pages = database.stat().st_size // log.header.page_octets + log.frames
        self._from_database: dict[int, bytes] = {}
        self._as_they_are: set[int] = set()
        bad, last = self._examined(flushed)
        for number, before in bad.items():
            if len(self._from_database) < MAX_PAGES_FROM_DATABASE:
                self._try_page_of(database, number, before)
        self._replaced = self._replacements(bad, last)
        self.frames = self._last_whole_commit(last)
        """Frames of the restored log; `recovered` where there is nothing more."""

    def _examined(self, flushed: int) -> tuple[dict[int, Sums], int]:
        """Frames that fail, with the checksum before each; and the last frame that belongs to this log."""
        bad: dict[int, Sums] = {}
        number = self._recovered
        before = self._log.sums_before(number + 1)
        for number in range(self._recovered + 1, self._log.frames + 1):
            octets = self._log.octets(number)
            stored = Frame.read(octets)
            found = [self._log.sums(sums, octets) for sums in before]
            passes = stored.sums in found
            if number > flushed and not (passes and stored.salts == self._log.header.salts):
                return bad, number - 1
            if not passes:
                bad[number] = before[0]
                before = [stored.sums, found[0]]
                continue
            if stored.sums != found[0]:  # of the frame before, only the checksum was damaged
                bad.pop(number - 1, None)
            before = [stored.sums]
        return bad, number

    def _try_page_of(self, database: Path, number: int, before: Sums) -> None:
        frame, page_octets = self._log.frame(number), self._log.header.page_octets
        with database.open("rb") as file:
            file.seek(max(0, frame.page - 1) * page_octets)
            found = frame.octets() + file.read(page_octets)
        if len(found) == self._log.header.frame_octets and self._log.sums(before, found) == frame.sums:
            self._from_database[number] = found

    def _replacements(self, bad: dict[int, Sums], last: int) -> dict[int, int]:
        """For frames that fail, the next one with the same page."""
        next_with: dict[int, int] = {}
        replaced: dict[int, int] = {}
        for number in range(last, self._recovered, -1):
            frame = self._log.frame(number)
            if number not in bad or number in self._from_database:
                next_with[frame.page] = number
            elif not self._names_its_page(number, frame, bad[number]):
                replaced[number] = _NEVER
            elif frame.page in next_with:
                replaced[number] = next_with[frame.page]
            elif self._is_inside_a_large_row(number):
                self._as_they_are.add(number)
            else:
                replaced[number] = _NEVER
        return replaced

    def _names_its_page(self, number: int, frame: Frame, before: Sums) -> bool:
        """Whether the page is damaged and not its number, with which the frame would pass."""
        if frame.salts != self._log.header.salts:
            return False
        page = self._log.octets(number)[FRAME_HEADER_OCTETS:]
        fitting = first_octets_for(before, page, frame.sums, big=self._log.header.big)
        number, commit = int.from_bytes(fitting[:4]), int.from_bytes(fitting[4:])
        return not 0 < number <= self._max_pages or commit > self._max_pages

    def _is_inside_a_large_row(self, number: int) -> bool:
        """Whether it is an overflow page: a page number, then content (sqlite.org/fileformat2.html, section 1.6).

        A page of the free list begins alike, and goes on with small numbers; tables and indexes begin with another
        octet. Content with which it can't be told from these is not taken.
        """
        page = self._log.octets(number)[FRAME_HEADER_OCTETS:]
        following, *content = (int.from_bytes(page[place : place + 4]) for place in range(0, 16, 4))
        return following <= self._max_pages < 1 << 24 and min(content) > self._max_pages

    @property
    def damaged_pages(self) -> int:
        """Pages with wrong octets that were taken as they are."""
        return sum(number <= self.frames for number in self._as_they_are)

    def _last_whole_commit(self, last: int) -> int:
        found, needed = self._recovered, 0
        for number in range(self._recovered + 1, last + 1):
            needed = max(needed, self._replaced.get(number, 0))
            if needed == _NEVER:
                break
            if number not in self._replaced and number >= needed and self._log.frame(number).commit:
                found = number
        return found

    def write(self, file: BinaryIO) -> None:
        """Write the restored log. Raises OSError.

        What is restored is one transaction: its frames are all there, or none is.
        """
        header = self._log.header
        file.write(header.octets())
        sums = header.sums
        for octets in self._contents():
            frame = Frame.read(octets)
            page = octets[FRAME_HEADER_OCTETS:]
            sums = checksum(sums, octets[:8] + page, big=header.big)
            file.write(Frame(frame.page, frame.commit, header.salts, sums).octets() + page)
        file.flush()
        os.fsync(file.fileno())

    def _contents(self) -> Iterator[bytes]:
        """The frames, of which salts and checksums are not used."""
        for number in range(1, self.frames + 1):
            source = self._replaced.get(number, number)
            octets = self._from_database.get(source) or self._log.octets(source)
            if self._recovered < number < self.frames:
                octets = octets[:4] + bytes(4) + octets[8:]  # no commit
            yield octets
