"""The SQLite engine: one file per shard, in WAL mode; several processes may have it open.

Only this package imports `apsw`. What SQLite alone can do is in files of its own: `snapshot` (for backups),
`salvage` (reading a damaged file), `soundness` (integrity checks), `shape` (which tables are missing).
"""

from pillarbox.world.database.sqlite.connection import PageCaches, keep_no_statistics
from pillarbox.world.database.sqlite.database import SqliteDatabase
from pillarbox.world.database.sqlite.opening import memory_database, open_database

__all__ = ["PageCaches", "SqliteDatabase", "keep_no_statistics", "memory_database", "open_database"]
