"""The mail in a file or folder: its sources, and the mailbox for each. `layout` has how programs name them.

A file is an mbox, one message, or an archive. A folder is a Maildir with its folders, a tree of Maildirs, of mbox
files, or of files with one message each, an export of `pillarbox export`, or a profile of Thunderbird. What is not
mail and can't be something that belongs to mail is reported; so is what can't be read.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pillarbox.admin.importing import layout, maildir_subscriptions, manifest
from pillarbox.admin.importing.archive import ArchiveSource
from pillarbox.admin.importing.maildir import MaildirSource, is_maildir
from pillarbox.admin.importing.manifest import Manifest
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.message_files import (
    NO_MAIL,
    MessageFilesSource,
    is_message_name,
    is_number,
    is_of_old_mac,
)
from pillarbox.admin.importing.names import mailbox_of
from pillarbox.admin.importing.reading import (
    MESSAGE_SUFFIX,
    UNREADABLE,
    Kind,
    head_of,
    kind_of,
    kind_of_file,
    opened,
    why,
)
from pillarbox.admin.importing.source import SkippedMessage, Source, SourceMailbox
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX

MAX_DEPTH: Final = 100
"""Folders in folders that are looked into."""
_PROFILE_FILE: Final = "prefs.js"
_PROFILE_FOLDERS: Final = ("Mail", "ImapMail")
_EMPTY_MBOX_SUFFIXES: Final = (".mbox", ".mbx")

_Levels = tuple[str, ...]


@dataclass(slots=True)
class Discovered:
    """What is there."""

    sources: list[Source] = field(default_factory=list)
    mailboxes: list[SourceMailbox] = field(default_factory=list)
    """To be created, even if no message comes into them."""
    subscriptions: list[str] = field(default_factory=list)
    """Subscribed names without a mailbox."""
    skipped: list[SkippedMessage] = field(default_factory=list)
    """What is no mail, or can't be read."""


def discover(path: Path, *, into: str | None) -> Discovered:
    """All mail there. `into`: the mailbox to use instead of INBOX; the others are created below it.

    Raises OSError, or `InvalidMailboxName` for `into`.
    """
    below = mailbox_name.canonical(into) if into else None
    if path.is_symlink():  # what the operator names may be one, what is found may not
        path = path.resolve(strict=True)
    walk = _Walk(path, below)
    if path.is_dir():
        walk.discover_folder()
    else:
        walk.discover_file()
    return walk.found


