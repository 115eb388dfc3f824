"""What values a table's rows may have: as invariants, and as a question about the rows of one account.

SQLite keeps what a damaged page gives it, a text in a column of integers also. Each room says of its own tables which
values are possible, and what is put in the place of others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.database.transaction import SqlValue, Transaction

MAX_NUMBER: Final = 2**62
"""No number of ours that is counted, measured or assigned is as high."""
MAX_ID: Final = 2**63 - 1
DATES_MS: Final = (-62_135_596_800_000, 253_402_300_799_999)
"""The years 1 to 9999."""

NOW_MS: Final = "1000 * CAST(strftime('%s', 'now') AS INTEGER)"


class Rule(NamedTuple):
    """What the values of a column are."""

    condition: str
    """As SQL, where `{0}` is the column."""
    instead: str | None
    """What is put in the place of others, as SQL; `None`: their row is deleted."""


def integer(low: int = 0, high: int = MAX_NUMBER, instead: str | None = None) -> Rule:
    """Numbers within bounds."""
    return Rule(f"typeof({{0}}) = 'integer' AND {{0}} BETWEEN {low} AND {high}", instead)


def date(instead: str | None = None) -> Rule:
    """Milliseconds since 1970, in the years 1 to 9999."""
    return integer(*DATES_MS, instead)


def text(instead: str | None = None, *, among: tuple[str, ...] = ()) -> Rule:
    """Texts, or some texts only."""
    words = ", ".join(f"'{word}'" for word in among)
    return Rule(f"typeof({{0}}) = 'text'{f' AND {{0}} IN ({words})' if words else ''}", instead)


def octets(instead: str | None = None, *, length: int | None = None) -> Rule:
    """Octets, or so many of them."""
    so_many = "" if length is None else f" AND length({{0}}) = {length}"
    return Rule(f"typeof({{0}}) = 'blob'{so_many}", instead)


def optional(rule: Rule) -> Rule:
    """Or NULL, which is put in the place of others unless something else is."""
    return Rule(f"{{0}} IS NULL OR {rule.condition}", rule.instead or "NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableValues:
    """The values of a table's rows."""

    name: str
    """Of the invariant."""
    table: str
    columns: Mapping[str, Rule]
    rule: str
    named: str
    """What names a row in `message`, as SQL: columns that may be damaged themselves."""
    message: str
    remedy: str
    of_account: str = ""
    """Which rows concern an account, as SQL with `?` for its number; empty where they concern all."""

    @property
    def wrong(self) -> str:
        """As SQL, whether a row has values that nobody wrote."""
        return f"NOT ({' AND '.join(_fits(column, rule) for column, rule in self.columns.items())})"

    def invariant(self) -> Invariant:
        """As a rule that `fsck` checks, and repairs."""
        return Invariant(
            self.name,
            self.rule,
            f"SELECT {self.named} FROM {self.table} WHERE {self.wrong}",  # noqa: S608 - constants of the rooms
            self.message,
            self.remedy,
            tuple(self._repairs()),
        )

    def _repairs(self) -> list[str]:
        fatal = [_fits(column, rule) for column, rule in self.columns.items() if rule.instead is None]
        statements = [f"DELETE FROM {self.table} WHERE NOT ({' AND '.join(fatal)})"] if fatal else []  # noqa: S608 - likewise
        statements += [
            f"UPDATE {self.table} SET {column} = {rule.instead} WHERE NOT {_fits(column, rule)}"  # noqa: S608 - likewise
            for column, rule in self.columns.items()
            if rule.instead is not None
        ]
        return statements

    def is_wrong(self, tx: Transaction, account: AccountId | None) -> bool:
        """Whether a row has such values: of this account, where the table has rows of accounts."""
        sql, parameters = f"SELECT 1 FROM {self.table} WHERE {self.wrong}", list[SqlValue]()  # noqa: S608 - likewise
        if self.of_account:
            if account is None:
                return False
            sql, parameters = f"{sql} AND {self.of_account}", [account] * self.of_account.count("?")
        return tx.row(f"{sql} LIMIT 1", parameters) is not None


def check(tx: Transaction, tables: tuple[TableValues, ...], account: AccountId | None) -> None:
    """Raises `ValuesDamaged` where rows that concern an account have values that nobody wrote."""
    for values in tables:
        if values.is_wrong(tx, account):
            raise ValuesDamaged(
                f"rows of {values.table}{'' if account is None else f' that concern account {account}'} have values"
                " that were never written: pillarbox fsck --repair mends them"
            )


def _fits(column: str, rule: Rule) -> str:
    return f"coalesce({rule.condition.format(column)}, 0)"
