"""Sequence sets as a client writes them: `1:3,7,10:*`, `$`.

Still symbolic: what `*` (the last message) and `$` (the saved search result, RFC 5182) refer to is known
only to the selected mailbox, when the command runs (`selected.SelectedMailbox`).
"""

from msgspec import Struct

from pillarbox.mail.number_set import EMPTY, NumberSet


class SequenceSet(Struct, frozen=True, gc=False):
    """Sequence numbers or UIDs as the command names them (RFC 9051 §9, sequence-set); never empty."""

    numbers: NumberSet = EMPTY
    """`*` among them is `number_set.STAR`."""

    saved: bool = False
    """Whether `$` is among them (RFC 5182 §2.1)."""
