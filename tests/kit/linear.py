"""What reading an input costs, against its length: nothing that anybody sends may cost more than its length deserves.

Work inside C code (regular expressions, `unicodedata`, methods of `str`) can't be counted in steps, so this measures
the CPU time of the thread, which does not grow while others use the machine, and the bounds are wide: what is
quadratic at a limit of megabytes misses them by orders of magnitude. Caches and the clock of a busy processor make
equal work cost up to twice as much, so a quarter of the input is compared with the whole, and again if that fails.
"""

import gc
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

MAX_GROWTH: Final = 8.0
"""How much more four times the input may cost: 4 is linear, 16 quadratic."""
NOISE_S: Final = 0.005
"""Below this, what is measured is mostly noise."""
_ATTEMPTS: Final = 8
"""Measured again so many times at most, before it fails."""


def assert_linear(
    call: Callable[[T], object], make: Callable[[int], T], size: int, *, within_s: float = 4.0
) -> None:
    """Assert that `call(make(size))` costs at most `within_s`, and at most `MAX_GROWTH` times its quarter.

    `make` returns an input whose length is about the number that it is given. `size` should be the limit of the input,
    or what costs some milliseconds at least. Smaller inputs are tried first, so that what is quadratic fails soon.
    """
    for part in (64, 8):
        _assert_cheap(_seconds(call, make(size // part)), size // part, within_s)
    quarter = whole = float("inf")
    for _ in range(_ATTEMPTS):
        quarter, whole = _seconds(call, make(size // 4)), min(whole, _seconds(call, make(size)))
        if whole <= max(quarter * MAX_GROWTH, NOISE_S) and whole <= within_s:
            return
    _assert_cheap(whole, size, within_s)
    raise AssertionError(f"{size // 4} cost {quarter * 1000:.1f} ms, and {size} cost {whole * 1000:.1f} ms")


def _assert_cheap(seconds: float, size: int, within_s: float) -> None:
    assert seconds <= within_s, f"{size} cost {seconds * 1000:.1f} ms; the bound is {within_s * 1000:.0f} ms"


def _seconds(call: Callable[[T], object], given: T) -> float:
    """The CPU time of one call, without collections of garbage: what they cost is decided by what others made."""
    collects = gc.isenabled()
    gc.disable()
    try:
        began = time.thread_time()
        call(given)
        return time.thread_time() - began
    finally:
        if collects:
            gc.enable()
