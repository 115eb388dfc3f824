"""The mailboxes of the other server, and the mailbox for each here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR, InvalidMailboxName, ListPattern
from pillarbox.mail.visible import visible
from pillarbox.protocol.imap.client.responses import Listed, Namespaces
from pillarbox.store.mailbox import DEFAULT_MAILBOXES, Role

GMAIL: Final = "X-GM-EXT-1"
"""The capability of Gmail: mailboxes are labels there, and "All Mail" holds each message."""

_ROLES: Final = {
    "\\drafts": Role.DRAFTS,
    "\\sent": Role.SENT,
    "\\junk": Role.JUNK,
    "\\spam": Role.JUNK,  # of XLIST, before RFC 6154
    "\\trash": Role.TRASH,
    "\\archive": Role.ARCHIVE,
}
_VIEWS: Final = {"\\all", "\\flagged", "\\important"}
"""Mailboxes that show messages of others (RFC 6154 §2, RFC 8457)."""
_NO_MAILBOX: Final = {"\\noselect", "\\nonexistent"}
_DEFAULT_NAMES: Final = {role: name for name, role in DEFAULT_MAILBOXES.items()}


@dataclass(frozen=True, slots=True)
class Planned:
    """A mailbox to import."""

    name: bytes
    """At the other server, as it came."""
    path: str
    """The same for people, its levels separated by `/`: patterns match this."""
    mailbox: str
    """Here."""
    role: Role | None = None
    subscribed: bool = True
    gathers: bool = False
    """Holds each message of the other mailboxes as well: what is found there only is imported from it."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A mailbox that is not imported."""

    path: str
    why: str


@dataclass(slots=True)
class Plan:
    """What is imported, in this order, and what is not."""

    mailboxes: list[Planned] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    refused: list[LeftOut] = field(default_factory=list)
    """What should have been imported, and can't be."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the operator asks for."""

    into: str | None = None
    """The mailbox here for INBOX, canonical; the others are created below it."""
    wanted: tuple[str, ...] = ()
    """Patterns, with `*` and `%`; none: all."""
    excluded: tuple[str, ...] = ()


def make_plan(
    listed: Sequence[Listed],
    namespaces: Namespaces | None,
    offered: frozenset[str],
    selection: Selection,
    roles: Mapping[Role, str],
) -> Plan:
    """`listed`: the replies to LIST and LSUB. `roles`: the mailboxes here that have one."""
    subscribed = {one.name for one in listed if one.subscribed_only or "\\subscribed" in one.attributes}
    wanted = {pattern: ListPattern(pattern) for pattern in selection.wanted}
    unmatched = dict.fromkeys(wanted)
    excluded = [ListPattern(pattern) for pattern in selection.excluded]
    plan = Plan()
    for one in {one.name: one for one in listed if not one.subscribed_only}.values():
        if one.attributes & _NO_MAILBOX:
            continue
        levels = _levels(one, namespaces.personal if namespaces else ())
        path = SEPARATOR.join(levels)
        matching = [text for text, pattern in wanted.items() if pattern.matches(path)]
        unmatched = {text: None for text in unmatched if text not in matching}
        named = bool(matching)
        if (wanted and not named) or any(pattern.matches(path) for pattern in excluded):
            plan.left_out.append(LeftOut(path, "not selected"))
            continue
        gathers = GMAIL in offered and "\\all" in one.attributes
        why = "" if named or gathers else _reason_to_leave_out(one, namespaces)
        if why:
            plan.left_out.append(LeftOut(path, why))
            continue
        role = Role.ARCHIVE if gathers else _role(one.attributes)
        try:
            mailbox = _mailbox(levels, role, selection.into, roles)
        except InvalidMailboxName as wrong:
            plan.refused.append(LeftOut(path, str(wrong)))
            continue
        is_subscribed = not subscribed or one.name in subscribed
        plan.mailboxes.append(Planned(one.name, path, mailbox, role, is_subscribed, gathers))
    plan.refused += [LeftOut(pattern, "no mailbox there has such a name") for pattern in unmatched]
    plan.mailboxes.sort(key=_order)
    return plan


def local_roles(mailboxes: Iterable[tuple[str, Role | None]]) -> dict[Role, str]:
    """The first mailbox of each role."""
    found: dict[Role, str] = {}
    for name, role in mailboxes:
        if role is not None:
            found.setdefault(role, name)
    return found


def _levels(listed: Listed, prefixes: Sequence[bytes]) -> list[str]:
    """The levels of a name without the prefix of the user's own namespace (RFC 2342 §4): `INBOX.Sent` is `Sent`."""
    name = listed.name
    for prefix in prefixes:
        if prefix and name.startswith(prefix) and len(name) > len(prefix):
            name = name[len(prefix) :]
            break
    try:
        text = mailbox_name.decode(name, utf8=not name.isascii())
    except InvalidMailboxName:  # some servers never encoded names
        text = name.decode("utf-8", "replace")
    levels = text.split(listed.delimiter) if listed.delimiter else [text]
    cleaned = [visible(level).replace(SEPARATOR, "_") or "_" for level in levels]
    if cleaned[0].upper() == INBOX:
        cleaned[0] = INBOX
    return cleaned


def _reason_to_leave_out(listed: Listed, namespaces: Namespaces | None) -> str:
    if listed.attributes & _VIEWS:
        return "shows messages of other mailboxes"
    if namespaces and any(prefix and listed.name.startswith(prefix) for prefix in namespaces.others):
        return "belongs to others"
    return ""


def _role(attributes: frozenset[str]) -> Role | None:
    return next((role for attribute, role in _ROLES.items() if attribute in attributes), None)


def _mailbox(levels: list[str], role: Role | None, into: str | None, roles: Mapping[Role, str]) -> str:
    if into is not None:
        below = [] if levels == [INBOX] else levels
        return mailbox_name.canonical(SEPARATOR.join((into, *below)))
    if role is not None:
        return roles.get(role) or _DEFAULT_NAMES[role]
    return mailbox_name.canonical(SEPARATOR.join(levels))


def _order(planned: Planned) -> tuple[bool, bool, bool, str]:
    """What is to be there first comes first; of Gmail's labels the first one that a message has decides."""
    return planned.gathers, planned.path != INBOX, planned.role is None, planned.path
