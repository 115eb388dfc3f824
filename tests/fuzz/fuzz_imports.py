"""Fuzz what reads mail of other programs: mbox files, archives, `.emlx`, lists of keywords, labels, the manifest.

`python tests/fuzz/fuzz_imports.py --runs 100000` from the checkout.
"""

import io
import plistlib
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.admin.exporting.mbox import entry_octets
from pillarbox.admin.importing import gmail, maildir, maildir_keywords, manifest
from pillarbox.admin.importing.archive import ArchiveSource
from pillarbox.admin.importing.discover import discover
from pillarbox.admin.importing.fields import unpack
from pillarbox.admin.importing.mbox import MboxReader
from pillarbox.admin.importing.message_files import message_in
from pillarbox.admin.importing.reading import Chunks
from pillarbox.admin.importing.recognition import Recognition
from pillarbox.admin.importing.source import AlreadyImported, Checkpoint, SkippedMessage, SourceMessage
from pillarbox.mail import mailbox_name
from pillarbox.mail.mbox import Entry
from pillarbox.store.mailbox import Role
from tests.fuzz import harness
from tests.kit.mail import elsewhere

MAX_MESSAGE_OCTETS = 2_000
"""So small that messages exceed it."""


def _packed(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        members = {
            "Takeout/Mail/a.mbox": elsewhere.takeout_mbox()[0][:3_000],
            "Maildir/cur/1.a:2,S": b"Subject: 1\n\nx\n",
            "Maildir/dovecot-keywords": b"0 Work\n",
            "x/1.eml": b"Subject: x\n\n",
        }
        elsewhere.archive(path, members)
        return path.read_bytes()


EMLX = b"Subject: x\n\nFrom me\n"
SEEDS = (
    elsewhere.takeout_mbox()[0][:4_000],
    entry_octets(b"Subject: x\r\n\r\nFrom y\r\n", "\\Seen $Forwarded", 1_027_453_163_000) * 2,
    b"From \nX-Mozilla-Status: 0001\nX-Mozilla-Status2: 00200000\nContent-Length: 2\n\nx\n\nFrom - \nStatus: RO\n\n",
    (
        b"From ???@??? Mon Jan 01 12:00:00 2001\r\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\n"
        b"X-IMAP: 1027453163 0000000017\r\n\r\n"
    ),
    b"%d\n" % len(EMLX) + EMLX + plistlib.dumps({"flags": 17, "date-received": 1_200_000_000}),
    b"0 $Label1\n1 Work\n\n1.a:0 1\n2.b:1\n",
    manifest.encode(
        manifest.Manifest(mailboxes=[manifest.Row("a.mbox", "Work", "sent")], subscriptions=["b"])
    ),
    _packed(".zip"),
    _packed(".tgz"),
)


def target(octets: bytes) -> None:
    """Nothing raises; an mbox is read on from each of its messages as it was read through."""
    gmail.read(octets)
    maildir_keywords.letters_in(octets)
    maildir_keywords.by_message_in(octets)
    with suppress(EOFError):  # it ends before its length says
        message_in(octets, "1.emlx")
    message_in(octets, "1.eml")
    maildir.message_in("cur/1", octets, {}, {}, None)
    unpack(Entry(b"From - ", octets))
    read = _read(octets, None)
    checkpoints = [message.checkpoint for message in read if message.checkpoint]
    for place, latest in enumerate(checkpoints[:3]):
        assert [message.checkpoint for message in _read(octets, latest) if message.checkpoint] == checkpoints[
            place + 1 :
        ]
    with tempfile.TemporaryDirectory() as folder:
        _read_files(Path(folder), octets)


def _read(octets: bytes, latest: Checkpoint | None) -> list[SourceMessage | SkippedMessage]:
    reader = MboxReader("fuzz", max_message_octets=MAX_MESSAGE_OCTETS)
    chunks = Chunks(io.BytesIO(octets), lambda: len(octets), latest.position if latest else 0)
    found = reader.read(chunks, latest, Recognition(lambda _: None), lambda at: at)
    return [one for one in found if not isinstance(one, AlreadyImported)]


def _read_files(folder: Path, octets: bytes) -> None:
    for name in ("a", "a.eml", "12", manifest.FILE):
        (folder / name).write_bytes(octets)
    found = discover(folder, into=None)
    archive = ArchiveSource(folder / "a", "INBOX", max_message_octets=MAX_MESSAGE_OCTETS)
    for source in (*found.sources, archive):
        for message in source.read(lambda _: None):
            if isinstance(message, SourceMessage):
                assert all(mailbox_name.canonical(name) == name for name in message.mailboxes)
    for mailbox in found.mailboxes:
        assert mailbox_name.canonical(mailbox.name) == mailbox.name
        assert mailbox.role in (None, *Role)


if __name__ == "__main__":
    harness.main(target, SEEDS)
