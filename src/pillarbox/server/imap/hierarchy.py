"""Which names LIST and LSUB show, and with which attributes.

RFC 9051 §6.3.9, RFC 5258 (LIST-EXTENDED), 5819 (LIST-STATUS), 6154 (SPECIAL-USE), 3348 (CHILDREN);
RFC 3501 §6.3.9 for LSUB. Pure functions (`list_lines`, `lsub_lines`): an account's names in, lines out.

A name can be shown without being a mailbox: a level above one (its own mailbox was deleted), or a
subscription that outlived its mailbox. Plain LIST calls such a name `\\Noselect`, extended LIST and
IMAP4rev2 `\\NonExistent`, which implies it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import ListPattern
from pillarbox.protocol.imap.commands import List, ListReturn, ListSelect, Lsub


@dataclass(frozen=True, slots=True)
class Names:
    """An account's mailbox names, as far as LIST needs them."""

    roles: Mapping[str, str | None]
    """Every mailbox by its name, with its special use (`\\Sent`) if it has one."""
    subscribed: frozenset[str]
    """Subscribed names, whether or not there is such a mailbox (RFC 9051 §6.3.7)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One response."""

    name: str
    attributes: tuple[str, ...]
    exists: bool
    child_info: bool = False
    """RFC 5258 §3.5: below it lie subscribed names that the patterns do not reach."""


HAS_CHILDREN: Final = "\\HasChildren"
HAS_NO_CHILDREN: Final = "\\HasNoChildren"
SUBSCRIBED: Final = "\\Subscribed"
NON_EXISTENT: Final = "\\NonExistent"
NO_SELECT: Final = "\\Noselect"


def superiors(names: Iterable[str]) -> set[str]:
    """Every name that has one of these below it."""
    found: set[str] = set()
    for name in names:
        above = mailbox_name.parent(name)
        while above is not None and above not in found:
            found.add(above)
            above = mailbox_name.parent(above)
    return found


def list_lines(command: List, names: Names, *, rev2: bool) -> list[Line]:
    """The responses to LIST, INBOX first and then by name."""
    matches = _matcher(command.reference, command.patterns)
    parents = superiors(names.roles)
    # RFC 9051 §6.3.9: levels that a last "%" reaches are shown even where they are no mailboxes
    candidates = set(names.roles) | (parents if _reaches_levels(command) else set())
    if ListSelect.SUBSCRIBED in command.select:
        candidates |= names.subscribed | superiors(names.subscribed)
    selected = _selection(command, names)
    unreached = superiors(name for name in candidates if selected(name) and not matches(name))
    recursive = ListSelect.RECURSIVEMATCH in command.select
    attributes = _Attributes(command, names, parents, missing=_missing_attribute(command, rev2=rev2))
    return [
        Line(name, attributes.of(name), name in names.roles, child_info=recursive and name in unreached)
        for name in sorted(candidates, key=_order)
        if matches(name) and (selected(name) or (recursive and name in unreached))
    ]


def lsub_lines(command: Lsub, names: Names) -> list[Line]:
    """The responses to LSUB (RFC 3501 §6.3.9)."""
    matches = _matcher(command.reference, command.patterns)
    # RFC 3501 §6.3.9: with "%", a level that has subscribed names below it is shown as \Noselect
    levels = superiors(names.subscribed) if _reaches_levels(command) else set()
    return [
        Line(
            name,
            () if name in names.subscribed and name in names.roles else (NO_SELECT,),
            name in names.roles,
        )
        for name in sorted(names.subscribed | levels, key=_order)
        if matches(name)
    ]


class _Attributes:
    """The attributes of each name under one command, in the order in which they are sent."""

    def __init__(self, command: List, names: Names, parents: set[str], *, missing: str) -> None:
        self._names = names
        self._parents = parents
        self._missing = missing
        # RFC 5258 §3.1: selecting by subscription returns the subscription as well
        self._with_subscribed = (
            ListSelect.SUBSCRIBED in command.select or ListReturn.SUBSCRIBED in command.returns
        )
        # RFC 3348 §3: plain LIST always has them, extended LIST where they are asked for
        self._with_children = not command.extended or ListReturn.CHILDREN in command.returns

    def of(self, name: str) -> tuple[str, ...]:
        found: list[str] = []
        if self._with_subscribed and name in self._names.subscribed:
            found.append(SUBSCRIBED)
        if name not in self._names.roles:
            found.append(self._missing)
        if self._with_children:
            found.append(HAS_CHILDREN if name in self._parents else HAS_NO_CHILDREN)
        if role := self._names.roles.get(name):
            found.append(role)
        return tuple(found)


def _missing_attribute(command: List, *, rev2: bool) -> str:
    return NON_EXISTENT if command.extended or rev2 else NO_SELECT


def _reaches_levels(command: List | Lsub) -> bool:
    return any(pattern.endswith("%") for pattern in command.patterns)


def _selection(command: List, names: Names) -> Callable[[str], bool]:
    """Whether a name meets the selection options; patterns are not considered."""
    by_subscription = ListSelect.SUBSCRIBED in command.select
    by_use = ListSelect.SPECIAL_USE in command.select

    def selected(name: str) -> bool:
        if by_subscription and name not in names.subscribed:
            return False
        return not by_use or bool(names.roles.get(name))

    return selected


def _matcher(reference: str, patterns: tuple[str, ...]) -> Callable[[str], bool]:
    if len(patterns) == 1:
        return ListPattern(reference + patterns[0]).matches
    wanted = [reference + pattern for pattern in dict.fromkeys(patterns)]
    # Few may hold wildcards (`limits.MAX_WILDCARD_PATTERNS`); all others together cost one look-up for each name
    compiled = [ListPattern(pattern) for pattern in wanted if _WILDCARDS & set(pattern)]
    exact = frozenset(_with_inbox(pattern) for pattern in wanted)
    return lambda name: name in exact or any(pattern.matches(name) for pattern in compiled)


_WILDCARDS: Final = frozenset("*%")


def _with_inbox(pattern: str) -> str:
    """A pattern without wildcards as the name that it matches: INBOX comes in any letter case."""
    first, separator, rest = pattern.partition(mailbox_name.SEPARATOR)
    return f"{mailbox_name.INBOX}{separator}{rest}" if first.upper() == mailbox_name.INBOX else pattern


def _order(name: str) -> tuple[bool, str]:
    return name != mailbox_name.INBOX and not name.startswith(
        mailbox_name.INBOX + mailbox_name.SEPARATOR
    ), name
