"""What an update of an Email asks for (RFC 8621 §4.6): other mailboxes, other keywords.

Everything else of an Email stays as it was created; it may be sent with the value that it has (RFC 8620 §5.3).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.mail.flags import KeywordTooLong, TooManyFlags
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.protocol.jmap import errors, patch
from pillarbox.protocol.jmap.email import snoozed
from pillarbox.protocol.jmap.email.header_property import PREFIX
from pillarbox.protocol.jmap.email.keywords import InvalidKeyword, flag_of, flags_of
from pillarbox.protocol.jmap.email.message import BodyArguments
from pillarbox.protocol.jmap.email.plan import Plan
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.patch import Change, InvalidPatch
from pillarbox.protocol.jmap.types.email import EMAIL, too_many_keywords
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails import snoozing
from pillarbox.server.jmap.emails.get import Listing
from pillarbox.store.email_set import EmailChange


class Wrong(ValueError):
    """A property holds what it may not."""


class TooManyKeywords(Wrong):
    """More keywords than an email may have."""


class Asked(Struct, frozen=True):
    """One update."""

    change: EmailChange
    fixed: tuple[Change, ...]
    """Of properties that no update changes."""
    snoozed: tuple[Change, ...] = ()
    """Of `snoozed`, where a request uses that extension."""


def mailboxes_of(value: Any) -> frozenset[MailboxId]:
    """The mailboxes that `mailboxIds` has, at least one. Raises `Wrong`."""
    if not isinstance(value, dict) or not value or any(each is not True for each in value.values()):
        raise Wrong
    found = [object_id.mailbox(text) for text in value]
    if None in found:
        raise Wrong
    return frozenset(mailbox for mailbox in found if mailbox is not None)


def keywords_of(value: Any) -> str:
    """The flags for `keywords`. Raises `Wrong`."""
    try:
        return flags_of(value if isinstance(value, dict) else {"": value})
    except InvalidKeyword as error:
        reason = error.__context__
        # RFC 8621 §4.1.1: no keyword is as long; fewer of them would not help
        is_limit = isinstance(reason, TooManyFlags) and not isinstance(reason, KeywordTooLong)
        raise (TooManyKeywords if is_limit else Wrong)(str(error)) from None


def read(context: Context, email: EmailId, given: Mapping[str, Any]) -> Asked | SetError:
    """What a PatchObject asks for, as far as it can be told without the email."""
    resolved = context.created.resolve(given, EMAIL.references)
    if isinstance(resolved, SetError):
        return resolved
    try:
        changes = patch.parse(resolved, context.limits)
        return _Reader(context, email).read(changes)
    except TooManyKeywords as error:
        return too_many_keywords(str(error))
    except InvalidPatch as refused:
        return errors.invalid_patch(str(refused))


class _Reader:
    """Reads one patch."""

    def __init__(self, context: Context, email: EmailId) -> None:
        self._context, self._email = context, email
        self._snoozed: list[Change] = []
        self._mailboxes: frozenset[MailboxId] | None = None
        self._keywords: str | None = None
        self._added: set[MailboxId] = set()
        self._removed: set[MailboxId] = set()
        self._set: list[str] = []
        self._unset: list[str] = []

    def read(self, changes: list[Change]) -> Asked | SetError:
        fixed: list[Change] = []
        wrong: dict[str, None] = {}
        for change in changes:
            name = change.tokens[0]
            try:
                if name == "mailboxIds":
                    self._mailbox(change)
                elif name == "keywords":
                    self._keyword(change)
                elif name == snoozed.NAME and snoozing.is_known(self._context):
                    self._snoozed.append(snoozing.known(self._context, change))
                elif name in EMAIL.properties or name.startswith(PREFIX):
                    fixed.append(change)
                else:
                    wrong[name] = None
            except TooManyKeywords:
                raise
            except Wrong:
                wrong[name] = None
        if wrong:
            return errors.invalid_properties(wrong, "Unknown, or not of the right type")
        set_flags, unset_flags = (keywords_of(dict.fromkeys(each, True)) for each in (self._set, self._unset))
        change_of_email = EmailChange(
            self._email,
            self._mailboxes,
            frozenset(self._added),
            frozenset(self._removed),
            self._keywords,
            set_flags,
            unset_flags,
        )
        return Asked(change_of_email, tuple(fixed), tuple(self._snoozed))

    def _mailbox(self, change: Change) -> None:
        match change:
            case Change(tokens=(_,), value=value):
                self._mailboxes = mailboxes_of(value)
            case Change(tokens=(_, text), value=None):
                # What is no id is no mailbox that the email is in
                if (mailbox := object_id.mailbox(text)) is not None:
                    self._removed.add(mailbox)
            case Change(tokens=(_, text), value=True):
                self._added |= mailboxes_of({text: True})
            case _:
                raise _not_so(change)

    def _keyword(self, change: Change) -> None:
        match change:
            case Change(tokens=(_,), value=value):
                self._keywords = "" if value is None else keywords_of(value)
            case Change(tokens=(_, keyword), value=None):
                try:
                    flag_of(keyword)
                except InvalidKeyword:
                    return  # no email has it
                self._unset.append(keyword)
            case Change(tokens=(_, keyword), value=True):
                keywords_of({keyword: True})
                self._set.append(keyword)
            case _:
                raise _not_so(change)


def _not_so(change: Change) -> Exception:
    if len(change.tokens) > 2:
        return InvalidPatch(f"There is no object that '{'/'.join(change.tokens)}' could be in")
    return Wrong()


_NO_TEXTS: Final = BodyArguments()


async def check_fixed(context: Context, account: AccountId, asked: Asked) -> SetError | None:
    """What is wrong where an update names properties that never change: those with another value than they have."""
    names = patch.touched([*asked.fixed])
    email = asked.change.email
    unknown = [name for name in names if not _is_known(name)]
    if unknown:
        return errors.invalid_properties(unknown, "Unknown")
    plan = Plan.of_get(names, _NO_TEXTS)
    _, rendered = await Listing(context).add(account, [email], plan)
    if email not in rendered:
        return errors.NOT_FOUND
    before = msgspec.json.decode(rendered[email])
    try:
        after = patch.apply(before, [*asked.fixed])
    except InvalidPatch as refused:
        return errors.invalid_patch(str(refused))
    changed = [name for name in names if after.get(name) != before.get(name)]
    return errors.invalid_properties(changed, "Never changes") if changed else None


def _is_known(name: str) -> bool:
    try:
        Plan.of_get([name], _NO_TEXTS)
    except MethodError:
        return False
    return True
