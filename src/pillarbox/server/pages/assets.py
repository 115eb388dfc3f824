"""Files of the pages that are the same for everybody: their looks, and the script of passkeys.

Each has a digest in its name, so that a browser keeps it for a year and never has an old one.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from starlette.responses import Response

from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest

FOLDER: Final = Path(__file__).parent / "assets"
PATH: Final = "/assets/{name}"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGEST_OCTETS: Final = 8


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    path: str
    """Where it is served."""
    media_type: str
    octets: bytes = field(repr=False)


@cache
def assets() -> dict[str, Asset]:
    """All files by their plain names; read once."""
    return {file.name: _asset(file) for file in sorted(FOLDER.iterdir()) if file.suffix in _TYPES}


def _asset(file: Path) -> Asset:
    octets = file.read_bytes()
    digest = hashlib.blake2b(octets, digest_size=_DIGEST_OCTETS).hexdigest()
    return Asset(f"/assets/{file.stem}.{digest}{file.suffix}", _TYPES[file.suffix], octets)


@cache
def _by_path() -> dict[str, Asset]:
    return {asset.path: asset for asset in assets().values()}


async def asset(request: HttpRequest) -> Response:
    """The file of this name. Raises `Refused` for unknown ones."""
    found = _by_path().get(request.url.path)
    if found is None:
        raise Refused(Problem(404, "There is no such file."))
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.octets, media_type=found.media_type, headers=headers)
