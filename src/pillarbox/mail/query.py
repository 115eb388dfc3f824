"""What may be asked about messages: the search terms of IMAP as values.

A query is a tree. The leaves follow RFC 9051 §6.4.4 (SEARCH), RFC 5032 (WITHIN), RFC 7162 §3.1.5
(MODSEQ), RFC 8474 §5.3 (EMAILID, THREADID) and RFC 8514 §4.3 (SAVEDATE). The protocol's many
keywords become few leaves: `UNSEEN` is `Not(Flag("\\\\Seen"))`, `SUBJECT x` is
`Field("Subject", x)`, `NEW` is `And((Recent(), Not(Flag("\\\\Seen"))))`.

Three leaves mean something only inside one IMAP session: `Sequence`, `SavedResult` and `Recent`.
The session puts `Uids` in their place with `substitute` before it asks the store.

Texts are compared as Unicode, case folded: `Text("straße")` finds `STRASSE`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from pillarbox.mail.identifiers import EmailId, ModSeq, ThreadId
from pillarbox.mail.number_set import NumberSet


class Stamp(Enum):
    """Which of a message's dates is meant."""

    RECEIVED = "received"
    """IMAP's internal date, JMAP's receivedAt; days are counted in UTC."""
    SENT = "sent"
    """The day that the Date field names, whatever its time and zone (RFC 9051 §6.4.4)."""
    SAVED = "saved"
    """When it was put into this mailbox (RFC 8514); days are counted in UTC."""


class Relation(Enum):
    """How a message's date must lie to the day that is asked for."""

    BEFORE = "before"
    ON = "on"
    SINCE = "since"
    """On that day or later."""


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    """All of these; no terms at all is every message."""

    terms: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these; no terms at all is no message."""

    terms: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Every message but these."""

    term: "Query"


@dataclass(frozen=True, slots=True)
class Uids:
    """Messages with these UIDs; `*` is resolved already."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class UidsWithStar:
    """`UID 5:*` as parsed: the session resolves `*` and makes it `Uids`."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class Sequence:
    """Messages at these places in what the session was told; the session makes it `Uids`."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class SavedResult:
    """`$`, the result that SEARCH RETURN (SAVE) kept (RFC 9051 §6.4.4.1); the session makes it `Uids`."""


@dataclass(frozen=True, slots=True)
class Recent:
    """`RECENT` of RFC 3501 §6.4.4; the session makes it `Uids`."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Messages with a system flag (`\\\\Seen`) or a keyword (`$Forwarded`), in any letter case."""

    name: str


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages whose date lies before, on or since a day."""

    stamp: Stamp
    relation: Relation
    day: date


@dataclass(frozen=True, slots=True)
class Younger:
    """Received within this many seconds before now (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Older:
    """Received this many seconds before now, or earlier (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Larger:
    """More octets than this."""

    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """Fewer octets than this."""

    octets: int


@dataclass(frozen=True, slots=True)
class Field:
    """Messages with a header field of this name whose decoded value contains the text.

    RFC 9051 §6.4.4: an empty text asks only whether the field is there.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """The text of the body contains this; the header is not looked at."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The header or the text of the body contains this."""

    text: str


@dataclass(frozen=True, slots=True)
class ModSeqAtLeast:
    """Messages whose mod-sequence is this or higher (RFC 7162 §3.1.5)."""

    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class EmailIs:
    """The message with this id (RFC 8474 §5.3)."""

    email: EmailId


@dataclass(frozen=True, slots=True)
class ThreadIs:
    """Messages of this conversation (RFC 8474 §5.3)."""

    thread: ThreadId


Leaf = (
    All | Uids | UidsWithStar | Sequence | SavedResult | Recent | Flag | Dated | Younger | Older
    | Larger | Smaller | Field | Body | Text | ModSeqAtLeast | EmailIs | ThreadIs
)  # fmt: skip
"""A term without terms in it."""

Query = And | Or | Not | Leaf

NOTHING: Final = Or(())
"""Matches no message."""


def substitute(query: Query, leaf: "Callable[[Leaf], Query]") -> Query:
    """The same query with `leaf(term)` in the place of each leaf. Depth is the parser's to bound."""
    match query:
        case And(terms):
            return And(tuple(substitute(term, leaf) for term in terms))
        case Or(terms):
            return Or(tuple(substitute(term, leaf) for term in terms))
        case Not(term):
            return Not(substitute(term, leaf))
        case _:
            return leaf(query)


def mentions_modseq(query: Query) -> bool:
    """Whether MODSEQ is asked about, which makes the answer carry one (RFC 7162 §3.1.5)."""
    match query:
        case And(terms) | Or(terms):
            return any(mentions_modseq(term) for term in terms)
        case Not(term):
            return mentions_modseq(term)
        case ModSeqAtLeast():
            return True
        case _:
            return False


def mentions_sequence(query: Query) -> bool:
    """Whether messages are named by sequence number: then no EXPUNGE may be told meanwhile (RFC 9051 §7.5.1)."""
    match query:
        case And(terms) | Or(terms):
            return any(mentions_sequence(term) for term in terms)
        case Not(term):
            return mentions_sequence(term)
        case Sequence():
            return True
        case _:
            return False
