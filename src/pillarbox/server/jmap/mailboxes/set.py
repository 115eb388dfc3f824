"""Mailbox/set: RFC 8621 §2.5.

All of it is one transaction, but for the emails of large mailboxes that are to be destroyed: those go before, in
slices between which others write. Subscriptions are names in the store, and go with a mailbox that gets another one.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.mailbox import COUNTS, MAILBOX, MailboxSetArguments
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.server.jmap.mailboxes import reading
from pillarbox.server.jmap.mailboxes.arranging import Arranging
from pillarbox.server.jmap.mailboxes.forest import Forest, TooMuch
from pillarbox.server.jmap.mailboxes.operations import Asked, Operations
from pillarbox.server.jmap.mailboxes.view import NONE_COUNTED, Shown, record_of, tree_of
from pillarbox.store import mailboxes as stored
from pillarbox.store import placements, states
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.thread_counts import Counts
from pillarbox.world.database import Transaction

MANY_OBJECTS: Final = 20
"""Records from which on a call is carried out in a thread."""
MANY_MESSAGES: Final = 500
"""Messages that go with mailboxes, from which on it is as well."""
SLICE_MESSAGES: Final = 2_000
"""Messages that are removed in one transaction: some 50 milliseconds for whoever else writes."""


async def set_mailboxes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.5."""
    call = arguments.read(MailboxSetArguments, given)
    call.check(context.limits)
    account = context.account_id(given)
    asked = Asked(call, context.created, context.limits, await _counts(context, account, call))
    first = done = await _tried(context, account, asked, check_state=True)
    try:
        while isinstance(done, Full):
            for mailbox in done.mailboxes:
                await _empty(context, account, mailbox)
            done = await _tried(context, account, asked, check_state=False)
    except Exception as failure:
        raise PartialFail from failure  # emails are gone
    for creation, record in done.created.items():
        context.created.add(creation, record)
    return done.outcome.set_response(call.account_id, first.old_state, done.new_state)


async def _counts(
    context: Context, account: AccountId, call: MailboxSetArguments
) -> Mapping[MailboxId, Counts]:
    """The counts of mailboxes that are sent back with theirs, as whole records are a patch (RFC 8620 §5.3)."""
    named = [
        mailbox
        for reference, patch in (call.update or {}).items()
        if not patch.keys().isdisjoint(COUNTS)
        and (mailbox := object_id.mailbox(context.created.known(reference))) is not None
    ]
    if not named:
        return {}
    _, counted = await reading.seen(context, account, counted=True)
    return {mailbox: counted.of(mailbox) for mailbox in named} if counted else {}


async def _tried(context: Context, account: AccountId, asked: Asked, *, check_state: bool) -> "Done | Full":
    """Carry the call out, unless there are mailboxes to be emptied before."""
    database, call, now_ms = context.world.database, asked.call, context.world.clock.now_ms()
    objects = len(call.create or ()) + len(call.update or ()) + len(call.destroy or ())
    try:
        if objects <= MANY_OBJECTS and not await reading.has_many_names(context, account):
            done = await database.write(
                _set, account, asked, now_ms=now_ms, most=MANY_MESSAGES, check_state=check_state
            )
            if isinstance(done, Done) or done.messages > SLICE_MESSAGES:
                return done
        return await database.write_in_thread(
            _set, account, asked, now_ms=now_ms, most=SLICE_MESSAGES, check_state=check_state
        )
    except TooMuch:
        raise errors.request_too_large(
            "Not all of it can be done; of so many mailboxes, change fewer at once"
        ) from None


async def _empty(context: Context, account: AccountId, mailbox: MailboxId) -> None:
    """Remove the messages of a mailbox that is to be destroyed."""
    count = SLICE_MESSAGES
    while count == SLICE_MESSAGES:
        try:
            some = await context.world.database.write_in_thread(
                placements.expunge, account, mailbox, deleted_only=False, limit=SLICE_MESSAGES
            )
        except NoSuchMailbox:
            return  # somebody else has deleted it
        count = some.count


