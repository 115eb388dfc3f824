"""The sources in a file or directory, and the mailbox for each.

A file is an mbox. A directory is a Maildir with its folders (`.Work.2026` beside `cur`, as Courier and Dovecot name
them), a tree of Maildirs, or a tree of mbox files (as Thunderbird and Dovecot write them).
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.maildir import MaildirSource, is_maildir
from pillarbox.admin.importing.mbox import MboxSource
from pillarbox.admin.importing.source import Source
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR, InvalidMailboxName
from pillarbox.mail.visible import visible

_MBOX_SUFFIXES: Final = (".gz", ".mbox", ".mbx")
_IN_MAILDIR: Final = {"cur", "new", "tmp"}


def discover_sources(path: Path, *, into: str | None) -> list[Source]:
    """All sources there. `into`: the mailbox to use instead of INBOX; the others are created below it.

    Raises OSError, or `InvalidMailboxName`.
    """
    top = mailbox_name.canonical(into) if into else INBOX
    if not path.is_dir():
        return [MboxSource(path, top)]
    return [
        source(where, _mailbox_name(levels, top, nested=into is not None))
        for where, levels, source in sorted(_below(path, ()), key=lambda found: found[1])
    ]


_Found = tuple[Path, tuple[str, ...], type[MaildirSource] | type[MboxSource]]


def _below(path: Path, name: tuple[str, ...]) -> Iterator[_Found]:
    """The sources in a folder and below, with the levels of their mailbox names; none for INBOX."""
    here_is_maildir = is_maildir(path)
    if here_is_maildir:
        yield path, name, MaildirSource
    for entry in sorted(path.iterdir()):
        if entry.is_symlink() or (here_is_maildir and entry.name in _IN_MAILDIR):
            continue
        if entry.is_dir():
            yield from _below(entry, (*name, *_levels(entry.name, dotted=here_is_maildir)))
        elif not here_is_maildir and _is_mbox(entry):
            stem = entry.name
            for suffix in _MBOX_SUFFIXES:
                stem = stem.removesuffix(suffix)
            yield entry, (*name, *_levels(stem, dotted=False)), MboxSource


def _levels(name: str, *, dotted: bool) -> tuple[str, ...]:
    if dotted and name.startswith("."):
        # Maildir++: the whole hierarchy is in one name, in IMAP's modified UTF-7.
        parts = name[1:].split(".")
        levels = tuple(_decoded(part) for part in parts)
    else:
        levels = (name.removesuffix(".sbd"),)
    return () if len(levels) == 1 and levels[0].upper() == INBOX else levels


def _decoded(part: str) -> str:
    try:
        text = mailbox_name.decode(part.encode("ascii"), utf8=False)
    except (InvalidMailboxName, UnicodeEncodeError):
        text = part
    return text.replace("\\2e", ".").replace("\\5c", "\\")


def _is_mbox(path: Path) -> bool:
    if path.name.startswith(".") or not path.is_file():
        return False
    with path.open("rb") as raw:
        head = raw.read(5)
    if head[:2] == b"\x1f\x8b":
        with gzip.open(path) as packed:
            head = packed.read(5)
    return head == b"From "


def _mailbox_name(levels: tuple[str, ...], top: str, *, nested: bool) -> str:
    if not levels:
        return top
    path = (top, *levels) if nested else levels
    return mailbox_name.canonical(SEPARATOR.join(visible(level).replace(SEPARATOR, "_") for level in path))
