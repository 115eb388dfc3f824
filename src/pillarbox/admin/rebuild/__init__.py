"""`pillarbox rebuild`: a new database from what can be read of a damaged one.

database.py   the steps, and putting the new database in place
emails.py     emails from their octets
"""

from pillarbox.admin.rebuild.database import CannotRebuild, RebuildResult, rebuild_database

__all__ = ["CannotRebuild", "RebuildResult", "rebuild_database"]