# --- in the transaction


class Full(Struct, frozen=True):
    """Mailboxes that have too much to be destroyed at once. Nothing was done."""

    old_state: str
    mailboxes: list[MailboxId]
    messages: int


class Done(Struct, frozen=True):
    """What was done."""

    old_state: str
    new_state: str
    outcome: SetOutcome
    created: dict[str, str]
    """Ids by creation id."""


def _set(
    tx: Transaction, account: AccountId, asked: Asked, *, now_ms: int, most: int, check_state: bool
) -> Done | Full:
    """Raises `MethodError`, `TooMuch`, `NoSuchAccount`, `ValuesDamaged`. It may run twice: all it changes is here."""
    old_state = states.read(tx, account).mailbox.text
    if check_state:
        asked.call.check_state(old_state)
    tree = tree_of(stored.listing(tx, account))
    subscribed = {*stored.subscriptions(tx, account)}
    operations, forest = Operations(asked, tree), Forest(tree.values(), len(subscribed))
    for operation, error in forest.settle(operations.all):
        operations.errors_of(operation)[operation.record] = error
    gone = [shown.mailbox for key, shown in tree.items() if key not in forest.nodes]
    messages = sum(mailbox.messages for mailbox in gone)
    if messages > most:
        return Full(old_state, [mailbox.id for mailbox in gone if mailbox.messages], messages)
    kept = {key: shown.mailbox for key, shown in tree.items()}
    made = Arranging(tx, account, forest, kept).arrange(now_ms)
    after = tree_of(stored.listing(tx, account))
    return Done(
        old_state,
        states.read(tx, account).mailbox.text,
        _outcome(asked, operations, made, tree, after),
        {creation: object_id.of_mailbox(one) for creation, one in made.items()},
    )


def _outcome(
    asked: Asked,
    operations: Operations,
    made: Mapping[str, MailboxId],
    tree: Mapping[MailboxId, Shown],
    after: Mapping[MailboxId, Shown],
) -> SetOutcome:
    outcome = SetOutcome()
    outcome.not_created = operations.not_created
    outcome.not_updated = operations.not_updated
    outcome.not_destroyed = operations.not_destroyed
    for operation in operations.all:
        if operation.record in operations.errors_of(operation):
            continue
        if operation.destroys:
            outcome.destroyed.append(operation.record)
            continue
        key = operation.key
        shown = after[made[key] if isinstance(key, str) else key]
        record = record_of(shown, NONE_COUNTED, MAILBOX.by_default)
        if operation.node is not None:
            sent = (asked.call.create or {})[operation.record]
            outcome.created[operation.record] = _other(record, sent, {})
        else:
            earlier = tree[shown.mailbox.id]
            before = record_of(earlier, NONE_COUNTED, MAILBOX.by_default)
            outcome.updated[operation.record] = _other(record, _sent(asked, operation.record), before) or None
    return outcome


def _sent(asked: Asked, record: str) -> dict[str, Any]:
    """What the client has sent of a mailbox that it changes; but for counts, which are as they are."""
    sent: dict[str, Any] = {}
    for reference, patch in (asked.call.update or {}).items():
        if asked.created.known(reference) == record:
            sent |= patch
    return {name: value for name, value in sent.items() if name not in COUNTS}


def _other(record: Mapping[str, Any], sent: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What the client has to be told of a mailbox: what is not as it has sent it, and what else has changed.

    A name was not normalized, null means what we choose, and where we put a mailbox depends on its role.
    """
    changed = {name: value for name, value in record.items() if name not in before or value != before[name]}
    other = {name: value for name, value in changed.items() if name not in sent}
    # A parent may have been sent as a reference
    normalized = {name: record[name] for name in sent if name in record and name != "parentId"}
    return other | {name: value for name, value in normalized.items() if value != sent[name]}
