"""Lists of emails that are kept: of a filter, in an order, exactly as of the account's version.

Where filter and order are about an email alone, and its date or size, what has changed is put in its place, however
long the list is. Other lists are made again once the account has changed.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

from msgspec import Struct

from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import ListedAccount
from pillarbox.store.listing.evaluation import matching
from pillarbox.store.listing.filters import Filter
from pillarbox.store.search.text import go_on

MAX_LISTS: Final = 16
"""Lists that are kept of an account; the least recently used goes first."""
MAX_MOVED: Final = 100
"""Emails that are put in their places one by one, each counted as often as the filter compares it with something; with
more, the list is made again. All lists of an account are brought up to date together, in the loop."""
MAX_CONDITIONS: Final = 16
"""Of a filter, likewise."""
_PLACE_OCTETS: Final = 4


class By(Enum):
    """What lists are ordered by."""

    __hash__ = object.__hash__

    RECEIVED = "received"
    SIZE = "size"
    SENT = "sent"
    FROM = "from"
    TO = "to"
    SUBJECT = "subject"
    SNOOZED = "snoozed"
    """When they come back, or have come back; others by when they were received."""
    FLAG = "flag"
    """Emails that have the flag come last, unless the order is descending."""
    THREAD_FLAG = "thread flag"


class Order(Struct, frozen=True):
    """One thing that a list is ordered by."""

    by: By
    descending: bool = False
    flag: f.HasFlag | f.ThreadHasFlag | None = None


NEWEST_FIRST: Final = (Order(By.RECEIVED, descending=True),)
Orders = tuple[Order, ...]


class EmailList:
    """A list; `places` are those of the `ListedAccount`."""

    __slots__ = ("_at", "_seen", "_threads", "filter", "orders", "places")

    def __init__(self, filter: Filter, orders: Orders, places: "array[int]") -> None:  # noqa: A002
        self.filter = filter
        self.orders = orders
        self.places = places
        self._restart()

    @property
    def octets(self) -> int:
        """What it takes of memory, about."""
        # An entry of a set with its number takes some 70 octets
        return _PLACE_OCTETS * (len(self.places) + len(self._threads)) + 70 * len(self._seen)

    # --- one email of each thread

    def first_of_threads(self, listed: ListedAccount, number: int | None = None) -> "array[int]":
        """The first places when each thread has but its first email: so many, or all (RFC 8621 §4.4.3).

        As much as was asked for is kept.
        """
        threads, seen, found = listed.threads, self._seen, self._threads
        while self._at < len(self.places) and (number is None or len(found) < number):
            place = self.places[self._at]
            self._at += 1
            thread = threads[place]
            if thread not in seen:
                seen.add(thread)
                found.append(place)
        return found

    def _restart(self) -> None:
        self._threads = array("I")
        self._seen = set[int]()
        self._at = 0

    # --- keeping it

    def change(self, listed: ListedAccount, changed: Sequence[int]) -> bool:
        """Put these emails in their places; False where the list has to be made again."""
        key, conditions = _key(listed, self.orders), f.conditions(self.filter)
        if key is None or not _is_about_each(self.filter):
            return False
        if conditions > MAX_CONDITIONS or len(changed) * conditions > MAX_MOVED:
            return False
        if not changed:
            return True
        places, descending = self.places, self.orders[0].descending
        if descending:
            places.reverse()
        for place in changed:
            at = bisect_left(places, key(place), key=key)
            if at < len(places) and places[at] == place:
                del places[at]
        for place in matching(listed, self.filter, among=sorted(changed), pause=go_on):
            places.insert(bisect_left(places, key(place), key=key), place)
        if descending:
            places.reverse()
        self._restart()
        return True


def _is_about_each(filter: Filter) -> bool:  # noqa: A002
    return not f.texts(filter) and not f.of_threads(filter)


def _key(listed: ListedAccount, orders: Orders) -> Callable[[int], Any] | None:
    """What tells the place in a list that ascends, where that never changes."""
    if len(orders) != 1:
        return None
    match orders[0].by:
        case By.RECEIVED:
            return listed.received_key
        case By.SIZE:
            sizes = listed.sizes
            return lambda place: (sizes[place], listed.received_key(place))
        case _:
            return None


class ListCache:
    """The lists of an account."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Filter, Orders], EmailList] = OrderedDict()

    @property
    def octets(self) -> int:
        """What they take of memory, about."""
        return sum(one.octets for one in self._kept.values())

    def get(self, filter: Filter, orders: Orders) -> EmailList | None:  # noqa: A002
        """The list, if it is kept."""
        key = filter, orders
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def add(self, made: EmailList) -> None:
        """Keep a list that was made of the account as it is."""
        self._kept[made.filter, made.orders] = made
        while len(self._kept) > MAX_LISTS:
            self._kept.popitem(last=False)

    def changed(self, listed: ListedAccount, changed: Sequence[int]) -> None:
        """These emails have changed: bring lists to that state, and forget the others."""
        gone = [key for key, one in self._kept.items() if not one.change(listed, changed)]
        for key in gone:
            del self._kept[key]
