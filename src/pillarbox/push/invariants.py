"""Invariants of the tables of pushes, checked by `pillarbox fsck`."""

from pillarbox.push import values

INVARIANTS = (*values.INVARIANTS,)
"""In the order in which to repair them."""
