"""SEARCH: from its keys to a `mail.query.Query` (RFC 9051 §6.4.4, §9 search-key; RFC 4731, 5032, 5182,
7162, 8474, 8514).

Texts are decoded from the command's charset here. Leaves that only the session understands (`Sequence`,
`UidsWithStar`, `SavedResult`, `Recent`) are left for the selected mailbox to put UIDs in their place.
"""

import re
from collections.abc import Callable
from typing import Final

from pillarbox.mail import charset, charset_label, object_id
from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import STAR
from pillarbox.mail.query import (
    NOTHING,
    Addresses,
    All,
    And,
    Body,
    Dated,
    EmailIs,
    Field,
    Flag,
    Larger,
    ModSeqAtLeast,
    Not,
    Older,
    Or,
    Query,
    Recent,
    Relation,
    SavedResult,
    Sequence,
    Smaller,
    Stamp,
    Text,
    ThreadIs,
    Uids,
    UidsWithStar,
    Younger,
)
from pillarbox.protocol.imap import limits, response_codes
from pillarbox.protocol.imap.commands import Search, SearchReturn
from pillarbox.protocol.imap.cursor import LARGEST_64, Cursor, Malformed, UnsupportedArgument
from pillarbox.protocol.imap.grammar.dates import day
from pillarbox.protocol.imap.sequence_set import SequenceSet

_SEEN, _UNSEEN = Flag("\\Seen"), Not(Flag("\\Seen"))

_BARE: Final[dict[bytes, Query]] = {
    b"ALL": All(),
    b"ANSWERED": Flag("\\Answered"),
    b"DELETED": Flag("\\Deleted"),
    b"DRAFT": Flag("\\Draft"),
    b"FLAGGED": Flag("\\Flagged"),
    b"SEEN": _SEEN,
    b"UNANSWERED": Not(Flag("\\Answered")),
    b"UNDELETED": Not(Flag("\\Deleted")),
    b"UNDRAFT": Not(Flag("\\Draft")),
    b"UNFLAGGED": Not(Flag("\\Flagged")),
    b"UNSEEN": _UNSEEN,
    # RFC 3501 §6.4.4, dropped by IMAP4rev2
    b"NEW": And((Recent(), _UNSEEN)),
    b"OLD": Not(Recent()),
    b"RECENT": Recent(),
    # RFC 8514 §4.3: all mailboxes keep the save date
    b"SAVEDATESUPPORTED": All(),
}
_ADDRESSES: Final = {b"BCC": "Bcc", b"CC": "Cc", b"FROM": "From", b"TO": "To"}
_DATED: Final = {
    prefix + relation.name.encode(): (stamp, relation)
    for prefix, stamp in ((b"", Stamp.RECEIVED), (b"SENT", Stamp.SENT), (b"SAVED", Stamp.SAVED))
    for relation in Relation
}
_SIZES: Final[dict[bytes, Callable[[int], Query]]] = {b"LARGER": Larger, b"SMALLER": Smaller}
_AGES: Final[dict[bytes, Callable[[int], Query]]] = {b"YOUNGER": Younger, b"OLDER": Older}
_RETURNS: Final = {option.value: option for option in SearchReturn}
_STARTS_SET: Final = re.compile(rb"[0-9*$]")
_ASCII: Final = frozenset({"us-ascii", "ascii", "ansi_x3.4-1968"})
_CHARSETS_TOLD: Final = b"BADCHARSET (US-ASCII UTF-8)"


def search(cursor: Cursor) -> Search:
    """RFC 9051 §9, search."""
    return _search(cursor, uid=False)


def uid_search(cursor: Cursor) -> Search:
    """RFC 9051 §9, uid."""
    return _search(cursor, uid=True)


def search_keys(cursor: Cursor, label: str | None) -> Query:
    """RFC 9051 §9: search-key *(SP search-key) up to the end, its texts in this charset (None: UTF-8)."""
    return _Keys(cursor, _known(label)).all_of(depth=0)


def _search(cursor: Cursor, *, uid: bool) -> Search:
    returns = None
    if cursor.skip_word(b"RETURN "):
        returns = _returns(cursor)
        cursor.space()
    label = None
    if cursor.skip_word(b"CHARSET "):
        label = cursor.astring(limits.MAX_CHARSET).decode("ascii", "replace")
        cursor.space()
        # RFC 6855 §3: a client that enabled UTF8=ACCEPT names no charset
        if b"UTF8=ACCEPT" in cursor.enabled:
            raise Malformed("CHARSET after ENABLE UTF8=ACCEPT")
    return Search(search_keys(cursor, label), uid, returns)


def saves(cursor: Cursor) -> bool:
    """Whether the arguments of a SEARCH, which may be wrong, begin with a RETURN that has SAVE (RFC 5182 §2.1)."""
    try:
        return cursor.skip_word(b"RETURN ") and SearchReturn.SAVE in _returns(cursor)
    except Malformed:
        return False


def _returns(cursor: Cursor) -> frozenset[SearchReturn]:
    def option() -> SearchReturn:
        if found := _RETURNS.get(cursor.word()):
            return found
        raise Malformed("Unknown SEARCH return option")

    options = frozenset(cursor.items(option, empty=True))
    # RFC 4731 §3.1: nothing named is ALL
    return options or frozenset({SearchReturn.ALL})


