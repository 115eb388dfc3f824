"""Writes an mbox file for each mailbox: `INBOX.mbox`, `Work/2026.mbox` (RFC 4155, with the quoting of mboxrd).

`pillarbox.admin.importing.marker` has the fields at the top of each message, with flags and date.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pillarbox.admin.exporting.folder import ExportFolder
from pillarbox.admin.exporting.pages import ExportedMessage
from pillarbox.admin.importing import marker
from pillarbox.mail.date import DAYS, MONTHS
from pillarbox.mail.mailbox_name import SEPARATOR
from pillarbox.store.mailbox import Mailbox

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS: Final = -30_610_224_000_000
_LAST_MS: Final = 253_402_300_799_000
"""The years 1000 and 9999."""
_FILE_NAMES: Final = {".": "_", "..": "__", "cur": "cur_", "new": "new_", "tmp": "tmp_"}
"""For levels that can't be the name of a file, or would look like a Maildir."""
_QUOTE: Final = re.compile(rb"^(>*From )", re.MULTILINE)


class MboxWriter:
    """Writes below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = ExportFolder(folder)
        self._folders: dict[tuple[str, ...], Path] = {(): folder}

    def write(self, mailbox: Mailbox, messages: Iterator[ExportedMessage]) -> None:
        """See `Writer.write`."""
        *above, leaf = (_FILE_NAMES.get(level, level) for level in mailbox.name.split(SEPARATOR))
        path = self._folder.free(self._parent(tuple(above)), leaf, ".mbox")
        with self._folder.create(path) as file:
            for message in messages:
                file.write(entry_octets(message.octets, message.flags, message.received_at_ms))
            file.flush()
            os.fsync(file.fileno())
        self._folder.record(mailbox, path)

    def finish(self, subscriptions: list[str]) -> None:
        """See `Writer.finish`."""
        self._folder.finish(subscriptions)

    def _parent(self, levels: tuple[str, ...]) -> Path:
        if levels not in self._folders:
            self._folders[levels] = self._folder.free(self._parent(levels[:-1]), levels[-1])
        return self._folders[levels]


def entry_octets(octets: bytes, flags: str, received_at_ms: int) -> bytes:
    """The entry of a message: separator, fields, quoted text, and the empty line that ends it."""
    text = _QUOTE.sub(rb">\1", marker.written(octets, flags, received_at_ms))
    return _separator(received_at_ms) + text + (b"\n" if text.endswith(b"\n") else b"\n\n")


def _separator(at_ms: int) -> bytes:
    # RFC 4155 Appendix A: the date is UTC. The sender is in the header. A year has four digits.
    at = _EPOCH + timedelta(milliseconds=min(max(at_ms, _FIRST_MS), _LAST_MS))
    day, month = DAYS[at.weekday()], MONTHS[at.month - 1]
    return f"From MAILER-DAEMON {day} {month} {at.day:2} {at:%H:%M:%S} {at.year:04}\n".encode()
