"""Making a list: what matches, in order. Where there are many emails, this is for a thread."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pillarbox.mail.identifiers import EmailId
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import ListedAccount
from pillarbox.store.listing.evaluation import Texts, has_flag, matching, threads_with_flag
from pillarbox.store.listing.filters import Filter
from pillarbox.store.listing.lists import By, EmailList, Order, Orders
from pillarbox.store.listing.ordering import arranged
from pillarbox.store.search import Interlude

Values = Mapping[By, Mapping[int, Any]]
"""By the id of an email, what lists are ordered by that is not in memory (`texts.values`)."""
NOT_IN_MEMORY: Final = frozenset((By.SENT, By.FROM, By.TO, By.SUBJECT))


def work(listed: ListedAccount, wanted: Filter, orders: Orders) -> int:
    """What making a list takes: emails, each as often as it is compared with something, but for the first order."""
    return len(listed.ids) * max(1, f.conditions(wanted) + len(orders) - 1)


def make(
    listed: ListedAccount,
    filter: Filter,  # noqa: A002
    orders: Orders,
    *,
    pause: Interlude,
    texts: Texts | None = None,
    values: Values | None = None,
) -> EmailList:
    """The list. `texts` and `values` for what is not in memory. The last thing that decides is when it was received."""
    first = orders[0].by
    places = matching(listed, filter, pause=pause, among=listed.by_received, texts=texts or {})
    if first is By.RECEIVED:
        if orders[0].descending:
            places.reverse()
        return EmailList(filter, orders, places)
    for order in reversed(orders):
        places = _ordered(listed, places, order, values or {}, pause)
    return EmailList(filter, orders, places)


def _ordered(
    listed: ListedAccount, places: "array[int]", order: Order, values: Values, pause: Interlude
) -> "array[int]":
    if order.by is By.RECEIVED:  # among these alone: an earlier pass may have put them elsewhere
        return arranged(places, listed.received_ms.__getitem__, descending=order.descending, pause=pause)
    value = _value(listed, order, values, pause)
    return arranged(places, value, descending=order.descending, pause=pause)


def _value(listed: ListedAccount, order: Order, values: Values, pause: Interlude) -> Callable[[int], Any]:
    match order.by:
        case By.SIZE:
            return listed.sizes.__getitem__
        case By.SNOOZED:
            emails, snoozed_ms, received_ms = listed.ids, listed.snoozed_ms, listed.received_ms
            return lambda place: snoozed_ms.get(EmailId(emails[place]), received_ms[place])
        case By.FLAG:
            assert isinstance(order.flag, f.HasFlag)
            flag, known = order.flag.flag, dict[int, bool]()
            placings, different = listed.placings, listed.different

            def has(place: int) -> bool:
                number = placings[place]
                if number not in known:
                    known[number] = has_flag(different[number], flag)
                return known[number]

            return has
        case By.THREAD_FLAG:
            assert isinstance(order.flag, f.ThreadHasFlag)
            found, threads = threads_with_flag(listed, order.flag, pause), listed.threads
            return lambda place: threads[place] in found
        case _:
            ids, by_id = listed.ids, values[order.by]
            return lambda place: by_id[ids[place]]


def ids(listed: ListedAccount, places: Sequence[int]) -> list[int]:
    """The emails at these places."""
    column = listed.ids
    return [column[place] for place in places]