def _known(label: str | None) -> str:
    """A SEARCH charset that can be decoded."""
    if label is None or label.lower() in _ASCII:
        return "utf-8"
    if charset_label.codec(label):
        return label
    # RFC 9051 §6.4.4: an unknown charset is NO with BADCHARSET, never BAD
    raise UnsupportedArgument(_CHARSETS_TOLD, "Unknown charset")


class _Keys:
    """Search keys one after another, in one charset."""

    __slots__ = ("_charset", "_cursor", "_left")

    def __init__(self, cursor: Cursor, label: str) -> None:
        self._cursor = cursor
        self._charset = label
        self._left = limits.MAX_SEARCH_KEYS

    def all_of(self, depth: int) -> Query:
        """search-key *(SP search-key): all must hold."""
        keys = [self.key(depth)]
        cursor = self._cursor
        while cursor.skip(b" "):
            keys.append(self.key(depth))
        return keys[0] if len(keys) == 1 else And(tuple(keys))

    def key(self, depth: int) -> Query:
        """RFC 9051 §9, search-key."""
        if depth > limits.MAX_SEARCH_DEPTH:
            why = f"More than {limits.MAX_SEARCH_DEPTH} search keys within each other"
            raise UnsupportedArgument(response_codes.LIMIT, why)
        self._count()
        cursor = self._cursor
        if cursor.skip(b"("):
            query = self.all_of(depth + 1)
            cursor.expect(b")", sentence="Expected the end of the search keys")
            return query
        if _STARTS_SET.match(cursor.text, cursor.at):
            return _places(cursor.sequence_set())
        name = cursor.word()
        bare = _BARE.get(name)
        return bare if bare is not None else self._with_argument(name, depth)

    def _with_argument(self, name: bytes, depth: int) -> Query:
        self._cursor.space()
        match name:
            case b"NOT":
                return Not(self.key(depth + 1))
            case b"OR":
                return self._any_of(depth)
            case b"BODY":
                return Body(self._text())
            case b"TEXT":
                return Text(self._text())
            case b"HEADER":
                field = self._field_name()
                self._cursor.space()
                return Field(field, self._text())
            case b"SUBJECT":
                return Field("Subject", self._text())
            case _ if name in _ADDRESSES:
                return Addresses(_ADDRESSES[name], self._text())
            case _:
                return self._without_text(name)

    def _any_of(self, depth: int) -> Query:
        """The keys of an OR, and of each OR among them: clients write a choice of hundreds as OR within OR."""
        cursor, keys, missing = self._cursor, list[Query](), 2
        while True:
            if cursor.skip_word(b"OR "):
                self._count()
                missing += 1
                continue
            keys.append(self.key(depth + 1))
            missing -= 1
            if not missing:
                return Or(tuple(keys))
            cursor.space()

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise UnsupportedArgument(response_codes.LIMIT, f"More than {limits.MAX_SEARCH_KEYS} search keys")

    def _without_text(self, name: bytes) -> Query:
        cursor = self._cursor
        if dated := _DATED.get(name):
            return Dated(*dated, day(cursor))
        if size := _SIZES.get(name):
            return size(cursor.number(most=LARGEST_64))
        if age := _AGES.get(name):
            return age(cursor.number(least=1))
        match name:
            case b"KEYWORD":
                return Flag(self._keyword())
            case b"UNKEYWORD":
                return Not(Flag(self._keyword()))
            case b"UID":
                return _uids(cursor.sequence_set())
            case b"MODSEQ":
                return _modseq(cursor)
            case b"EMAILID":
                email = object_id.email(cursor.atom().decode())
                return NOTHING if email is None else EmailIs(email)
            case b"THREADID":
                thread = object_id.thread(cursor.atom().decode())
                return NOTHING if thread is None else ThreadIs(thread)
            case _:
                raise Malformed("Unknown search key")

    def _text(self) -> str:
        octets = self._cursor.astring(limits.MAX_SEARCH_TEXT)
        try:
            return charset.decode_strict(octets, self._charset)
        except UnicodeError:
            raise Malformed("Text is not in its charset") from None

    def _keyword(self) -> str:
        # RFC 9051 §9: an atom; some clients quote it
        return self._cursor.text_utf8(limits.MAX_ATOM)

    def _field_name(self) -> str:
        return self._cursor.astring(limits.MAX_FIELD_NAME).decode("ascii", "replace")


def _places(numbers: SequenceSet) -> Query:
    found: list[Query] = [Sequence(numbers.numbers)] if numbers.numbers else []
    if numbers.saved:
        found.append(SavedResult())
    return found[0] if len(found) == 1 else Or(tuple(found))


def _uids(numbers: SequenceSet) -> Query:
    found: list[Query] = []
    if named := numbers.numbers:
        found.append(UidsWithStar(named) if named.last == STAR else Uids(named))
    if numbers.saved:
        found.append(SavedResult())
    return found[0] if len(found) == 1 else Or(tuple(found))


def _modseq(cursor: Cursor) -> Query:
    """RFC 7162 §7, search-modsequence; one mod-sequence serves all flags, so the entry's name changes
    nothing."""
    if cursor.sees(b'"'):
        entry = cursor.string(limits.MAX_ENTRY_NAME)
        cursor.space()
        if not entry.lower().startswith(b"/flags/") or cursor.word() not in {b"PRIV", b"SHARED", b"ALL"}:
            raise Malformed("Expected an entry name and its type")
        cursor.space()
    return ModSeqAtLeast(ModSeq(cursor.number(most=LARGEST_64)))
