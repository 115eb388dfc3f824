"""Sequence sets as a client writes them: `1:3,7,10:*`, `$`.

Still symbolic: what `*` (the last message) and `$` (the saved search result, RFC 5182) refer to is known
only to the selected mailbox, when the command runs (`selected.SelectedMailbox`).
"""

from dataclasses import dataclass

from pillarbox.mail.number_set import EMPTY, NumberSet


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Sequence numbers or UIDs as the command names them (RFC 9051 §9, sequence-set); never empty."""

    numbers: NumberSet = EMPTY
    """`*` among them is `number_set.STAR`."""

    saved: bool = False
    """Whether `$` is among them (RFC 5182 §2.1)."""
