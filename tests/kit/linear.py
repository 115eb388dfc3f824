"""What reading an input costs, against its length: nothing that anybody sends may cost more than its length deserves.

Work inside C code (regular expressions, `unicodedata`, methods of `str`) can't be counted in steps, so this measures
the CPU time of the thread, which does not grow while others use the machine, and the bounds are wide: what is
quadratic at a limit of megabytes misses them by orders of magnitude.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

MAX_GROWTH: Final = 3.0
"""How much more twice the input may cost: 2 is linear, 4 quadratic."""
NOISE_S: Final = 0.005
"""Below this, what is measured is mostly noise."""
_ATTEMPTS: Final = 4
"""Measured again so many times at most, before it fails."""


def assert_linear(
    call: Callable[[T], object], make: Callable[[int], T], size: int, *, within_s: float = 1.0
) -> None:
    """Assert that `call(make(size))` costs at most `within_s`, and at most `MAX_GROWTH` times its half.

    `make` returns an input whose length is about the number that it is given. `size` should be the limit of the input,
    or what costs some milliseconds at least. Smaller inputs are tried first, so that what is quadratic fails soon.
    """
    for part in (64, 8):
        _assert_cheap(_seconds(call, make(size // part)), size // part, within_s)
    half = whole = float("inf")
    for _ in range(_ATTEMPTS):
        half, whole = _seconds(call, make(size // 2)), min(whole, _seconds(call, make(size)))
        if whole <= max(half * MAX_GROWTH, NOISE_S) and whole <= within_s:
            return
    _assert_cheap(whole, size, within_s)
    raise AssertionError(f"{size // 2} cost {half * 1000:.1f} ms, and {size} cost {whole * 1000:.1f} ms")


def _assert_cheap(seconds: float, size: int, within_s: float) -> None:
    assert seconds <= within_s, f"{size} cost {seconds * 1000:.1f} ms; the bound is {within_s * 1000:.0f} ms"


def _seconds(call: Callable[[T], object], given: T) -> float:
    """The CPU time of one call."""
    began = time.thread_time()
    call(given)
    return time.thread_time() - began
