"""The filter and sort order of an Email/query as the store has them (RFC 8621 §4.4.1, §4.4.2)."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail import query as q
from pillarbox.mail.search_terms import terms
from pillarbox.protocol.jmap.capabilities import SMIME_VERIFY
from pillarbox.protocol.jmap.email import keywords
from pillarbox.protocol.jmap.errors import UNSUPPORTED_FILTER, MethodError
from pillarbox.protocol.jmap.filters import Comparator, Condition, Operator
from pillarbox.protocol.jmap.filters import Filter as Asked
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.types.email import CONDITIONS, SMIME_CONDITIONS
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.filters import Filter
from pillarbox.store.listing.lists import NEWEST_FIRST, By, Order, Orders

MAX_TERMS: Final = 64
"""Words and phrases of all texts of one filter together: each is a search."""


def conditions(using: Container[str]) -> Mapping[str, Any]:
    """What a filter may ask for, where these capabilities are used."""
    return SMIME_CONDITIONS if SMIME_VERIFY in using else CONDITIONS


def filter_of(
    asked: Asked | None, created: CreatedIds, found: Mapping[str, frozenset[int]] = MappingProxyType({})
) -> Filter:
    """The filter of a call. `found`: the emails that match conditions which were looked at before, by their names.

    Raises unsupportedFilter.
    """
    if asked is None:
        return f.EVERYTHING
    return _Reader(created, found).read(asked)


def names(asked: Asked | None) -> Iterator[str]:
    """Of the conditions in a filter."""
    match asked:
        case Operator(_, conditions):
            for one in conditions:
                yield from names(one)
        case Condition(properties):
            yield from properties


class _Reader:
    def __init__(self, created: CreatedIds, found: Mapping[str, frozenset[int]]) -> None:
        self._created, self._found = created, found
        self._terms = 0

    def read(self, asked: Asked) -> Filter:
        match asked:
            case Operator("AND", conditions):
                return f.All(tuple(map(self.read, conditions)))
            case Operator("OR", conditions):
                return f.Any(tuple(map(self.read, conditions)))
            case Operator(_, conditions):  # NOT: none of them
                return f.Not(f.Any(tuple(map(self.read, conditions))))
            case Condition(properties):
                return self._all_of(properties)

    def _all_of(self, properties: Mapping[str, Any]) -> Filter:
        found = [self._condition(name, value) for name, value in properties.items()]
        return found[0] if len(found) == 1 else f.All(tuple(found))

    def _condition(self, name: str, value: Any) -> Filter:
        if name in _TEXTS:
            return self._matching(value, _TEXTS[name])
        match name:
            case "inMailbox":
                mailbox = object_id.mailbox(self._created.known(value))
                return f.NOTHING if mailbox is None else f.InMailbox(mailbox)
            case "inMailboxOtherThan":
                named = [object_id.mailbox(self._created.known(one)) for one in value]
                return f.InOthers(frozenset(mailbox for mailbox in named if mailbox is not None))
            case "header":
                field, *text = value
                return f.Matching(q.Field(field, text[0] if text else ""))
            case "hasAttachment":
                found = f.Matching(q.HasAttachment())
                return found if value else f.Not(found)
            case "hasSmime":
                signed = f.Matching(q.HasSmime())
                return signed if value else f.Not(signed)
            case "hasVerifiedSmime" | "hasVerifiedSmimeAtDelivery":
                verified = f.Among(self._found[name])
                return verified if value else f.Not(verified)
            case _:
                return _CONDITIONS[name](value)

    def _matching(self, text: str, query: Callable[[str], q.Query]) -> Filter:
        """All words and phrases must be there; of a text without any, everything matches."""
        found = terms(text)
        self._terms += len(found)
        if self._terms > MAX_TERMS:
            raise MethodError(UNSUPPORTED_FILTER, f"More than {MAX_TERMS} words and phrases")
        if not found:
            return f.EVERYTHING
        return f.Matching(q.And(tuple(map(query, found))) if len(found) > 1 else query(found[0]))


def _addresses(name: str) -> Callable[[str], q.Query]:
    return lambda text: q.Addresses(name, text)


_TEXTS: Final[dict[str, Callable[[str], q.Query]]] = {
    "text": q.Text,
    "from": _addresses("From"),
    "to": _addresses("To"),
    "cc": _addresses("Cc"),
    "bcc": _addresses("Bcc"),
    "subject": lambda text: q.Field("Subject", text),
    "body": q.Body,
}


def _flag(keyword: str) -> f.HasFlag:
    return f.HasFlag(keywords.flag_of(keyword))


def _of_thread(keyword: str, emails: f.InThread) -> f.ThreadHasFlag:
    return f.ThreadHasFlag(keywords.flag_of(keyword), emails)


def _before(moment: str) -> f.ReceivedBefore:
    """A date-time may have fractions of seconds finer than ours: they are cut, as those of receivedAt."""
    return f.ReceivedBefore(int(datetime.fromisoformat(moment).timestamp() * 1000))


_CONDITIONS: Final[dict[str, Callable[[Any], Filter]]] = {
    "before": _before,
    "after": lambda moment: f.Not(_before(moment)),
    "minSize": lambda octets: f.Not(f.Smaller(octets)),
    "maxSize": f.Smaller,
    "hasKeyword": _flag,
    "notKeyword": lambda keyword: f.Not(_flag(keyword)),
    "allInThreadHaveKeyword": lambda keyword: _of_thread(keyword, f.InThread.ALL),
    "someInThreadHaveKeyword": lambda keyword: _of_thread(keyword, f.InThread.SOME),
    "noneInThreadHaveKeyword": lambda keyword: f.Not(_of_thread(keyword, f.InThread.SOME)),
}


# --- sorting

_BY: Final = {
    "receivedAt": By.RECEIVED,
    "size": By.SIZE,
    "sentAt": By.SENT,
    "from": By.FROM,
    "to": By.TO,
    "subject": By.SUBJECT,
    "snoozedUntil": By.SNOOZED,
}


def orders_of(comparators: Iterable[Comparator]) -> Orders:
    """The sort order of a call; without one, the newest come first."""
    return tuple(map(_order, comparators)) or NEWEST_FIRST


def _order(comparator: Comparator) -> Order:
    descending, keyword = not comparator.is_ascending, comparator.extra.get("keyword")
    match comparator.property:
        case "hasKeyword":
            return Order(By.FLAG, descending, _flag(str(keyword)))
        case "allInThreadHaveKeyword":
            return Order(By.THREAD_FLAG, descending, _of_thread(str(keyword), f.InThread.ALL))
        case "someInThreadHaveKeyword":
            return Order(By.THREAD_FLAG, descending, _of_thread(str(keyword), f.InThread.SOME))
        case named:
            return Order(_BY[named], descending)
