"""The values that rows of blobs have. A row without them is deleted: its octets, which are there, get another one."""

from typing import Final

from pillarbox.world.database.values import Rule, TableValues, integer, octets, text

OCTETS: Final[TableValues] = TableValues(
    name="octets-values-valid",
    table="blob_octets",
    columns={"octets": octets("CAST(coalesce(octets, '') AS BLOB)")},
    rule="Octets in the database are octets.",
    named="id",
    message="octets {0} in the database have another type",
    remedy="Take them for octets.",
)

BLOBS: Final[TableValues] = TableValues(
    name="blob-values-valid",
    table="blobs",
    columns={
        "digest": octets(length=32),
        "size": integer(),
        "uses": integer(instead="0"),
        "octets_id": Rule("typeof({0}) = 'integer' OR {0} IS NULL AND location IS NOT NULL", None),
        "location": Rule("typeof({0}) = 'text' OR {0} IS NULL AND octets_id IS NOT NULL", None),
    },
    rule="A blob has a digest, a size, a use count, and a place in the database or the name of a file.",
    named="hex(digest)",
    message="blob {0} has a size, count or place of a wrong type",
    remedy="Give its octets another row, and count its uses.",
)

_UNUSED: Final = TableValues(
    name="unused-file-values-valid",
    table="blob_files_unused",
    columns={"location": text()},
    rule="The name of a file that waits to be removed is a text.",
    named="1",
    message="the name of a file that waits to be removed is no text",
    remedy="Drop the row.",
)

TABLES: Final[tuple[TableValues, ...]] = (OCTETS, BLOBS, _UNUSED)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
