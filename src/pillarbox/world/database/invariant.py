"""What must always be true of rows, how to find where it is not, and what can safely be done about it.

Each room lists the invariants of its own tables; `admin/fsck` checks all of them. An invariant finds its
*violations*, each a row of values that its message names. Its *repair*, if it has one, loses nothing that can
still be read and may be repeated; where no repair is safe, the remedy says what the operator can do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pillarbox.world.database.transaction import Transaction

Violation = tuple[Any, ...]
Find = Callable[[Transaction], Iterable[Violation]]
Repair = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule. Names are stable: operators and tests know them."""

    name: str
    rule: str
    """What is always true, as a sentence."""
    violations: str | Find
    """A query of which each row is a violation, or a function that yields them."""
    message: str
    """The violation as a sentence: `"mailbox {1} of account {0}"`."""
    remedy: str
    """What the repair does; without a repair, what the operator can do, with the violation's values as in `message`."""
    repair: tuple[str, ...] | Repair | None = None
    """Statements, or a function, that repair all violations; `None` where nothing is safe."""
    is_loss: bool = False
    """Whether a violation is something lost, to be told in full, which the operator may accept."""

    def find(self, tx: Transaction) -> Iterable[Violation]:
        """All violations."""
        return tx.rows(self.violations) if isinstance(self.violations, str) else self.violations(tx)

    def describe(self, violation: Violation) -> str:
        """One violation, for a person to read."""
        return self.message.format(*violation)

    def advise(self, violation: Violation) -> str:
        """The remedy for one violation."""
        return self.remedy.format(*violation)

    def run_repair(self, tx: Transaction) -> None:
        """Repair all violations, if that is safe."""
        match self.repair:
            case None:
                return
            case tuple() as statements:
                for statement in statements:
                    tx.execute(statement)
            case function:
                function(tx)
