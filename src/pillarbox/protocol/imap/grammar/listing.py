"""LIST in all its forms, and LSUB (RFC 9051 §6.3.9, RFC 5258, 5819, 6154; RFC 3501 §6.3.9)."""

from collections.abc import Iterable
from typing import Final

from pillarbox.protocol.imap import limits, response_codes
from pillarbox.protocol.imap.commands import List, ListReturn, ListSelect, Lsub, StatusItem
from pillarbox.protocol.imap.cursor import Cursor, Malformed, UnsupportedArgument
from pillarbox.protocol.imap.grammar.mailboxes import status_items

_SELECT: Final = {option.value: option for option in ListSelect}
_RETURN: Final = {option.value: option for option in ListReturn}


def list_(cursor: Cursor) -> List:
    """RFC 5258 §6, list."""
    select: frozenset[ListSelect] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    if extended := cursor.sees(b"("):
        select = _select_options(cursor)
        cursor.space()
    reference = cursor.mailbox_pattern(wildcards=False)
    cursor.space()
    extended = extended or cursor.sees(b"(")
    reference, patterns = _valid(reference, _patterns(cursor))
    if cursor.skip_word(b" RETURN "):
        extended = True
        returns, status = _return_options(cursor)
    # RFC 6154 §2, RFC 5258 §3.1: what was selected by is also returned
    for both, option in (
        (ListSelect.SPECIAL_USE, ListReturn.SPECIAL_USE),
        (ListSelect.SUBSCRIBED, ListReturn.SUBSCRIBED),
    ):
        if both in select:
            returns |= {option}
    return List(reference, patterns, select, returns, status, extended)


def lsub(cursor: Cursor) -> Lsub:
    """RFC 3501 §9, lsub."""
    reference = cursor.mailbox_pattern(wildcards=False)
    cursor.space()
    return Lsub(*_valid(reference, [cursor.mailbox_pattern(wildcards=True)]))


def _valid(reference: str | None, patterns: Iterable[str | None]) -> tuple[str, tuple[str, ...]]:
    """The reference, and the patterns with which a name can match."""
    if reference is None:
        return "", ()
    return reference, tuple(pattern for pattern in patterns if pattern is not None)


def _patterns(cursor: Cursor) -> list[str | None]:
    if not cursor.sees(b"("):
        return [cursor.mailbox_pattern(wildcards=True)]
    patterns = cursor.items(
        lambda: cursor.mailbox_pattern(wildcards=True), most=limits.MAX_PATTERNS, names="patterns"
    )
    if (
        sum("*" in pattern or "%" in pattern for pattern in patterns if pattern)
        > limits.MAX_WILDCARD_PATTERNS
    ):
        raise UnsupportedArgument(
            response_codes.LIMIT, f"More than {limits.MAX_WILDCARD_PATTERNS} patterns with wildcards"
        )
    return patterns


def _select_options(cursor: Cursor) -> frozenset[ListSelect]:
    def option() -> ListSelect:
        if found := _SELECT.get(cursor.word()):
            return found
        raise Malformed("Unknown LIST selection option")

    options = frozenset(cursor.items(option, empty=True))
    # RFC 5258 §3.1: RECURSIVEMATCH needs a base option to recurse by, and REMOTE and SPECIAL-USE are none
    if ListSelect.RECURSIVEMATCH in options and ListSelect.SUBSCRIBED not in options:
        raise Malformed("RECURSIVEMATCH needs SUBSCRIBED")
    return options


def _return_options(cursor: Cursor) -> tuple[frozenset[ListReturn], tuple[StatusItem, ...]]:
    status: tuple[StatusItem, ...] = ()

    def option() -> ListReturn:
        nonlocal status
        found = _RETURN.get(cursor.word())
        if found is None:
            raise Malformed("Unknown LIST return option")
        if found is ListReturn.STATUS:
            cursor.space()
            status = status_items(cursor)
        return found

    return frozenset(cursor.items(option, empty=True)), status
