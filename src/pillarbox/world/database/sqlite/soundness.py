"""SQLite's own check of its file."""

from pillarbox.world.database.failures import DatabaseFailure
from pillarbox.world.database.transaction import Transaction


def damage(tx: Transaction, *, quick: bool, limit: int) -> list[str]:
    """What SQLite finds wrong with the file, at most `limit` findings. `quick`: without comparing indexes."""
    check = "quick_check" if quick else "integrity_check"
    try:
        lines = [str(line) for (line,) in tx.rows(f"PRAGMA {check}({limit})")]
    except DatabaseFailure as failure:
        return [str(failure)]
    return [line for line in lines if line != "ok"]
