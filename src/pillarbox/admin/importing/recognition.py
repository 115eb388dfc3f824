"""Messages of a source that are recognized by their octets, wherever they stand in it now.

Programs give a new message the number or the name of an old one, number messages anew, and compact an mbox. So each
message is recorded by a hash of its octets; of several with the same octets, the second has its number besides. A
folder or an mbox that was changed brings what it has more of than was imported, and nothing twice.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from pillarbox.admin.importing.fields import without_rewritten
from pillarbox.admin.importing.source import AlreadyImported, Checkpoint, SourceMessage

_DIGEST_OCTETS: Final = 16
_BY_NAME: Final = b""
"""The fingerprint where a message was recorded by the name of its file, which may since be another message's."""
_SUPERSEDED: Final = b"by its octets"
"""Its fingerprint once the message is recorded by its octets as well: the name says nothing any more."""


def digest(octets: bytes) -> bytes:
    """A hash of what of a message stays the same."""
    return blake2b(without_rewritten(octets), digest_size=_DIGEST_OCTETS).digest()


class Recognition:
    """The messages of one run through a source."""

    def __init__(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> None:
        self._checkpoint_of = checkpoint_of
        self._seen: dict[str, int] = {}
        """By the first part of their item: how many there were in this run."""

    def next(self, octets: bytes, within: str = "") -> tuple[Checkpoint, bool]:
        """The checkpoint of the next message that has these octets, and whether it was imported by an earlier run.

        `within`: the part of the source that it is in; each part is on its own.
        """
        item = f"{within}\n{digest(octets).hex()}"
        number = self._seen[item] = self._seen.get(item, 0) + 1
        item += f"\n{number}" if number > 1 else ""
        return Checkpoint(item), self._checkpoint_of(item) is not None

    def new(self, octets: bytes, within: str = "") -> Checkpoint:
        """The checkpoint of a message that is known to be new, whatever messages with its octets were imported."""
        checkpoint, known = self.next(octets, within)
        while known:
            checkpoint, known = self.next(octets, within)
        return checkpoint

    def judge(self, message: SourceMessage, name: str, within: str = "") -> SourceMessage | AlreadyImported:
        """The message with its checkpoint, or that it was imported before. `name`: by which it was once recorded."""
        checkpoint, known = self.next(message.octets, within)
        if known:
            return AlreadyImported(1, message.end)
        named = self._checkpoint_of(name)
        if named is not None and named.messages and named.fingerprint == _BY_NAME:
            return AlreadyImported(1, message.end, (checkpoint, replace(named, fingerprint=_SUPERSEDED)))
        return replace(message, checkpoint=checkpoint)
