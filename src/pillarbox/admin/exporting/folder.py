"""The folder of an export: its files, private to their owner, and the manifest that says which mailbox is where."""

import os
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

from pillarbox.admin.importing import manifest
from pillarbox.admin.importing.manifest import Manifest, Row
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.normalization import caseless
from pillarbox.store.mailbox import Mailbox

MAX_FILE_NAME_OCTETS: Final = 200
"""A longer name is cut, and told from others by a hash: file systems take 255 octets, and names get suffixes."""
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class ExportFolder:
    """Makes folders and files that do not exist yet. All methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[Row] = []
        self._taken: set[tuple[Path, str]] = {(path, manifest.FILE)}
        if path.exists():  # and is empty: the command requires it
            path.chmod(_FOLDER_MODE)

    def make(self, path: Path) -> Path:
        """Make a folder, and those above it, unless it is there."""
        if not path.exists():
            self.make(path.parent)
            path.mkdir(mode=_FOLDER_MODE)
            path.chmod(_FOLDER_MODE)  # whatever the umask
        return path

    def create(self, path: Path) -> BinaryIO:
        """Create a file, and the folders above it."""
        self.make(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
        os.fchmod(descriptor, _FILE_MODE)
        return os.fdopen(descriptor, "wb")

    def free(self, parent: Path, wanted: str, suffix: str = "") -> Path:
        """A path that nothing else of this export has, also where file names have no case."""
        octets = wanted.encode()
        if len(octets) + len(suffix) > MAX_FILE_NAME_OCTETS:
            digest = blake2b(octets, digest_size=8).hexdigest()
            wanted = octets[: MAX_FILE_NAME_OCTETS - len(digest)].decode("utf-8", "ignore") + "~" + digest
        name, number = wanted + suffix, 1
        while (parent, caseless(name)) in self._taken:
            number += 1
            name = f"{wanted}~{number}{suffix}"
        self._taken.add((parent, caseless(name)))
        return parent / name

    def record(self, mailbox: Mailbox, path: Path) -> None:
        """Note where a mailbox is."""
        role = mailbox.role.value if mailbox.role and mailbox.name != INBOX else None
        where = path.relative_to(self.path).as_posix()
        self._rows.append(Row(where, mailbox.name, role, mailbox.subscribed))

    def finish(self, subscriptions: list[str]) -> None:
        """Write the manifest. `subscriptions`: names without a mailbox."""
        with self.create(self.path / manifest.FILE) as file:
            file.write(manifest.encode(Manifest(mailboxes=self._rows, subscriptions=subscriptions)))
            file.flush()
            os.fsync(file.fileno())
