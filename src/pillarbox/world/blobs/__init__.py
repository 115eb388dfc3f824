"""Message octets: content-addressed, immutable, with a use count."""

from pillarbox.world.blobs.blob import (
    Blob,
    BlobDamaged,
    BlobMissing,
    PreparedBlob,
    keep_again,
    prepare,
    release,
    verified,
)
from pillarbox.world.blobs.blobs import MAX_IN_DATABASE_OCTETS, Blobs, BlobWriter
from pillarbox.world.blobs.files import FileBlobs, FilesMissing, require_files
from pillarbox.world.blobs.in_database import DatabaseBlobs
from pillarbox.world.blobs.open_blob import OpenBlob
from pillarbox.world.blobs.schema import SCHEMA, WITH_OCTETS
from pillarbox.world.blobs.spool import spooled
from pillarbox.world.blobs.sweep import ABANDONED_MS, has_unused_files, sweep, sweep_leftovers

__all__ = [
    "ABANDONED_MS",
    "MAX_IN_DATABASE_OCTETS",
    "SCHEMA",
    "WITH_OCTETS",
    "Blob",
    "BlobDamaged",
    "BlobMissing",
    "BlobWriter",
    "Blobs",
    "DatabaseBlobs",
    "FileBlobs",
    "FilesMissing",
    "OpenBlob",
    "PreparedBlob",
    "has_unused_files",
    "keep_again",
    "prepare",
    "release",
    "require_files",
    "spooled",
    "sweep",
    "sweep_leftovers",
    "verified",
]
