"""Search queries: the search terms of IMAP as values.

A query is a tree. The leaves follow RFC 9051 §6.4.4 (SEARCH), RFC 5032 (WITHIN), RFC 7162 §3.1.5
(MODSEQ), RFC 8621 §4.4.1 (JMAP), RFC 8474 §5.3 (EMAILID, THREADID) and RFC 8514 §4.3 (SAVEDATE). The many
keywords of the protocol become few leaves: `UNSEEN` is `Not(Flag("\\\\Seen"))`, `SUBJECT x` is
`Field("Subject", x)`, `NEW` is `And((Recent(), Not(Flag("\\\\Seen"))))`.

Three leaves have a meaning only within one IMAP session: `Sequence`, `SavedResult` and `Recent`. The session replaces
them by `Uids`, with `substitute`, before it searches the store.

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
    """Which of a message's dates is compared."""

    RECEIVED = "received"
    """IMAP's internal date, JMAP's receivedAt; days are counted in UTC."""
    SENT = "sent"
    """The day in the Date field, whatever its time and zone (RFC 9051 §6.4.4)."""
    SAVED = "saved"
    """When it was put into this mailbox (RFC 8514); days are counted in UTC."""


class Relation(Enum):
    """How a message's date compares to the given day."""

    BEFORE = "before"
    ON = "on"
    SINCE = "since"
    """On that day or later."""


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    """Messages that match all terms; without terms, every message."""

    terms: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Messages that match at least one term; without terms, no message."""

    terms: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that do not match the term."""

    term: "Query"


@dataclass(frozen=True, slots=True)
class Uids:
    """Messages with these UIDs; `*` is resolved already."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class UidsWithStar:
    """`UID 5:*` as parsed; the session resolves `*` and replaces it by `Uids`."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class Sequence:
    """Messages with these sequence numbers; the session replaces it by `Uids`."""

    numbers: NumberSet


@dataclass(frozen=True, slots=True)
class SavedResult:
    """`$`, the result saved by SEARCH RETURN (SAVE) (RFC 9051 §6.4.4.1); the session replaces it by `Uids`."""


@dataclass(frozen=True, slots=True)
class Recent:
    """`RECENT` of RFC 3501 §6.4.4; the session replaces it by `Uids`."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Messages with a system flag (`\\\\Seen`) or a keyword (`$Forwarded`), in any letter case."""

    name: str


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages whose date is before, on or since a day."""

    stamp: Stamp
    relation: Relation
    day: date


@dataclass(frozen=True, slots=True)
class ReceivedBefore:
    """Received before this moment (RFC 8621 §4.4.1)."""

    at_ms: int


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
class HasAttachment:
    """Messages with a part that is there to be saved rather than read (RFC 8621 §4.1.4)."""


@dataclass(frozen=True, slots=True)
class HasSmime:
    """Messages of S/MIME, or with a signature beside what it signs, by their Content-Type (RFC 9219 §4.2)."""


@dataclass(frozen=True, slots=True)
class Field:
    """Messages with a header field of this name whose decoded value contains the text.

    RFC 9051 §6.4.4: an empty text matches every message that has the field.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Messages whose ENVELOPE has this text in an address field: in a decoded name, or in an address.

    RFC 9051 §6.4.4, FROM and the like: comments of the field, its quotes and white space are not in the envelope. An
    empty text matches every message that has the field.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """Messages whose body contains this text; the header is not searched."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """Messages whose header or body contains this text."""

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
    """Messages of this thread (RFC 8474 §5.3)."""

    thread: ThreadId


Leaf = (
    All | Uids | UidsWithStar | Sequence | SavedResult | Recent | Flag | Dated | ReceivedBefore | Younger | Older
    | Larger | Smaller | HasAttachment | HasSmime | Field | Addresses | Body | Text | ModSeqAtLeast | EmailIs | ThreadIs
)  # fmt: skip
"""A term without subterms."""

Query = And | Or | Not | Leaf

NOTHING: Final = Or(())
"""Matches no message."""


def substitute(query: Query, leaf: "Callable[[Leaf], Query]") -> Query:
    """The same query with each leaf replaced by `leaf(term)`. The parser bounds the depth."""
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
    """Whether the query contains MODSEQ, so that the response must contain one (RFC 7162 §3.1.5)."""
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
    """Whether the query contains sequence numbers: then no EXPUNGE may be sent meanwhile (RFC 9051 §7.5.1)."""
    match query:
        case And(terms) | Or(terms):
            return any(mentions_sequence(term) for term in terms)
        case Not(term):
            return mentions_sequence(term)
        case Sequence():
            return True
        case _:
            return False
