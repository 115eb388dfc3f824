"""Octets that are read again while somebody waits for them, and are not kept: in a file without a name."""

import os
from collections.abc import Iterable
from itertools import chain
from tempfile import TemporaryFile

from pillarbox.world.blobs.blobs import MAX_IN_DATABASE_OCTETS, Blobs
from pillarbox.world.blobs.files import INCOMING
from pillarbox.world.blobs.open_blob import OpenBlob
from pillarbox.world.database import DatabaseUnavailable


def spooled(blobs: Blobs, pieces: Iterable[bytes]) -> OpenBlob:
    """The pieces, to be read in any order; in memory where they are few, or all is in the database. For threads.

    Raises `DatabaseUnavailable` where the disk fails.
    """
    first, octets = [], 0
    rest = iter(pieces)
    for piece in rest:
        first.append(piece)
        octets += len(piece)
        if octets >= MAX_IN_DATABASE_OCTETS and blobs.directory is not None:
            break
    else:
        return OpenBlob(b"".join(first))
    assert blobs.directory is not None
    try:
        # Where the file system can't do without a name, it is gone before anybody could sweep the folder
        with TemporaryFile(dir=blobs.directory / INCOMING) as file:
            file.writelines(chain(first, rest))
            file.flush()
            return OpenBlob.of_file(os.dup(file.fileno()), "of a part")
    except OSError as failure:
        raise DatabaseUnavailable(str(failure)) from failure
