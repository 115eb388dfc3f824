"""The file in an export that says which mailbox is where: names as they were, roles, subscriptions.

    {"version": 1,
     "mailboxes": [{"path": "Work/2026.mbox", "name": "Work/2026", "role": null, "subscribed": true}],
     "subscriptions": ["Work/2025"]}

So a name that no file can have, or that a format can't represent, comes back as it was. `subscriptions` are names
without a mailbox. Whoever gave the export may have written the file: what is wrong in it is passed over.
"""

from pathlib import Path
from typing import Final

import msgspec

from pillarbox.admin.importing.names import mailbox_of
from pillarbox.admin.importing.reading import plain_file
from pillarbox.admin.importing.source import SourceMailbox
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR
from pillarbox.store.mailbox import Role

FILE: Final = "pillarbox-mailboxes.json"
VERSION: Final = 1
MAX_FILE_OCTETS: Final = 32 * 1024 * 1024


class Row(msgspec.Struct, frozen=True):
    """A mailbox of an export."""

    path: str
    """Where it is, from the folder of the export on; "." for the folder itself."""
    name: str
    role: str | None = None
    subscribed: bool = True


class Manifest(msgspec.Struct, frozen=True):
    """What is in an export."""

    version: int = VERSION
    mailboxes: list[Row] = []
    subscriptions: list[str] = []


class ManifestUnreadable(Exception):
    """The file is not what an export has. The text says why."""


def encode(manifest: Manifest) -> bytes:
    """The octets of the file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read(folder: Path) -> Manifest | None:
    """The manifest of an export; `None` where there is none. Raises OSError, or `ManifestUnreadable`."""
    if not (folder / FILE).exists():
        return None
    with plain_file(folder / FILE) as file:
        octets = file.read(MAX_FILE_OCTETS + 1)
    return decode(octets)


def decode(octets: bytes) -> Manifest:
    """The manifest in these octets. Raises `ManifestUnreadable`."""
    if len(octets) > MAX_FILE_OCTETS:
        raise ManifestUnreadable(f"it has more than {MAX_FILE_OCTETS} octets")
    try:
        found = msgspec.json.decode(octets, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as failure:
        raise ManifestUnreadable(str(failure)) from None
    if found.version != VERSION:
        raise ManifestUnreadable(f"it has version {found.version}, and this program knows {VERSION}")
    return found


def mailbox(row: Row, below: str | None = None) -> SourceMailbox | None:
    """The mailbox of a row; `None` where its name is no name. `below`: the mailbox to use instead of INBOX."""
    try:
        name = mailbox_name.canonical(row.name)
        mailbox_name.check_new_level(name)
    except mailbox_name.InvalidMailboxName:
        return None
    if below is not None:  # into mailboxes in use, whose roles stay
        levels = [] if name == INBOX else name.split(SEPARATOR)
        return SourceMailbox(mailbox_of(levels, below), None, row.subscribed)
    role = Role(row.role) if row.role in {role.value for role in Role} - {Role.INBOX.value} else None
    return SourceMailbox(name, role, row.subscribed)
