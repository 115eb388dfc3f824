"""Spans of time as people read them."""

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


def span(milliseconds: float) -> str:
    """A duration in the largest unit that gives at least one: `3 h`, `12 s`."""
    seconds = max(0, int(milliseconds)) // 1000
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
