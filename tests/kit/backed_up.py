"""An installation with mail and a folder for its backups, to damage either and see what commands make of it."""

import json
import sqlite3
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pillarbox.app.database import SCHEMAS
from pillarbox.world.blobs import BlobDamaged, FileBlobs
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.database.sqlite import open_database
from tests.kit.command_line import CommandLine, set_up

ANNA = "anna@example.org"
MESSAGES = 5
LARGE = 300_000
"""Octets of a message that becomes a file."""
LARGE_SUBJECT = "large one"


@dataclass(frozen=True)
class Installed:
    """An installation with mail, and a folder for its backups."""

    command: CommandLine
    backup: Path
    folder: Path

    def back_up(self, *words: str) -> Any:
        return self.command.json("backup", str(self.backup), *words)

    def restored(self, *words: str, code: int) -> dict[str, Any]:
        """The data directory moved away and restored: what the command says, with this exit code."""
        moved = self.folder / "moved"
        if self.command.data.exists():
            self.command.data.rename(moved)
        return self.answer("restore", str(self.backup), *words, code=code)

    def answer(self, *words: str, code: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command.refused(*words, "--json", code=code))
        return found

    def mail(self, login: str = ANNA) -> list[str]:
        """The subjects of all messages of an account whose octets are what they should be."""
        database = open_database(self.command.data / "pillarbox.db", SCHEMAS)
        try:
            return database.read_now(_readable, FileBlobs(self.command.data / "blobs"), login)
        finally:
            database.close_now()

    def blob_file(self) -> Path:
        (path,) = self.command.data.glob("blobs/[0-9a-f][0-9a-f]/*")
        return path

    def packs(self) -> list[Path]:
        return sorted((self.backup / "packs").glob("*.pack"))

    def points(self) -> list[Path]:
        return sorted((self.backup / "points").iterdir())

    def point_names(self) -> list[str]:
        return [point["name"] for point in self.command.json("backup", str(self.backup), "--list")]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.command.data / "pillarbox.db")
        with connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def add_mail(self, *numbers: int, octets: int = 0, subject: str = "") -> None:
        mbox = self.folder / f"mail{numbers[0]}.mbox"
        mbox.write_bytes(b"".join(message(number, octets, subject) for number in numbers))
        self.command.text("import", ANNA, str(mbox))


def _readable(tx: Transaction, blobs: FileBlobs, login: str) -> list[str]:
    sql = (
        "SELECT e.subject, e.blob FROM placements p JOIN emails e ON e.id = p.email"
        " JOIN accounts a ON a.id = p.account WHERE a.login = ? ORDER BY e.subject"
    )
    return [subject for subject, digest in tx.rows(sql, (login,)) if _is_sound(tx, blobs, digest)]


def _is_sound(tx: Transaction, blobs: FileBlobs, digest: bytes) -> bool:
    try:
        return sha256(blobs.read(tx, digest)).digest() == digest
    except (BlobDamaged, DatabaseUnavailable):
        return False


def message(number: int, octets: int = 0, subject: str = "") -> bytes:
    text = f"body of {number} ".encode() * 2 + b"%08d\n" % number
    filler = b"".join(b"%064d\n" % line for line in range(octets // 65))
    return b"From x Thu Jan  4 00:00:00 2024\nSubject: %s\nMessage-Id: <%d@x.example>\n\n%s%s\n" % (
        (subject or f"mail {number}").encode(),
        number,
        text,
        filler,
    )


def install(folder: Path) -> Installed:
    """An installation in this folder, with `MESSAGES` small messages and a large one."""
    installed = Installed(set_up(folder)[0], folder / "backup", folder)
    installed.add_mail(*range(MESSAGES))
    installed.add_mail(90, octets=LARGE, subject=LARGE_SUBJECT)
    return installed


SMALL = [f"mail {number}" for number in range(MESSAGES)]
ALL = sorted([*SMALL, LARGE_SUBJECT])


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
