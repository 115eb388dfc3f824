"""Writes a Maildir with INBOX at its top and the other mailboxes as its folders (Maildir++): `.Work.2026`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pillarbox.admin.exporting.folder import ExportFolder
from pillarbox.admin.exporting.pages import ExportedMessage
from pillarbox.admin.importing import maildir_keywords
from pillarbox.admin.importing.maildir import HOST, KEPT, LETTERS
from pillarbox.admin.importing.maildir_keywords import MAX_LETTERS
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR
from pillarbox.mail.mbox import with_crlf
from pillarbox.store.mailbox import Mailbox

SUBSCRIPTIONS_FILE: Final = "subscriptions"
"""Dovecot's: the names of subscribed folders, as their folders are named, one a line."""
_FLAGS: Final = {flag.lower(): letter for letter, flag in LETTERS.items()}
_DOVECOT_KEYWORDS: Final = "P"
"""Letters that Dovecot does not read: it has a keyword there."""


class MaildirWriter:
    """Writes below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = ExportFolder(folder)
        self._subscribed: list[str] = []

    def write(self, mailbox: Mailbox, messages: Iterator[ExportedMessage]) -> None:
        """See `Writer.write`."""
        top, name = self._folder.path, _folder_name(mailbox.name)
        folder = self._folder.free(top, name) if name else top
        for part in ("cur", "new", "tmp"):
            self._folder.make(folder / part)
        if folder != top:
            self._folder.create(folder / "maildirfolder").close()
        self._folder.record(mailbox, folder)
        if mailbox.subscribed:
            self._subscribed.append(folder.name.removeprefix(".") if folder != top else INBOX)
        keywords = _Keywords()
        for message in messages:
            self._write_one(folder, mailbox, message, keywords)
        self._write_keywords(folder, keywords)

    def finish(self, subscriptions: list[str]) -> None:
        """See `Writer.finish`."""
        with self._folder.create(self._folder.path / SUBSCRIPTIONS_FILE) as file:
            file.write("".join(f"{name}\n" for name in self._subscribed).encode())
        self._folder.finish(subscriptions)

    def _write_one(
        self, folder: Path, mailbox: Mailbox, message: ExportedMessage, keywords: "_Keywords"
    ) -> None:
        octets = message.octets.replace(b"\r\n", b"\n")
        host = HOST
        if with_crlf(octets) != message.octets:
            octets, host = message.octets, KEPT
        second = message.received_at_ms // 1000
        base = f"{second}.E{message.email}V{mailbox.uid_validity}U{message.uid}.{host},S={len(octets)}"
        path = folder / "cur" / f"{base}:2,{keywords.letters(base, message.flags)}"
        with self._folder.create(path) as file:
            file.write(octets)
        os.utime(path, ns=(message.received_at_ms * 1_000_000,) * 2)

    def _write_keywords(self, folder: Path, keywords: "_Keywords") -> None:
        if keywords.names:
            lines = (f"{place} {name}\n" for place, name in enumerate(keywords.names[:MAX_LETTERS]))
            with self._folder.create(folder / maildir_keywords.DOVECOT_FILE) as file:
                file.write("".join(lines).encode())
        if keywords.further:
            path = folder / maildir_keywords.COURIER_FOLDER / maildir_keywords.COURIER_FILE
            with self._folder.create(path) as file:
                file.writelines(maildir_keywords.courier_lines(keywords.names, keywords.further))


class _Keywords:
    """The keywords of a folder: the first ones are letters, further ones are noted for each message."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self.further: dict[str, tuple[int, ...]] = {}

    @property
    def names(self) -> list[str]:
        return [*self._places]

    def letters(self, base: str, flags: str) -> str:
        """The letters for a file's name, in ASCII order."""
        found, further = list[str](), list[int]()
        for flag in flags.split():
            if letter := _FLAGS.get(flag.lower()):
                found.append(letter)
                if letter not in _DOVECOT_KEYWORDS:
                    continue
            place = self._places.setdefault(flag, len(self._places))
            if place < MAX_LETTERS:
                found.append(chr(ord("a") + place))
            else:
                further.append(place)
        if further:
            self.further[base] = tuple(further)
        return "".join(sorted(found))


def _folder_name(name: str) -> str:
    if name == INBOX:
        return ""
    levels = (mailbox_name.encode(level, utf8=False).decode("ascii") for level in name.split(SEPARATOR))
    # The full stop separates levels; within a level it is escaped, as Dovecot's listescape plugin does.
    return "".join("." + level.replace("\\", "\\5c").replace(".", "\\2e") for level in levels)
