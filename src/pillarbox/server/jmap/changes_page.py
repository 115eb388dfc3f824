"""A part of what has changed, where a client wants so many changes at most, and the state that it leads to.

For types of which each record is logged once, by its first and its last change (RFC 8620 §5.2).
"""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from pillarbox.mail.identifiers import ModSeq
from pillarbox.protocol.jmap import errors

Id = TypeVar("Id", int, str)
Covariant = TypeVar("Covariant", int, str, covariant=True)


class Logged(Protocol[Covariant]):
    """A record that has changed."""

    @property
    def id(self) -> Covariant:
        """Of the record."""

    @property
    def created(self) -> ModSeq:
        """With which MODSEQ."""

    @property
    def changed(self) -> ModSeq:
        """With which MODSEQ last."""

    @property
    def destroyed(self) -> bool:
        """Whether it is gone."""


class ChangesPage(Struct, Generic[Id]):
    """What a client is told."""

    created: list[Id]
    updated: list[Id]
    destroyed: list[Id]
    until: ModSeq | None = None
    """There is more, after this MODSEQ."""


def page(logged: Iterable[Logged[Id]], since: ModSeq, most: int) -> ChangesPage[Id]:
    """At most so many changes after a state, those of one MODSEQ together. Raises cannotCalculateChanges.

    A record that was created on this page and changed after it is told as created now and as updated on a later page.
    """
    told = ChangesPage[Id]([], [], [])
    by_modseq: dict[ModSeq, list[Logged[Id]]] = {}
    for one in logged:
        if one.created <= since:
            by_modseq.setdefault(one.changed, []).append(one)
        elif not one.destroyed:
            by_modseq.setdefault(one.created, []).append(one)
    number, last = 0, since
    for modseq in sorted(by_modseq):
        number += len(by_modseq[modseq])
        if number > most:
            if last == since:
                raise errors.cannot_calculate_changes("More has changed at once than may be told")
            told.until = last
            break
        for one in by_modseq[modseq]:
            _list_of(told, one, since).append(one.id)
        last = modseq
    return told


def _list_of(told: ChangesPage[Id], one: Logged[Id], since: ModSeq) -> list[Id]:
    if one.created > since:
        return told.created
    return told.destroyed if one.destroyed else told.updated
