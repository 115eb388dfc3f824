"""Which emails match a filter: for some thousand places at a time, an octet for each that is 1 where it does.

Of the many emails few are in different mailboxes with different flags, so conditions about those are decided once for
each placing. What needs the text of messages has been found before (`texts.py`).
"""

from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import compress
from typing import Final, assert_never

from pillarbox.mail import flags as flag_text
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import NOWHERE, ListedAccount, Placing
from pillarbox.store.listing.filters import Filter
from pillarbox.store.search import Interlude

SLICE: Final = 10_000
"""Emails that are looked at together: about a millisecond for each condition."""

Texts = Mapping[f.Matching, Collection[int]]
"""The ids of the emails that match what needs their text."""


def matching(
    listed: ListedAccount,
    wanted: Filter,
    *,
    pause: Interlude,
    among: Sequence[int] | None = None,
    texts: Texts | None = None,
) -> "array[int]":
    """The places of the emails that match, in the order of `among` (as a rule all, by id).

    Without `texts`, all that may match, whatever the text. `pause` is called between steps.
    """
    evaluation = _Evaluation(listed, texts, pause)
    evaluation.prepare(wanted)
    places: Sequence[int] = range(len(listed.ids)) if among is None else among
    found = array("I")
    for start in range(0, len(places), SLICE):
        pause()
        some = places[start : start + SLICE]
        found.extend(compress(some, evaluation.mask(wanted, some)))
    return found


class _Evaluation:
    def __init__(self, listed: ListedAccount, texts: Texts | None, pause: Interlude) -> None:
        self._listed = listed
        self._texts = texts
        self._pause = pause
        self._threads: dict[f.ThreadHasFlag, set[int]] = {}
        """The threads that match."""

    def prepare(self, wanted: Filter) -> None:
        """Look at all emails, where it is about their threads."""
        for condition in f.of_threads(wanted):
            self._threads[condition] = threads_with_flag(self._listed, condition, self._pause)

    def mask(self, wanted: Filter, places: Sequence[int]) -> bytes:
        """1 for each place that matches, of those that are there."""
        there = self._placed(places, lambda placing: placing != NOWHERE)
        return _both(there, self._mask(wanted, places, possible=True))

    def _mask(self, wanted: Filter, places: Sequence[int], *, possible: bool) -> bytes:
        """`possible`: what is not known counts as if it matched."""
        match wanted:
            case f.All(filters):
                mask = b"\1" * len(places)
                for one in filters:
                    mask = _both(mask, self._mask(one, places, possible=possible))
                return mask
            case f.Any(filters):
                mask = bytes(len(places))
                for one in filters:
                    mask = _either(mask, self._mask(one, places, possible=possible))
                return mask
            case f.Not(one):
                return _turned(self._mask(one, places, possible=not possible))
            case f.Matching():
                if self._texts is None:
                    return (b"\1" if possible else b"\0") * len(places)
                ids, found = self._listed.ids, self._texts[wanted]
                return bytes([ids[place] in found for place in places])
            case _:
                return self._in_memory(wanted, places)

    def _in_memory(self, wanted: f.InMemory, places: Sequence[int]) -> bytes:
        listed = self._listed
        match wanted:
            case f.InMailbox(mailbox):
                return self._placed(places, lambda placing: any(box == mailbox for box, _ in placing))
            case f.InOthers(boxes):
                return self._placed(places, lambda placing: any(box not in boxes for box, _ in placing))
            case f.HasFlag(flag):
                return self._placed(places, lambda placing: has_flag(placing, flag))
            case f.ReceivedBefore(at_ms):
                received_ms = listed.received_ms
                return bytes([received_ms[place] < at_ms for place in places])
            case f.Smaller(octets):
                sizes = listed.sizes
                return bytes([sizes[place] < octets for place in places])
            case f.Among(emails):
                ids = listed.ids
                return bytes([ids[place] in emails for place in places])
            case f.ThreadHasFlag():
                threads, found = listed.threads, self._threads[wanted]
                return bytes([threads[place] in found for place in places])
            case _:
                assert_never(wanted)

    def _placed(self, places: Sequence[int], matches: Callable[[Placing], bool]) -> bytes:
        listed = self._listed
        numbers = listed.placings
        if isinstance(places, range) and places.step == 1:
            some: Sequence[int] = numbers[places.start : places.stop]
        else:
            some = [numbers[place] for place in places]
        good = {number for number in set(some) if matches(listed.different[number])}
        return bytes(map(good.__contains__, some))


def has_flag(placing: Placing, flag: str) -> bool:
    """Whether an email has a flag: one of its messages has it."""
    return any(flag_text.contains(flags, flag) for _, flags in placing)


def threads_with_flag(listed: ListedAccount, wanted: f.ThreadHasFlag, pause: Interlude) -> set[int]:
    """The threads of which all emails that are there, or some, have the flag."""
    with_it, without = set[int](), set[int]()
    known: dict[int, bool | None] = {}
    for start in range(0, len(listed.ids), SLICE):
        pause()
        part = slice(start, start + SLICE)
        numbers, threads = listed.placings[part], listed.threads[part]
        for number in set(numbers) - known.keys():
            placing = listed.different[number]
            known[number] = has_flag(placing, wanted.flag) if placing else None
        having = [known[number] for number in numbers]
        with_it.update(compress(threads, having))
        without.update(compress(threads, [has is False for has in having]))
    return with_it - without if wanted.emails is f.InThread.ALL else with_it


# --- masks: octets of 0 and 1


def _both(one: bytes, other: bytes) -> bytes:
    return _joined(_number(one) & _number(other), len(one))


def _either(one: bytes, other: bytes) -> bytes:
    return _joined(_number(one) | _number(other), len(one))


def _turned(mask: bytes) -> bytes:
    return mask.translate(_OTHER)


def _number(mask: bytes) -> int:
    return int.from_bytes(mask, "little")


def _joined(number: int, length: int) -> bytes:
    return number.to_bytes(length, "little")


_OTHER: Final = bytes((1, 0)) + bytes(254)
