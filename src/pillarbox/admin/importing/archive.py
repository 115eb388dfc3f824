"""A `.zip`, `.tar` or `.tar.gz` as a source: what is in it is read as from a folder, and not unpacked to the disk.

Members are read in the order of the archive, each once, after a first pass over their names. The name of a member is
only ever a name: nothing is written where it says. A zip's directory is looked at for its size before it is read;
what is packed many times smaller than mail can be is passed over, and so is an archive within an archive.
"""

import math
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Final, NamedTuple, cast

from pillarbox.admin.importing import layout, maildir, mbox
from pillarbox.admin.importing.archive_layout import Layout, Place
from pillarbox.admin.importing.forward import Forward, Peeked
from pillarbox.admin.importing.message_files import NO_MAIL, is_reported, message_in, too_large
from pillarbox.admin.importing.names import readable
from pillarbox.admin.importing.reading import (
    MAX_RATIO,
    UNREADABLE,
    Chunks,
    Kind,
    kind_of,
    opened,
    plain_file,
    why,
)
from pillarbox.admin.importing.recognition import Recognition
from pillarbox.admin.importing.source import (
    Checkpoint,
    Found,
    SkippedMessage,
    SourceChanged,
    SourceMessage,
)
from pillarbox.admin.importing.zip_directory import require_small_directory
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS

MIN_BUDGET_OCTETS: Final = 1 << 30
"""What the members of an archive may have together, however small it is; else `MAX_RATIO` times its size."""


_UNREADABLE: Final = (*UNREADABLE, ValueError, ArithmeticError, LookupError, struct.error)
"""What the modules for archives raise of what others wrote."""