class _Walk:
    """One look at a file or folder."""

    def __init__(self, path: Path, below: str | None) -> None:
        self._path, self._below = path, below
        self._top = below or INBOX
        self._manifest = Manifest()
        self._rows: dict[str, SourceMailbox] = {}
        self._maildirs: set[str] = set()
        """Mailboxes into which a folder of a Maildir is imported."""
        self._subscribed: frozenset[_Levels] | None = None
        """The subscribed folders of a Maildir, if it has a list of them."""
        self.found = Discovered()

    def discover_file(self) -> None:
        path = self._path
        try:
            with opened(path) as (file, _):
                head = head_of(file)
        except UNREADABLE as failure:
            if isinstance(failure, FileNotFoundError | PermissionError):
                raise
            self._skip(path, why(failure))
            return
        kind = kind_of(head, path.name.lower())
        is_message = path.name.lower().endswith(MESSAGE_SUFFIX) or is_of_old_mac(head)
        if kind in (Kind.ZIP, Kind.TAR):
            self.found.sources.append(ArchiveSource(path, self._top, self._below))
        elif kind is Kind.EMLX or (kind is Kind.MESSAGE and is_message):
            self.found.sources.append(MessageFilesSource(path.parent, self._top, only=path.name))
        elif kind is Kind.OTHER:
            self._skip(path, NO_MAIL)
        else:  # also one bare message
            self.found.sources.append(MboxSource(path, self._top, self._below))

    def discover_folder(self) -> None:
        self._read_manifest()
        if is_maildir(self._path):
            self._subscribed = maildir_subscriptions.read(self._path)
        beside = {entry.name for entry in self._entries(self._path)}
        if _PROFILE_FILE in beside:
            accounts = [
                account
                for part in beside.intersection(_PROFILE_FOLDERS)
                for account in self._entries(self._path / part)
                if account.is_dir(follow_symlinks=False)
            ]
            for account in accounts:
                levels = (account.name,) if len(accounts) > 1 else ()
                self._look_into(Path(account.path), levels, depth=2)
            return
        is_apple = self._path.name.endswith(layout.APPLE_SUFFIX)
        named = layout.folder_levels(self._path.name) if is_apple and not self._below else ()
        self._look_into(self._path, named, depth=0, in_apple=is_apple)

    def _look_into(self, path: Path, levels: _Levels, *, depth: int, in_apple: bool = False) -> None:
        if depth > MAX_DEPTH:
            self._skip(path, f"more than {MAX_DEPTH} folders in each other are not looked into")
            return
        here_is_maildir = is_maildir(path)
        if here_is_maildir:
            mailbox = self._mailbox(path, levels)
            subscribed = self._subscribed is None or not levels or levels in self._subscribed
            self._create(mailbox, subscribed=subscribed)
            folder = str(path.relative_to(self._path)) if mailbox in self._maildirs else ""
            self._maildirs.add(mailbox)
            self.found.sources.append(MaildirSource(path, mailbox, folder))
        entries = sorted(self._entries(path), key=lambda entry: entry.name)
        names = {entry.name for entry in entries}
        has_messages = False
        for entry in entries:
            if here_is_maildir and entry.name in layout.IN_MAILDIR:
                continue
            if entry.is_dir(follow_symlinks=False):
                self._look_into_entry(Path(entry.path), levels, here_is_maildir, depth, in_apple)
            elif not here_is_maildir and entry.is_file(follow_symlinks=False):
                has_messages |= is_message_name(entry.name) or self._look_at(Path(entry.path), levels, names)
        if has_messages:
            self.found.sources.append(MessageFilesSource(path, self._mailbox(path, levels)))

    def _look_into_entry(
        self, path: Path, levels: _Levels, here_is_maildir: bool, depth: int, in_apple: bool
    ) -> None:
        name, is_apple = path.name, path.name.endswith(layout.APPLE_SUFFIX)
        if layout.has_no_mail(name):
            return
        own = layout.folder_levels(name)
        if name.startswith(".") and (here_is_maildir or is_maildir(path)):
            own = layout.dotted_levels(name)
        elif here_is_maildir and name.startswith("courierimap"):
            return
        elif in_apple and not is_apple:
            own = ()
        self._look_into(path, (*levels, *own), depth=depth + 1, in_apple=in_apple or is_apple)

    def _look_at(self, path: Path, levels: _Levels, names: set[str]) -> bool:
        """One file, and the names beside it. Returns whether it is one of MH's, which a source of its folder reads."""
        if layout.is_list(path.name) and self._relative(path) not in self._rows:
            return False
        try:
            kind = kind_of_file(path)
        except UNREADABLE as failure:
            self._skip(path, why(failure))
            return False
        mailbox = self._mailbox(path, (*levels, *layout.file_levels(path.name)))
        match kind:
            case Kind.MBOX:
                self.found.sources.append(MboxSource(path, mailbox, self._below))
            case Kind.ZIP | Kind.TAR:
                below = mailbox_of(levels, self._below) if levels else self._below
                self.found.sources.append(ArchiveSource(path, below or INBOX, below))
            case Kind.MESSAGE if is_number(path.name):
                return True
            case Kind.MESSAGE:
                folder = self._mailbox(path.parent, levels)
                self.found.sources.append(MessageFilesSource(path.parent, folder, only=path.name))
            case Kind.EMPTY:
                # Thunderbird's and Dovecot's empty folders are files beside their index.
                beside = {f"{path.name}.msf", layout.DOVECOT_FOLDER}
                if path.name.lower().endswith(_EMPTY_MBOX_SUFFIXES) or beside & names:
                    self._create(mailbox)
            case _ if not layout.is_companion(path.name):
                self._skip(path, NO_MAIL)
        return False

    def _entries(self, path: Path) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(path) as entries:
                yield from entries
        except OSError as failure:
            self._skip(path, why(failure))

    def _read_manifest(self) -> None:
        try:
            found = manifest.read(self._path)
        except (OSError, manifest.ManifestUnreadable) as failure:
            self._skip(
                self._path / manifest.FILE, why(failure) if isinstance(failure, OSError) else str(failure)
            )
            return
        for row in found.mailboxes if found else ():
            if wanted := manifest.mailbox(row, self._below):
                self._rows[row.path] = wanted
        self.found.mailboxes += self._rows.values()
        if found and self._below is None:
            self.found.subscriptions = [
                name for name in found.subscriptions if manifest.mailbox(manifest.Row("", name))
            ]

    def _create(self, name: str, *, subscribed: bool = True) -> None:
        if all(name != wanted.name for wanted in self._rows.values()):
            self.found.mailboxes.append(SourceMailbox(name, subscribed=subscribed))

    def _mailbox(self, path: Path, levels: _Levels) -> str:
        if row := self._rows.get(self._relative(path)):
            return row.name
        return mailbox_of(levels, self._below) if levels else self._top

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._path).as_posix() if self._rows else ""

    def _skip(self, path: Path, reason: str) -> None:
        self.found.skipped.append(SkippedMessage(str(path), reason, None, 0))
