"""Names of mailboxes from names of files and labels: whatever they hold, they become a name that a mailbox can have.

Nothing here fails. An empty level is dropped; octets that are not UTF-8 are read as Latin-1; control characters,
and those that make a name look like another one, are written as escapes (`\\x0a`); what is too long is cut.
"""

from collections.abc import Iterable
from typing import Final

from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, MAX_LEVEL_OCTETS, MAX_LEVELS, MAX_NAME_OCTETS, SEPARATOR
from pillarbox.mail.normalization import normalize
from pillarbox.mail.visible import visible

UNNAMED: Final = "Unnamed"
"""Where nothing of a name is left."""


def mailbox_of(levels: Iterable[str], below: str | None = None) -> str:
    """The canonical name of these levels, each as some program wrote it, below a canonical name."""
    above = below.split(SEPARATOR) if below else []
    parts = [part for part in map(_level, levels) if part]
    if not parts:
        return below or UNNAMED
    # More levels than there may be share the last one.
    most = max(1, MAX_LEVELS - len(above))
    if len(parts) > most:
        parts[most - 1 :] = ["_".join(parts[most - 1 :])]
    limit = min(MAX_LEVEL_OCTETS, (MAX_NAME_OCTETS - len((below or "").encode())) // len(parts) - 1)
    if len(SEPARATOR.join([*above, *parts]).encode()) <= MAX_NAME_OCTETS:
        limit = MAX_LEVEL_OCTETS
    name = SEPARATOR.join([*above, *(_cut(part, limit) for part in parts)])
    try:
        return mailbox_name.canonical(name)
    except mailbox_name.InvalidMailboxName:
        return below or UNNAMED


def readable(name: str) -> str:
    """The name of a file as text; the operating system's octets that are not UTF-8 are read as Latin-1."""
    try:
        octets = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no octet
        return name
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _level(name: str) -> str:
    text = normalize("NFC", visible(readable(name)).replace(SEPARATOR, "_").strip())
    return INBOX if text.upper() == INBOX else text


def _cut(level: str, limit: int) -> str:
    octets = level.encode()
    return level if len(octets) <= limit else octets[: max(1, limit)].decode("utf-8", "ignore") or "_"
