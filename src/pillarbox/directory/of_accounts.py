"""What is true of all rows that are an account's."""

from pillarbox.world.database.invariant import Invariant


def has_account(table: str, column: str, name: str, what: str) -> Invariant:
    """Rows belong to existing accounts. One that does not has no effect: no login, no delivery."""
    return Invariant(
        name,
        f"{what} belongs to an existing account.",
        f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - constants of invariants
        f" AND {column} NOT IN (SELECT id FROM accounts)",
        f"{what.lower()} belongs to account {{0}}, which does not exist",
        "Drop the row.",
        (f"DELETE FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM accounts)",),  # noqa: S608 - likewise
    )
