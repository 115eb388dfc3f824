"""Writes an mbox file for each mailbox: `INBOX.mbox`, `Work/2026.mbox` (RFC 4155, with the quoting of mboxrd).

Flags are written as `Status`, `X-Status` and `X-Keywords` fields at the top of the header.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from pillarbox.admin.exporting.pages import ExportedMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.date import DAYS, MONTHS
from pillarbox.mail.mailbox_name import SEPARATOR
from pillarbox.store.mailbox import Mailbox

_QUOTE: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_X_STATUS: Final = {
    flag_text.ANSWERED: "A",
    flag_text.FLAGGED: "F",
    flag_text.DRAFT: "T",
    flag_text.DELETED: "D",
}


class MboxWriter:
    """Writes below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, mailbox: Mailbox, messages: Iterator[ExportedMessage]) -> None:
        """See `Writer.write`."""
        path = self._folder.joinpath(*_path_levels(mailbox.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(path.name + ".mbox").open("xb") as file:
            for message in messages:
                _write_one(file, message)
            file.flush()
            os.fsync(file.fileno())


def _write_one(file: BinaryIO, message: ExportedMessage) -> None:
    octets = _with_status(message.octets.replace(b"\r\n", b"\n"), message.flags)
    file.write(_separator(message.received_at_ms))
    file.write(_QUOTE.sub(rb">\1", octets))
    file.write(b"\n" if octets.endswith(b"\n") else b"\n\n")


def _separator(at_ms: int) -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    day, month = DAYS[at.weekday()], MONTHS[at.month - 1]
    # RFC 4155 Appendix A: the date is UTC. The sender is in the header.
    return f"From MAILER-DAEMON {day} {month} {at.day:2} {at:%H:%M:%S} {at.year}\n".encode()


def _with_status(octets: bytes, flags: str) -> bytes:
    lines = ""
    if flag_text.SEEN in flags:
        lines += "Status: RO\n"
    if letters := "".join(letter for flag, letter in _X_STATUS.items() if flag in flags):
        lines += f"X-Status: {letters}\n"
    if keywords := flag_text.keywords(flags):
        lines += f"X-Keywords: {' '.join(keywords)}\n"
    if not lines:
        return octets
    # At the top, which needs no parsing; above a continuation line there is no place for them.
    return octets if octets[:1] in (b" ", b"\t") else lines.encode() + octets


def _path_levels(name: str) -> list[str]:
    """The levels of a mailbox's name, each safe as a file name."""
    return [level.replace("\0", "_") if level not in (".", "..") else "_" for level in name.split(SEPARATOR)]
