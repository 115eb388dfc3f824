"""What must always be true of rows, how to find where it is not, and what can safely be done about it.

Each room lists the invariants of its own tables; `admin/fsck` checks all of them. An invariant finds its
*breaches*, each a row of values that its message names. Its *mending*, if it has one, loses nothing that can
still be read and may be repeated; where nothing is safe, the remedy says what the operator can do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pillarbox.world.database.transaction import Transaction

Breach = tuple[Any, ...]
Find = Callable[[Transaction], Iterable[Breach]]
Mend = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule. Names are stable: operators and tests know them."""

    name: str
    always: str
    """What is always true, as a sentence."""
    breaches: str | Find
    """A query of which each row is a breach, or a function that yields them."""
    message: str
    """The breach as a sentence: `"mailbox {1} of account {0}"`."""
    remedy: str
    """What mending does; without a mending, what the operator can do."""
    mending: tuple[str, ...] | Mend | None = None
    """Statements, or a function, that mend all breaches; `None` where nothing is safe."""

    def find(self, tx: Transaction) -> Iterable[Breach]:
        """All breaches."""
        return tx.rows(self.breaches) if isinstance(self.breaches, str) else self.breaches(tx)

    def describe(self, breach: Breach) -> str:
        """One breach, for a person to read."""
        return self.message.format(*breach)

    def mend(self, tx: Transaction) -> None:
        """Mend all breaches, if that is safe."""
        match self.mending:
            case None:
                return
            case tuple() as statements:
                for statement in statements:
                    tx.execute(statement)
            case function:
                function(tx)
