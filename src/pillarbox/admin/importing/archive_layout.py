"""Where the members of an archive belong: the mailboxes that their names stand for.

The folders that all mail of the archive is in are left out, as if that folder had been named: `Takeout/Mail/`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Final

from pillarbox.admin.importing import layout, maildir_keywords, manifest
from pillarbox.admin.importing.names import mailbox_of

_MAX_NOTED_OCTETS: Final = 64 * 1024 * 1024
"""Octets of lists of keywords that are kept; further ones are not read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member belongs."""

    folder: str
    """The mailbox, if it is one message."""
    mailbox: str
    """The mailbox, if it is an mbox."""
    maildir: bool = False
    """Whether it is a message of a Maildir, with these keywords in the folder."""
    letters: dict[str, str] = field(default_factory=dict)
    keywords: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Layout:
    """What the names of all members say. `top`: the mailbox for what has no folder; `below`: that of folders."""

    def __init__(self, top: str, below: str | None) -> None:
        self._top, self._below = top, below
        self._common: tuple[str, ...] | None = None
        self._letters: dict[tuple[str, ...], dict[str, str]] = {}
        self._keywords: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        self._named: dict[tuple[str, ...], str] = {}
        """Mailboxes of an export, by where they are."""
        self._noted_octets = 0

    def note(self, name: str, opening: Callable[[], BufferedReader]) -> None:
        """See each member once, before `place` is asked. Raises what reading raises."""
        *folders, leaf = _parts(name)
        if leaf == manifest.FILE:
            self._note_manifest(folders, self._octets(opening))
        elif leaf == maildir_keywords.DOVECOT_FILE:
            self._letters[tuple(folders)] = maildir_keywords.letters_in(self._octets(opening))
        elif folders[-1:] == [maildir_keywords.COURIER_FOLDER] and leaf == maildir_keywords.COURIER_FILE:
            self._keywords[tuple(folders[:-1])] = maildir_keywords.by_message_in(self._octets(opening))
        if self._is_passed_over(folders, leaf) or layout.is_companion(leaf):
            return
        plain = next((at for at, folder in enumerate(folders) if _is_mailbox(folder)), len(folders))
        if self._common is None:
            self._common = tuple(folders[:plain])
        pairs = zip(self._common, folders[:plain], strict=False)
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), plain)
        self._common = self._common[:same]

    def place(self, name: str) -> Place | None:
        """Where a member belongs; `None` for what is not looked at."""
        *folders, leaf = _parts(name)
        if self._is_passed_over(folders, leaf) and (*folders, leaf) not in self._named:
            return None
        is_maildir = folders[-1:] in (["cur"], ["new"])
        where = tuple(folders[:-1]) if is_maildir else tuple(folders)
        levels = self._levels(where[len(self._common or ()) :])
        folder = self._named.get(where) or self._mailbox(levels)
        if is_maildir:
            return Place(folder, folder, True, self._letters.get(where, {}), self._keywords.get(where, {}))
        own = self._named.get((*where, leaf)) or self._mailbox((*levels, *layout.file_levels(leaf)))
        return Place(folder, own)

    def _note_manifest(self, folders: list[str], octets: bytes) -> None:
        try:
            found = manifest.decode(octets)
        except manifest.ManifestUnreadable:
            return
        for row in found.mailboxes:
            if wanted := manifest.mailbox(row, self._below):
                self._named[(*folders, *(part for part in row.path.split("/") if part != "."))] = wanted.name

    def _is_passed_over(self, folders: list[str], leaf: str) -> bool:
        return (
            layout.is_list(leaf)
            or folders[-1:] == ["tmp"]
            or folders[-1:] == [maildir_keywords.COURIER_FOLDER]
            or any(layout.has_no_mail(folder) for folder in folders)
        )

    def _levels(self, folders: tuple[str, ...]) -> tuple[str, ...]:
        levels, in_apple = list[str](), False
        for folder in folders:
            is_apple = folder.endswith(layout.APPLE_SUFFIX)
            if folder.startswith("."):
                levels += layout.dotted_levels(folder)
            elif is_apple or not in_apple:
                levels += layout.folder_levels(folder)
            in_apple = in_apple or is_apple
        return tuple(levels)

    def _mailbox(self, levels: tuple[str, ...]) -> str:
        return mailbox_of(levels, self._below) if levels else self._top

    def _octets(self, opening: Callable[[], BufferedReader]) -> bytes:
        with opening() as file:
            octets = file.read(_MAX_NOTED_OCTETS - self._noted_octets)
        self._noted_octets += len(octets)
        return octets


def _parts(name: str) -> list[str]:
    """The parts of a member's name; those that lead elsewhere are dropped."""
    return [part for part in name.split("/") if part not in ("", ".", "..")] or ["_"]


def _is_mailbox(folder: str) -> bool:
    """Whether a folder stands for a mailbox by its form, and not only by what is in it."""
    return (
        folder in layout.IN_MAILDIR
        or folder.startswith(".")
        or folder.endswith((layout.BELOW_SUFFIX, layout.APPLE_SUFFIX))
    )
