"""Writes a Maildir with INBOX at its top and the other mailboxes as its folders (Maildir++): `.Work.2026`."""

import os
from collections.abc import Iterator
from pathlib import Path

from pillarbox.admin.exporting.pages import ExportedMessage
from pillarbox.admin.importing.maildir import KEYWORDS_FILE, LETTERS
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR
from pillarbox.store.mailbox import Mailbox

_FLAGS = {flag.lower(): letter for letter, flag in LETTERS.items()}
MAX_KEYWORDS = 26
"""Keywords that a folder can store; Maildir has no letters for more."""


class MaildirWriter:
    """Writes below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, mailbox: Mailbox, messages: Iterator[ExportedMessage]) -> None:
        """See `Writer.write`."""
        folder = self._folder / _folder_name(mailbox.name)
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        if mailbox.name != INBOX:
            (folder / "maildirfolder").touch()
        keywords: dict[str, str] = {}
        for message in messages:
            _write_one(folder, mailbox, message, _letters(message.flags, keywords))
        if keywords:
            lines = (f"{place} {name}\n" for place, name in enumerate(keywords))
            (folder / KEYWORDS_FILE).write_text("".join(lines), encoding="utf-8")


def _write_one(folder: Path, mailbox: Mailbox, message: ExportedMessage, letters: str) -> None:
    octets = message.octets.replace(b"\r\n", b"\n")
    second = message.received_at_ms // 1000
    unique = f"{second}.E{message.email}V{mailbox.uid_validity}U{message.uid}.pillarbox"
    path = folder / "cur" / f"{unique},S={len(octets)}:2,{letters}"
    path.write_bytes(octets)
    os.utime(path, ns=(message.received_at_ms * 1_000_000,) * 2)


def _letters(flags: str, keywords: dict[str, str]) -> str:
    """The letters of a file's name, in ASCII order; a keyword gets the next unused small letter of the folder."""
    found = []
    for flag in flags.split():
        letter = _FLAGS.get(flag.lower()) or keywords.get(flag)
        if letter is None and len(keywords) < MAX_KEYWORDS:
            letter = keywords[flag] = chr(ord("a") + len(keywords))
        found.append(letter or "")
    return "".join(sorted(found))


def _folder_name(name: str) -> str:
    if name == INBOX:
        return ""
    levels = (mailbox_name.encode(level, utf8=False).decode("ascii") for level in name.split(SEPARATOR))
    # The full stop separates levels; within a level it is escaped, as Dovecot's listescape plugin does.
    return "".join("." + level.replace("\\", "\\5c").replace(".", "\\2e") for level in levels)
