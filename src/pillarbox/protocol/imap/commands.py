"""Every command as a value: parsed, checked and decoded.

Mailbox names are canonical text (`mail.mailbox_name`), flags are canonical text (`mail.flags`), dates are
numbers, so a handler never parses. Sets of messages stay symbolic (`sequence_set`)
until the selected mailbox resolves them. A variant of a command (UID FETCH, EXAMINE, UID EXPUNGE) is a
field of it.

APPEND and REPLACE carry messages: their values name the mailbox, and the messages follow as events (`events`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.mail.query import Query, mentions_modseq, mentions_sequence
from pillarbox.protocol.imap.fetch_items import Attribute, FetchItem
from pillarbox.protocol.imap.sequence_set import SequenceSet


class Command:
    """What a client asks."""

    __slots__ = ()

    @property
    def enables_condstore(self) -> bool:
        """Whether this is a CONDSTORE enabling command (RFC 7162 §3.1) other than ENABLE."""
        return False

    @property
    def permits_expunge(self) -> bool:
        """Whether EXPUNGE may be sent before the tagged response (RFC 9051 §7.5.1, RFC 7162 §3.2.10)."""
        return True


# --- any state


@dataclass(frozen=True, slots=True)
class Capability(Command):
    """RFC 9051 §6.1.1."""


@dataclass(frozen=True, slots=True)
class Noop(Command):
    """RFC 9051 §6.1.2."""


@dataclass(frozen=True, slots=True)
class Logout(Command):
    """RFC 9051 §6.1.3."""


@dataclass(frozen=True, slots=True)
class Id(Command):
    """RFC 2971 §3.1: the client's fields, or None for ID NIL."""

    fields: tuple[tuple[str, str | None], ...] | None


# --- not authenticated


@dataclass(frozen=True, slots=True)
class StartTls(Command):
    """RFC 9051 §6.2.1."""


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """RFC 9051 §6.2.2; the initial response is RFC 4959's, decoded, and None where none was sent."""

    mechanism: str
    """Upper-case."""
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class Login(Command):
    """RFC 9051 §6.2.3."""

    login: str
    password: str

    def __repr__(self) -> str:
        # No credential in a log, a traceback or a test's output
        return f"Login(login={self.login!r}, password=...)"


# --- authenticated


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """RFC 5161, RFC 9051 §6.3.1: names as sent, upper-case; `Machine.enable` knows which count."""

    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resynchronize:
    """SELECT's QRESYNC parameter: what the client knows of the mailbox (RFC 7162 §3.2.5)."""

    uid_validity: int
    modseq: int
    known_uids: SequenceSet | None = None
    """None means all UIDs below UIDNEXT."""
    match: tuple[SequenceSet, SequenceSet] | None = None
    """Sequence numbers and their UIDs, for the server to find what was expunged (RFC 7162 §3.2.5.2)."""


@dataclass(frozen=True, slots=True)
class Select(Command):
    """SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3)."""

    mailbox: str
    read_only: bool = False
    condstore: bool = False
    resynchronize: Resynchronize | None = None

    @property
    def enables_condstore(self) -> bool:
        """With CONDSTORE or QRESYNC."""
        return self.condstore or self.resynchronize is not None


@dataclass(frozen=True, slots=True)
class Create(Command):
    """RFC 9051 §6.3.4; uses is RFC 6154's USE parameter, canonical case, and None where absent."""

    mailbox: str
    uses: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Delete(Command):
    """RFC 9051 §6.3.5."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """RFC 9051 §6.3.6."""

    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    """RFC 9051 §6.3.7."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Unsubscribe(Command):
    """RFC 9051 §6.3.8."""

    mailbox: str


class StatusItem(Enum):
    """What STATUS can return (RFC 9051 §6.3.11, RFC 3501, 7162, 7889, 8474)."""

    MESSAGES = b"MESSAGES"
    RECENT = b"RECENT"
    UIDNEXT = b"UIDNEXT"
    UIDVALIDITY = b"UIDVALIDITY"
    UNSEEN = b"UNSEEN"
    DELETED = b"DELETED"
    SIZE = b"SIZE"
    HIGHESTMODSEQ = b"HIGHESTMODSEQ"
    APPENDLIMIT = b"APPENDLIMIT"
    MAILBOXID = b"MAILBOXID"


class ListSelect(Enum):
    """Which mailboxes LIST is to consider (RFC 5258 §3.1, RFC 6154 §2)."""

    SUBSCRIBED = b"SUBSCRIBED"
    REMOTE = b"REMOTE"
    RECURSIVEMATCH = b"RECURSIVEMATCH"
    SPECIAL_USE = b"SPECIAL-USE"


class ListReturn(Enum):
    """What LIST is to add (RFC 5258 §3.2, RFC 6154 §2, RFC 5819)."""

    SUBSCRIBED = b"SUBSCRIBED"
    CHILDREN = b"CHILDREN"
    SPECIAL_USE = b"SPECIAL-USE"
    STATUS = b"STATUS"


@dataclass(frozen=True, slots=True)
class List(Command):
    """LIST, plain and extended (RFC 9051 §6.3.9, RFC 5258).

    Reference and patterns are decoded, not canonical: put them together and give them to `ListPattern`. Patterns that
    are no modified UTF-7 (or UTF-8), and all of them where the reference is none, are left out: no name matches them,
    which is no error (RFC 9051 §6.3.9).
    """

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[ListSelect] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    """What STATUS among the return options asks for."""
    extended: bool = False
    """Whether any extended syntax was used: a plain LIST with pattern "" asks for the separator only."""