class _Member(NamedTuple):
    name: str
    size: int
    """Octets as the archive says."""
    open: Callable[[], BufferedReader]
    packed_octets: Callable[[], int]
    """Octets of the archive that were read for it."""
    before: int = 0
    """Octets of the archive that other members have taken."""
    modified_at_ms: int | None = None

    @property
    def end(self) -> int:
        """Octets of the archive read so far."""
        return self.before + self.packed_octets()


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run knows of the archive."""

    places: Layout
    recognition: Recognition
    checkpoint_of: Callable[[str], Checkpoint | None]
    changed: set[str] = field(default_factory=set)
    """Items of mbox members that are others now: they are read again, from the start."""


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """One archive."""

    path: Path
    mailbox: str
    below: str | None = None
    """The mailbox below which all are; `None`: at the top."""
    max_message_octets: int = MAX_MESSAGE_OCTETS

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return f"archive:{readable(str(self.path.absolute()))} into {self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return self.path.stat().st_size

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """See `Source.read`."""
        run = _Run(Layout(self.mailbox, self.below), Recognition(checkpoint_of), checkpoint_of)
        try:
            with self._members() as members:
                for member in members:
                    run.places.note(member.name, member.open)
        except _UNREADABLE as failure:
            yield SkippedMessage(str(self.path), why(failure), None, 0)
            return
        yield from self._read_all(run, only=None)
        if run.changed:
            yield from self._read_all(run, only=run.changed)

    def _read_all(self, run: _Run, only: set[str] | None) -> Iterator[Found]:
        """All members, or those that were changed."""
        budget = max(MIN_BUDGET_OCTETS, MAX_RATIO * self.octets)
        done = 0
        try:
            with self._members() as members:
                for member in members:
                    budget -= member.size
                    if budget < 0:
                        reason = f"its members are more than {MAX_RATIO} times as large as it is"
                        yield SkippedMessage(str(self.path), reason, None, done)
                        return
                    done = member.end
                    place = run.places.place(member.name)
                    if place is not None and (only is None or readable(member.name) in only):
                        yield from self._read(member, place, run, anew=only is not None)
        except _UNREADABLE as failure:
            yield SkippedMessage(str(self.path), why(failure), None, done)

    def _read(self, member: _Member, place: Place, run: _Run, *, anew: bool) -> Iterator[Found]:
        where, item = f"{self.path}: {member.name}", readable(member.name)
        try:
            with member.open() as file:
                peeked = Peeked(file)
                kind = Kind.MESSAGE if place.maildir else kind_of(peeked.head, member.name.lower())
                if kind is Kind.MBOX:
                    latest = mbox.anew(item) if anew else run.checkpoint_of(item)
                    yield from self._read_mbox(member, peeked, place, latest, run.recognition)
                elif kind is Kind.EMPTY:
                    return
                elif kind in (Kind.MESSAGE, Kind.EMLX):
                    yield from self._message(member, peeked, place, run)
                elif not layout.is_companion(member.name):
                    reason = "an archive in an archive" if kind in (Kind.ZIP, Kind.TAR) else NO_MAIL
                    yield SkippedMessage(where, reason, None, member.end)
        except SourceChanged as changed:
            if changed.each_recorded:
                run.changed.add(item)
            else:
                yield SkippedMessage(where, str(changed), None, member.end)
        except _UNREADABLE as failure:
            yield SkippedMessage(where, why(failure), None, member.end)

    def _read_mbox(
        self,
        member: _Member,
        file: Peeked,
        place: Place,
        latest: Checkpoint | None,
        recognition: Recognition,
    ) -> Iterator[Found]:
        where = f"{self.path}: {member.name}"
        reader = mbox.MboxReader(
            where,
            readable(member.name),
            labels_below=self.below,
            max_message_octets=self.max_message_octets,
        )
        chunks = Chunks(file, member.packed_octets, latest.position if latest else 0)
        for message in reader.read(chunks, latest, recognition, lambda _: member.end):
            if isinstance(message, SourceMessage) and not message.mailboxes:
                yield replace(message, mailboxes=(place.mailbox,))
            else:
                yield message

    def _message(self, member: _Member, file: Peeked, place: Place, run: _Run) -> Iterator[Found]:
        where, item, end = f"{self.path}: {member.name}", readable(member.name), member.end
        most = self.max_message_octets
        octets = file.read(most + 1) if member.size <= most else None
        if octets and place.maildir:
            octets = maildir.unpacked(member.name, octets, most)
        if octets is None or len(octets) > most:
            if not is_reported(run.checkpoint_of(item), member.size):
                size = member.size if octets is None else len(octets)
                yield too_large(where, f"{size} octets are over the limit of {most}", item, member.size, end)
            return
        if not octets:
            yield SkippedMessage(where, "it is empty", None, end)
            return
        if place.maildir:
            found = maildir.message_in(
                member.name, octets, place.letters, place.keywords, member.modified_at_ms
            )
            if found is None:
                return  # deleted
        elif (found := message_in(octets, member.name)) is None:
            yield SkippedMessage(where, NO_MAIL, None, end)
            return
        message = SourceMessage(*found, Checkpoint(item), end, (place.folder,))
        yield run.recognition.judge(message, item, place.folder)

    @contextmanager
    def _members(self) -> Iterator[Iterator[_Member]]:
        """The files in the archive, in its order."""
        with plain_file(self.path) as raw:
            is_zip = kind_of(raw.read(4)) is Kind.ZIP
        if is_zip:
            with plain_file(self.path) as raw:
                require_small_directory(raw)
                with zipfile.ZipFile(raw) as archive:
                    yield _zip_members(archive)
        else:
            with opened(self.path) as (file, packed_octets):
                forward = cast("BufferedReader", Forward(file))
                with tarfile.open(fileobj=forward, mode="r:", errorlevel=2) as tar:
                    yield _tar_members(tar, packed_octets)


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    before = 0
    for member in archive.infolist():
        if not member.is_dir():
            opening = cast("Callable[[], BufferedReader]", partial(archive.open, member))
            packed = partial(int, member.compress_size)
            yield _Member(member.filename, member.file_size, opening, packed, before)
            before += member.compress_size


def _tar_members(tar: tarfile.TarFile, packed_octets: Callable[[], int]) -> Iterator[_Member]:
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # it would keep all, which the stubs do not know
        if member.isreg():
            opening = cast("Callable[[], BufferedReader]", partial(tar.extractfile, member))
            at_ms = int(member.mtime * 1000) if math.isfinite(member.mtime) else None
            yield _Member(member.name, member.size, opening, packed_octets, modified_at_ms=at_ms)
