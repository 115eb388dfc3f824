"""Mail as other programs keep it: a profile of Thunderbird, an archive of Google Takeout, mailboxes of Apple Mail.

Each is made of the same letters, so that what is imported can be compared with what was written, message by message.
"""

import io
import plistlib
import tarfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pillarbox.mail.date import DAYS, MONTHS, rfc5322


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it must be after the import."""

    octets: bytes
    """With CRLF line ends."""
    flags: str
    """Canonical."""
    at_ms: int
    mailboxes: tuple[str, ...]


BODIES = (
    b"Hello,\r\n\r\nFrom 10:30 to 11:45 we meet.\r\nFrom here on it is easy.\r\n",
    b"A forwarded mbox:\r\n\r\nFrom ann@else.example Tue Jul 23 19:39:23 2002\r\nSubject: old\r\n\r\nold\r\n",
    b">From quoted\r\n>>From quoted twice\r\n",
    "Grüße, raw in UTF-8\r\n".encode(),
    b"",
    b"many empty lines\r\n\r\n\r\n",
    b"From \r\n\r\nFrom - \r\n\r\n",
)


def octets(number: int, at_ms: int) -> bytes:
    """A message; their bodies have what formats stumble over."""
    head = f"From: Ann <ann{number}@else.example>\r\nTo: anna@example.org\r\nSubject: Letter {number}\r\n"
    date = f"Date: {rfc5322(at_ms)}\r\nMessage-ID: <{number}@else.example>\r\n\r\n"
    return (head + date).encode() + BODIES[number % len(BODIES)]


def asctime(at_ms: int, zone: str = "") -> bytes:
    """`Tue Jul 23 19:39:23 2002`, perhaps with a zone before the year."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S} {zone}{at.year}".encode()


def quoted(message: bytes, line_end: bytes) -> bytes:
    """The lines of a message as programs write them into an mbox, those that begin with "From " quoted as in mboxrd."""
    lines = message.split(b"\r\n")
    return line_end.join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in lines)


# --- Thunderbird


def thunderbird_profile(folder: Path) -> list[Letter]:
    """A profile with local folders, one of them empty, and with deleted messages that are not compacted yet."""
    folders = {
        "INBOX": "Mail/Local Folders/Inbox",
        "Sent": "Mail/Local Folders/Sent",
        "Work/2026": "Mail/Local Folders/Work.sbd/2026",
        "Work/Grüße & mehr": "Mail/Local Folders/Work.sbd/Grüße & mehr",
    }
    flags = {0x1: "\\Seen", 0x3: "\\Answered \\Seen", 0x4: "\\Flagged", 0x1001: "\\Seen $Forwarded", 0: ""}
    letters = list[Letter]()
    number = 0
    for mailbox, where in folders.items():
        entries = list[bytes]()
        for status, text in flags.items():
            number += 1
            at_ms = 1_000_000_000_000 + number * 86_400_000
            tags = "$label1 work" if number % 3 == 0 else ""
            # Newer versions write no date.
            separator = b"From - " + (asctime(at_ms) if number % 2 else b"")
            deleted = number % 5 == 4
            head = b"X-Mozilla-Status: %04x\r\nX-Mozilla-Status2: 00000000\r\nX-Mozilla-Keys: %-80b\r\n" % (
                status | (0x8 if deleted else 0),
                tags.encode(),
            )
            message = octets(number, at_ms)
            entries.append(separator + b"\r\n" + head + quoted(message, b"\r\n") + b"\r\n")
            if not deleted:
                letters.append(Letter(message, " ".join(filter(None, (text, tags))), at_ms, (mailbox,)))
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(entries))
        path.with_name(path.name + ".msf").write_bytes(b'// <!-- <mdb:mork:z v="1.4"/> -->\n')
    local = folder / "Mail" / "Local Folders"
    for name in ("Drafts", "Drafts.msf", "Work", "Work.msf"):
        (local / name).write_bytes(b"// index" if name.endswith(".msf") else b"")
    (local / "msgFilterRules.dat").write_bytes(b'version="9"\n')
    (folder / "prefs.js").write_bytes(b'user_pref("mail.root", "x");\n')
    (folder / "global-messages-db.sqlite").write_bytes(b"SQLite format 3\0" + bytes(100))
    return letters


# --- Google Takeout


