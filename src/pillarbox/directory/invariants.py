"""What is always true of the directory's rows."""

from pillarbox.world.database.invariant import Invariant

_RESTORE = "Make it again with `pillarbox account`, or restore a backup."


def _leads_nowhere(table: str, column: str, name: str, what: str) -> Invariant:
    """Rows that belong to accounts which are gone: they let nobody in and nothing arrive."""
    return Invariant(
        name,
        f"{what} belongs to an account that exists.",
        f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608 - constants of this file
        f" AND {column} NOT IN (SELECT id FROM accounts)",
        f"{what.lower()} belongs to account {{0}}, which is not there",
        "Drop the row.",
        (f"DELETE FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM accounts)",),  # noqa: S608 - likewise
    )


INVARIANTS = (
    Invariant(
        "next-account-number-unused",
        "The number of the next account is above all that were given.",
        "SELECT latest FROM accounts_issued WHERE series = 'account'"
        " AND latest < (SELECT coalesce(max(id), 0) FROM accounts)",
        "the next account would get a number that another has ({0})",
        "Go on above the highest.",
        (
            (
                "UPDATE accounts_issued SET latest = max(latest, (SELECT coalesce(max(id), 0) FROM accounts))"
                " WHERE series = 'account'"
            ),
        ),
    ),
    _leads_nowhere("addresses", "account", "address-has-account", "An address"),
    _leads_nowhere("passwords", "account", "password-has-account", "A password"),
    _leads_nowhere("app_passwords", "account", "app-password-has-account", "An app password"),
    _leads_nowhere("group_members", "account", "group-member-has-account", "A group's membership"),
    Invariant(
        "account-has-password",
        "Every account has a password, which may be worthless.",
        "SELECT login FROM accounts WHERE id NOT IN (SELECT account FROM passwords)",
        "{0} has no password",
        "Give it one: pillarbox account password LOGIN",
    ),
    Invariant(
        "account-has-domain",
        "Every account is of a domain that is served.",
        "SELECT login, domain FROM accounts WHERE domain NOT IN (SELECT name FROM domains)",
        "{0} is of {1}, which is not served",
        "Serve it: pillarbox domain add DOMAIN",
    ),
    Invariant(
        "account-has-address",
        "Every account receives what is sent to its own address.",
        "SELECT a.login FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM addresses d WHERE d.account = a.id)",
        "mail for {0} arrives nowhere",
        _RESTORE,
    ),
    Invariant(
        "alias-has-target",
        "Every alias has a target.",
        "SELECT local, domain FROM addresses d WHERE kind = 'alias' AND NOT EXISTS"
        " (SELECT 1 FROM alias_targets t WHERE t.local = d.local AND t.domain = d.domain)",
        "{0}@{1} leads nowhere",
        "Give it a target, or remove it: pillarbox alias",
    ),
)
"""All of them, in the order of repair."""
