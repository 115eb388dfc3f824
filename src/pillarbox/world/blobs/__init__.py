"""The door to message octets: content-addressed, immutable, counted by use."""

from pillarbox.world.blobs.blob import Blob, BlobMissing, PreparedBlob, keep_again, prepare, release
from pillarbox.world.blobs.files import IN_DATABASE_OCTETS, Blobs, BlobWriter, OpenBlob
from pillarbox.world.blobs.schema import SCHEMA, WITH_OCTETS
from pillarbox.world.blobs.sweep import sweep, sweep_leftovers

__all__ = [
    "IN_DATABASE_OCTETS",
    "SCHEMA",
    "WITH_OCTETS",
    "Blob",
    "BlobMissing",
    "BlobWriter",
    "Blobs",
    "OpenBlob",
    "PreparedBlob",
    "keep_again",
    "prepare",
    "release",
    "sweep",
    "sweep_leftovers",
]
