"""How mail programs name folders and files: which are mail, and the levels of a mailbox that they stand for.

    .Work.2026/            Maildir++ (Dovecot, Courier): all levels in one name, in IMAP's modified UTF-7
    Work.sbd/2026          Thunderbird: what is below the folder `Work`
    Work.mbox/mbox         Apple Mail: the folder `Work`; also `Work.mbox/.../Messages/1.emlx`
    Work/2026.mbox         exports of many programs
    Work/2026              Dovecot's mbox files, named in modified UTF-7 as well

A folder or file named INBOX stands for what it is in.
"""

from typing import Final

from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, InvalidMailboxName

IN_MAILDIR: Final = frozenset({"cur", "new", "tmp"})
DOVECOT_FOLDER: Final = ".imap"
"""Stands beside Dovecot's mbox files, with their indexes."""
APPLE_SUFFIX: Final = ".mbox"
APPLE_FILE: Final = "mbox"
BELOW_SUFFIX: Final = ".sbd"
_MBOX_SUFFIXES: Final = (".gz", ".mbox", ".mbx")
_REMOVED_PREFIXES: Final = ",#"
"""MH renames a message that is removed: `,3` was 3; or `#3`, as MH was built."""
_NO_FOLDERS: Final = ("__MACOSX",)
_NO_FOLDER_SUFFIXES: Final = (".mozmsgs",)
_COMPANIONS: Final = frozenset({
    "maildirfolder", "maildirsize", "subscriptions", "courierimapsubscribed", "courierimapuiddb", "table_of_contents",
    "pillarbox-mailboxes.json",
})  # fmt: skip
_COMPANION_PREFIXES: Final = (
    ".", "dovecot-keywords", "dovecot-uid", "dovecot-acl", "dovecot.index", "dovecot.list", "dovecot.mailbox",
    "courierimap",
)  # fmt: skip
_COMPANION_SUFFIXES: Final = (
    ".msf", ".dat", ".json", ".html", ".htm", ".js", ".css", ".log", ".lock", ".ini", ".sqlite", ".sqlite-wal",
    ".sqlite-shm", ".db", ".plist", ".emlxpart", ".ev-summary", ".cmeta", ".ibex.index", ".index", ".idx",
)  # fmt: skip


def is_list(name: str) -> bool:
    """Whether a file of this name is never mail: hidden, a list that a server keeps beside mail, or removed in MH."""
    lower = name.lower()
    if lower[0] in _REMOVED_PREFIXES and lower[1:].isdecimal():
        return True
    if lower.endswith(_MBOX_SUFFIXES):
        return lower.startswith(".")
    return lower in _COMPANIONS or lower.startswith(_COMPANION_PREFIXES)


def is_companion(name: str) -> bool:
    """Whether a file of this name stands beside mail and, where it is none itself, need not be reported."""
    return name.lower().endswith(_COMPANION_SUFFIXES)


def has_no_mail(name: str) -> bool:
    """Whether a folder of this name has what belongs to mail, and no mail."""
    return name in _NO_FOLDERS or name.endswith(_NO_FOLDER_SUFFIXES)


def dotted_levels(name: str) -> tuple[str, ...]:
    """The levels in the name of a Maildir++ folder: `.Work.2026`."""
    return _unless_inbox(tuple(_decoded(part) for part in name.removeprefix(".").split(".") if part))


def folder_levels(name: str) -> tuple[str, ...]:
    """The levels in the name of any other folder."""
    for suffix in (BELOW_SUFFIX, APPLE_SUFFIX):
        name = name.removesuffix(suffix)
    return _unless_inbox((_from_utf7(name),))


def file_levels(name: str) -> tuple[str, ...]:
    """The levels in the name of an mbox."""
    for suffix in _MBOX_SUFFIXES:
        name = name.removesuffix(suffix)
    return () if name == APPLE_FILE else _unless_inbox((_from_utf7(name),))


def _unless_inbox(levels: tuple[str, ...]) -> tuple[str, ...]:
    return () if len(levels) == 1 and levels[0].upper() == INBOX else levels


def _decoded(part: str) -> str:
    return _from_utf7(part).replace("\\2e", ".").replace("\\5c", "\\")


def _from_utf7(name: str) -> str:
    """The name that Dovecot wrote in IMAP's modified UTF-7; as it is where it is none."""
    try:
        return mailbox_name.decode(name.encode("ascii"), utf8=False)
    except (InvalidMailboxName, UnicodeEncodeError):
        return name
