"""What an Email/set asks for of `snoozed`: an own extension, of the capability `urn:pillarbox:jmap:snooze`.

An email is snoozed while it is in the mailbox with the role `snoozed`. Where an update sets `snoozed` and says nothing
of mailboxes, that mailbox takes the place of all others; where it sets null, the email goes where it would have come
back. What it has now is known in the transaction only, so patches are applied there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap import errors, patch
from pillarbox.protocol.jmap.capabilities import SNOOZE
from pillarbox.protocol.jmap.email import snoozed
from pillarbox.protocol.jmap.email.snoozed import NAME, NotSnoozed
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import Change, InvalidPatch
from pillarbox.server.jmap.context import Context
from pillarbox.store import emails, snoozing
from pillarbox.store.email_set import EmailChange
from pillarbox.store.emails import Email
from pillarbox.store.snoozing import Waiting
from pillarbox.world.database import Transaction

_MOVE_TO = "moveToMailboxId"


def is_known(context: Context) -> bool:
    """Whether Emails have the property in this request."""
    return SNOOZE in context.using


def known(context: Context, change: Change) -> Change:
    """The change with the id of a mailbox that this request has made, where it names one by its creation id."""
    match change:
        case Change(tokens=(_,), value={"moveToMailboxId": str(reference)}):
            value = {**change.value, _MOVE_TO: context.created.known(reference)}
            return Change(change.tokens, value)
        case Change(tokens=(_, "moveToMailboxId"), value=str(reference)):
            return Change(change.tokens, context.created.known(reference))
    return change


def wrong(text: str) -> SetError:
    """The value can't be so."""
    return errors.invalid_properties([NAME], f"{NAME}: {text}")


# --- in the transaction


class Planned(Struct, frozen=True):
    """What is to become of one email."""

    change: EmailChange
    told: dict[str, Any]
    """What the client has not sent of it."""
    mailbox: MailboxId | None = None
    snooze: Snooze | None = None
    """`None`: it is not to be snoozed any more."""
    is_new: bool = True
    """Whether that is another than it has."""

    def carry_out(self, tx: Transaction, account: AccountId) -> None:
        """Once the email is where it should be."""
        if not self.is_new:
            return
        if self.snooze is None or self.mailbox is None:
            snoozing.end(tx, account, self.change.email)
        else:
            snoozing.begin(tx, account, self.change.email, self.snooze, mailbox=self.mailbox)


def plan(
    tx: Transaction, account: AccountId, change: EmailChange, asked: Sequence[Change], *, now_ms: int
) -> Planned | SetError:
    """What an update asks for that is about `snoozed` as well. Raises `NoSuchMailbox` where there is no Inbox."""
    email = emails.by_id(tx, account, [change.email]).get(change.email)
    if email is None:
        return errors.NOT_FOUND
    waiting = snoozing.of_emails(tx, [email]).get(email.id)
    before = None if waiting is None else snoozed.record(waiting.snooze)
    try:
        value = patch.apply({NAME: before}, [*asked]).get(NAME)
        if value is None:
            return _ending(tx, account, change, email, waiting)
        snooze = snoozed.read(value)
    except InvalidPatch as refused:
        return errors.invalid_patch(str(refused))
    except NotSnoozed as refused:
        return wrong(str(refused))
    mailbox = snoozing.mailbox_of(tx, account) if waiting is None else waiting.mailbox
    if mailbox is None:
        return _no_mailbox()
    told: dict[str, Any] = {}
    if _moves(change):
        if mailbox not in change.mailboxes_of(email):
            return _elsewhere()
    elif waiting is None:
        change = msgspec.structs.replace(change, mailboxes=frozenset((mailbox,)))
        told["mailboxIds"] = _ids((mailbox,))
    after = snoozed.record(snooze)
    if after != value:
        told[NAME] = after
    if after == before:
        return Planned(change, told, is_new=False)
    refused_as = _refused(tx, account, snooze, mailbox, waiting, now_ms)
    return refused_as or Planned(change, told, mailbox, snooze)


def _ending(
    tx: Transaction, account: AccountId, change: EmailChange, email: Email, waiting: Waiting | None
) -> Planned:
    if waiting is None:
        return Planned(change, {}, is_new=False)
    if _moves(change):
        return Planned(change, {})
    target = snoozing.target_of(tx, account, waiting)
    change = msgspec.structs.replace(
        change, added_to=frozenset((target,)), removed_from=frozenset((waiting.mailbox,))
    )
    return Planned(change, {"mailboxIds": _ids(change.mailboxes_of(email))})


def of_new(
    tx: Transaction, account: AccountId, mailboxes: Collection[MailboxId], snooze: Snooze, *, now_ms: int
) -> MailboxId | SetError:
    """Where a new email is snoozed that is to be in these mailboxes."""
    mailbox = snoozing.mailbox_of(tx, account)
    if mailbox is None:
        return _no_mailbox()
    if mailbox not in mailboxes:
        return _elsewhere()
    return _refused(tx, account, snooze, mailbox, None, now_ms) or mailbox


def begin(tx: Transaction, account: AccountId, email: EmailId, snooze: Snooze, mailbox: MailboxId) -> None:
    """Snooze an email that was just created."""
    snoozing.begin(tx, account, email, snooze, mailbox=mailbox)


def _refused(
    tx: Transaction,
    account: AccountId,
    snooze: Snooze,
    mailbox: MailboxId,
    before: Waiting | None,
    now_ms: int,
) -> SetError | None:
    has_other_time = before is None or before.snooze.until_ms != snooze.until_ms
    if has_other_time and not snoozing.is_allowed(until_ms=snooze.until_ms, now_ms=now_ms):
        return wrong("the time has passed, or is too far ahead")
    target = snooze.move_to
    if target is not None and (target == mailbox or not snoozing.exists(tx, account, target)):
        return wrong("an email can't come back to this mailbox, or there is none")
    return None


def _no_mailbox() -> SetError:
    return wrong("there is no mailbox with the role snoozed")


def _elsewhere() -> SetError:
    return wrong("the email would not be in the mailbox with the role snoozed")


def _moves(change: EmailChange) -> bool:
    return change.mailboxes is not None or bool(change.added_to or change.removed_from)


def _ids(mailboxes: Collection[MailboxId]) -> Mapping[str, bool]:
    return dict.fromkeys(map(object_id.of_mailbox, sorted(mailboxes)), True)