_TAKEOUT = (
    ("Inbox,Opened", ("INBOX",), "\\Seen"),
    ("Inbox,Unread,Important,Category Promotions", ("INBOX",), "$Important Category-Promotions"),
    ("Sent,Opened", ("Sent",), "\\Seen"),
    ("Inbox,Work/A,Starred", ("INBOX", "Work/A"), "\\Flagged \\Seen"),
    ("Archived,Opened", ("Archive",), "\\Seen"),
    ("=?UTF-8?Q?Archiviert,Ungelesen,Gr=C3=BC=C3=9Fe?=", ("Grüße",), ""),
    ("Trash,Work/A", ("Trash",), "\\Seen"),
    ("Spam,Unread", ("Junk",), ""),
    ('Inbox,"Customers, old"', ("INBOX", "Customers, old"), "\\Seen"),
)  # fmt: skip


def takeout_mbox() -> tuple[bytes, list[Letter]]:
    """The one mbox of all mail, and what it has."""
    entries, letters = list[bytes](), list[Letter]()
    for number, (labels, mailboxes, flags) in enumerate(_TAKEOUT * 2, 1):
        at_ms = 1_300_000_000_000 + number * 86_400_000
        message = octets(number, at_ms)
        head = b"X-GM-THRID: %d\r\nX-Gmail-Labels: %b\r\n" % (1864464279665606918 + number, labels.encode())
        separator = b"From %d@xxx %b\r\n" % (1864464279665606918 + number, asctime(at_ms, "+0000 "))
        entries.append(separator + head + quoted(message, b"\r\n") + b"\r\n")
        letters.append(Letter(message, flags, at_ms, mailboxes))
    return b"".join(entries), letters


TAKEOUT_NAME = "Takeout/Mail/All mail Including Spam and Trash.mbox"


def takeout_archive(path: Path) -> list[Letter]:
    """A `.zip` or a `.tgz`, with what comes with it."""
    mbox, letters = takeout_mbox()
    members = {
        "Takeout/archive_browser.html": b"<html></html>",
        TAKEOUT_NAME: mbox,
        "Takeout/Mail/User Settings/Filters.json": b"{}",
    }
    archive(path, members)
    return letters


def archive(path: Path, members: dict[str, bytes], *, at_s: int = 1_000_000) -> None:
    """A `.zip`, or else a `.tar.gz`, of these members."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
        return
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), at_s
            tar.addfile(member, io.BytesIO(content))


# --- Apple Mail


def apple_mboxes(folder: Path) -> list[Letter]:
    """What "Export Mailbox" makes, with a mailbox in another one."""
    letters = list[Letter]()
    for place, (where, mailbox) in enumerate(
        (("Travel.mbox", "Travel"), ("Travel.mbox/Italy.mbox", "Travel/Italy"), ("INBOX.mbox", "INBOX"))
    ):
        path = folder / where / "mbox"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "table_of_contents").write_bytes(bytes(100))
        entries = list[bytes]()
        for number in range(place * 10, place * 10 + 8):
            at_ms = 1_100_000_000_000 + number * 86_400_000
            message = octets(number, at_ms)
            entries.append(
                b"From ann%d@else.example %b\n%b\n" % (number, asctime(at_ms), quoted(message, b"\n"))
            )
            letters.append(Letter(message, "", at_ms, (mailbox,)))
        path.write_bytes(b"".join(entries))
    return letters


def apple_library(folder: Path) -> list[Letter]:
    """What Apple Mail itself keeps: a file for each message."""
    letters = list[Letter]()
    flags = {
        0x1: "\\Seen",
        0x11: "\\Flagged \\Seen",
        0x5: "\\Answered \\Seen",
        0x101: "\\Seen $Forwarded",
        0: "",
    }
    for mailbox in ("INBOX", "Travel"):
        data = folder / f"{mailbox}.mbox" / "5A6B-UUID" / "Data"
        (data.parent / "Info.plist").parent.mkdir(parents=True, exist_ok=True)
        (data.parent / "Info.plist").write_bytes(b"<plist/>")
        for bits, text in flags.items():
            number = len(letters)
            at_ms = 1_200_000_000_000 + number * 86_400_000
            message = octets(number, at_ms)
            packed = message.replace(b"\r\n", b"\n")
            properties = plistlib.dumps({"flags": bits, "date-received": at_ms // 1000, "subject": "x"})
            path = data / ("Messages" if number % 2 else f"{number}/Messages") / f"{number + 100}.emlx"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"%-10d\n" % len(packed) + packed + properties)
            letters.append(Letter(message, text, at_ms, (mailbox,)))
    return letters