@dataclass(frozen=True, slots=True)
class Lsub(Command):
    """RFC 3501 §6.3.9, removed in IMAP4rev2."""

    reference: str
    patterns: tuple[str, ...]
    """One, or none where no name can match it."""


@dataclass(frozen=True, slots=True)
class Namespace(Command):
    """RFC 9051 §6.3.10, RFC 2342."""


@dataclass(frozen=True, slots=True)
class GetJmapAccess(Command):
    """RFC 9698 §4."""


@dataclass(frozen=True, slots=True)
class Status(Command):
    """RFC 9051 §6.3.11."""

    mailbox: str
    items: tuple[StatusItem, ...]

    @property
    def enables_condstore(self) -> bool:
        """With HIGHESTMODSEQ."""
        return StatusItem.HIGHESTMODSEQ in self.items


@dataclass(frozen=True, slots=True)
class Idle(Command):
    """RFC 9051 §6.3.13, RFC 2177."""


@dataclass(frozen=True, slots=True)
class Append(Command):
    """RFC 9051 §6.3.12, RFC 3502; its messages come as `events.MessageOffered`."""

    mailbox: str


# --- selected


@dataclass(frozen=True, slots=True)
class Check(Command):
    """RFC 3501 §6.4.1, removed in IMAP4rev2; the same as NOOP."""


@dataclass(frozen=True, slots=True)
class Close(Command):
    """RFC 9051 §6.4.1."""


@dataclass(frozen=True, slots=True)
class Unselect(Command):
    """RFC 9051 §6.4.2, RFC 3691."""


@dataclass(frozen=True, slots=True)
class Expunge(Command):
    """EXPUNGE, and UID EXPUNGE with its set (RFC 9051 §6.4.3, §6.4.9)."""

    uids: SequenceSet | None = None


class SearchReturn(Enum):
    """RFC 4731 §3.1, RFC 5182 §2.1."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    MIN = b"MIN"
    MAX = b"MAX"
    ALL = b"ALL"
    COUNT = b"COUNT"
    SAVE = b"SAVE"


@dataclass(frozen=True, slots=True)
class Search(Command):
    """SEARCH and UID SEARCH (RFC 9051 §6.4.4); its texts are decoded from their charset already.

    The query still holds leaves that only a session can resolve (`Sequence`, `UidsWithStar`, `SavedResult`, `Recent`):
    `SelectedMailbox.resolve_query` replaces them with UIDs.
    """

    query: Query
    uid: bool = False
    returns: frozenset[SearchReturn] | None = None
    """None where RETURN was absent; RETURN () is {ALL} (RFC 4731 §3.1)."""

    @property
    def enables_condstore(self) -> bool:
        """With MODSEQ."""
        return mentions_modseq(self.query)

    @property
    def permits_expunge(self) -> bool:
        """Only by UID, without sequence numbers."""
        return self.uid and not mentions_sequence(self.query)


@dataclass(frozen=True, slots=True)
class Fetch(Command):
    """FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4).

    Items are without repetition; UID is among them for UID FETCH, MODSEQ with CHANGEDSINCE.
    """

    numbers: SequenceSet
    items: tuple[FetchItem, ...]
    uid: bool = False
    changed_since: int | None = None
    vanished: bool = False

    @property
    def enables_condstore(self) -> bool:
        """With CHANGEDSINCE or MODSEQ."""
        return self.changed_since is not None or Attribute.MODSEQ in self.items

    @property
    def permits_expunge(self) -> bool:
        """Only by UID."""
        return self.uid


class StoreMode(Enum):
    """What STORE does with the flags it names (RFC 9051 §6.4.6)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    REPLACE = b""
    ADD = b"+"
    REMOVE = b"-"


@dataclass(frozen=True, slots=True)
class Store(Command):
    """STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

    numbers: SequenceSet
    mode: StoreMode
    flags: str
    silent: bool = False
    uid: bool = False
    unchanged_since: int | None = None

    @property
    def enables_condstore(self) -> bool:
        """With UNCHANGEDSINCE."""
        return self.unchanged_since is not None

    @property
    def permits_expunge(self) -> bool:
        """Only by UID."""
        return self.uid


@dataclass(frozen=True, slots=True)
class Copy(Command):
    """COPY and UID COPY (RFC 9051 §6.4.7)."""

    numbers: SequenceSet
    mailbox: str
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Move(Command):
    """MOVE and UID MOVE (RFC 9051 §6.4.8, RFC 6851)."""

    numbers: SequenceSet
    mailbox: str
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Replace(Command):
    """REPLACE and UID REPLACE (RFC 8508 §3); its message comes as `events.MessageOffered`."""

    number: SequenceSet
    """One number, or `*`."""
    mailbox: str
    uid: bool = False


CHANGING: Final[frozenset[type[Command]]] = frozenset(
    (
        Create,
        Delete,
        Rename,
        Subscribe,
        Unsubscribe,
        Append,
        Expunge,
        Store,
        Copy,
        Move,
        Replace,
    )
)
"""Commands that change mail or mailboxes, whatever mailbox is selected. Others change at most the one that is selected,
and nothing where it is selected read-only."""
