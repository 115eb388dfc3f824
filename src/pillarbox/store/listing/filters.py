"""Which emails are listed, as values: the conditions of RFC 8621 §4.4.1 in few forms.

What a person types (text, addresses, header fields) is `Matching`, with a query as IMAP has it.
"""

from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.query import Query


class All(Struct, frozen=True):
    """All of these match; without any, every email."""

    filters: "tuple[Filter, ...]"


class Any(Struct, frozen=True):
    """At least one of these matches; without any, no email."""

    filters: "tuple[Filter, ...]"


class Not(Struct, frozen=True):
    """It does not match."""

    filter: "Filter"


class InMailbox(Struct, frozen=True):
    """Emails in this mailbox."""

    mailbox: MailboxId


class InOthers(Struct, frozen=True):
    """Emails in a mailbox that is none of these."""

    mailboxes: frozenset[MailboxId]


class ReceivedBefore(Struct, frozen=True):
    """Emails received before this moment."""

    at_ms: int


class Smaller(Struct, frozen=True):
    """Emails of fewer octets than these."""

    octets: int


class HasFlag(Struct, frozen=True):
    """Emails with a flag, as IMAP names it."""

    flag: str


class InThread(Enum):
    """How many emails of a thread have to have a flag."""

    __hash__ = object.__hash__

    ALL = "all"
    SOME = "some"


class ThreadHasFlag(Struct, frozen=True):
    """Emails whose thread has a flag: in all of its emails, or in some."""

    flag: str
    emails: InThread


class Among(Struct, frozen=True):
    """These emails, which were found by other means."""

    emails: frozenset[int]


class Matching(Struct, frozen=True):
    """Emails that match a query of text."""

    query: Query


InMemory: TypeAlias = InMailbox | InOthers | ReceivedBefore | Smaller | HasFlag | ThreadHasFlag | Among
Filter: TypeAlias = All | Any | Not | InMemory | Matching

EVERYTHING = All(())
NOTHING = Any(())


def texts(filter: Filter) -> list[Matching]:  # noqa: A002
    """What of it needs the text of messages, each once."""
    return list(dict.fromkeys(_texts(filter)))


def _texts(filter: Filter) -> list[Matching]:  # noqa: A002
    match filter:
        case All(filters) | Any(filters):
            return [text for one in filters for text in _texts(one)]
        case Not(one):
            return _texts(one)
        case Matching():
            return [filter]
        case _:
            return []


def of_threads(filter: Filter) -> list[ThreadHasFlag]:  # noqa: A002
    """What of it depends on other emails of a thread, each once."""
    match filter:
        case All(filters) | Any(filters):
            return list(dict.fromkeys(one for each in filters for one in of_threads(each)))
        case Not(one):
            return of_threads(one)
        case ThreadHasFlag():
            return [filter]
        case _:
            return []


def conditions(filter: Filter) -> int:  # noqa: A002
    """How often it compares an email with something."""
    match filter:
        case All(filters) | Any(filters):
            return sum(map(conditions, filters))
        case Not(one):
            return conditions(one)
        case InOthers(mailboxes):
            return 1 + len(mailboxes) // 100
        case _:
            return 1


def is_immutable(filter: Filter) -> bool:  # noqa: A002
    """Whether an email that matches always will, as long as it is there (RFC 8620 §5.6)."""
    match filter:
        case All(filters) | Any(filters):
            return all(map(is_immutable, filters))
        case Not(one):
            return is_immutable(one)
        case _:
            return isinstance(filter, ReceivedBefore | Smaller | Matching)
