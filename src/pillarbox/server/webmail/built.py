"""What `webmail/` was built into: the shell, and the files that it names. Read with the first request for them.

A build puts `index.html` into the package's folder `webmail_built`, and all else below `webmail_built/webmail`, each
file with a digest in its name, so that a browser keeps it for a year and never has an old one. Beside a file there may
be the same compressed: `NAME.br`, `NAME.gz`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pillarbox

FOLDER: Final = Path(pillarbox.__file__).parent / "webmail_built"
FILES: Final = "webmail"
"""The folder of the files, and the first part of their paths."""
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_ENCODINGS: Final = {".br": "br", ".gz": "gzip"}


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file."""

    media_type: str
    octets: Mapping[str, bytes] = field(repr=False)
    """By content coding (RFC 9110 §8.4.1); the plain ones are `identity`."""

    def chosen(self, accepted: str) -> tuple[str, bytes]:
        """The smallest form that the client takes, by its Accept-Encoding; and which one it is."""
        codings = {"identity", *_accepted(accepted)}
        return min(
            ((name, octets) for name, octets in self.octets.items() if name in codings),
            key=lambda found: len(found[1]),
        )


@dataclass(frozen=True, slots=True)
class Built:
    """A page that was built."""

    shell: BuiltFile
    files: Mapping[str, BuiltFile]
    """By their names below `/webmail/`."""


def read(folder: Path) -> Built | None:
    """What was built into this folder; None where nothing was. Takes some milliseconds."""
    index = folder / "index.html"
    if not index.is_file():
        return None
    found = (folder / FILES).iterdir()
    files = {path.name: _file(path, _TYPES[path.suffix]) for path in found if path.suffix in _TYPES}
    return Built(_file(index, "text/html; charset=utf-8"), files)


def _file(path: Path, media_type: str) -> BuiltFile:
    octets = {"identity": path.read_bytes()}
    for suffix, coding in _ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if compressed.is_file():
            octets[coding] = compressed.read_bytes()
    return BuiltFile(media_type, octets)


def _accepted(field: str) -> set[str]:
    """The codings that a client takes (RFC 9110 §12.5.3); those with a weight of 0 are refused."""
    taken = set()
    for one in field.lower().split(","):
        name, _, weight = one.partition(";")
        if weight.replace(" ", "").removeprefix("q=").rstrip("0.") or not weight:
            taken.add(name.strip())
    return taken
