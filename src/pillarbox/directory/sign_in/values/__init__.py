"""The values that rows have of what somebody signs in with, and what is put in the place of others."""

from typing import Final

from pillarbox.directory.sign_in.values import credentials, recovery, second_factors, sign_ins
from pillarbox.world.database.values import TableValues

TABLES: Final[tuple[TableValues, ...]] = (
    *credentials.TABLES,
    *second_factors.TABLES,
    *sign_ins.TABLES,
    *recovery.TABLES,
)
