"""What the subscriptions of an account are to be told: read in one transaction, whenever the account has changed."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from pillarbox.directory import identities
from pillarbox.directory.sign_in import credential_marks
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import push
from pillarbox.protocol.webpush.request import MAX_WAIT_S
from pillarbox.push import subscriptions
from pillarbox.push.subscriptions import NEW, VERIFIED, Progress, Subscription
from pillarbox.server.jmap import pushed_states
from pillarbox.store import pushed
from pillarbox.store.account_counters import NoSuchAccount
from pillarbox.world.database import Transaction

EMAIL_DELIVERY: Final = "EmailDelivery"


class Look(Struct, frozen=True, kw_only=True):
    """What an account's subscriptions need."""

    is_subscribed: bool = False
    """Whether there are any at all."""
    due: tuple[Subscription, ...] = ()
    """Those that are to be told something, and those whose codes are to be sent."""
    states: Mapping[str, str] = {}
    """Of all types; empty where nobody is to be told."""
    last_email: int = 0
    retry_at_ms: int = 0
    """When it has to be looked at again, though nothing changes; 0: no need to."""
    ended: tuple[int, ...] = ()
    """Numbers of those whose passwords have been changed or revoked, or have expired."""


def look(tx: Transaction, account: AccountId, unwritten: Mapping[int, Progress], *, now_ms: int) -> Look:
    """Look at an account. `unwritten`: what was sent and is not in the rows yet. Raises `ValuesDamaged`."""
    found = [_current(one, unwritten) for one in subscriptions.of_account(tx, account, now_ms=now_ms)]
    if not found:
        return Look()
    valid = credential_marks.valid(tx, account, scope=Scope.JMAP, now_ms=now_ms)
    if not valid:  # while an account is disabled, its subscriptions rest
        return Look(is_subscribed=True)
    ended = tuple(one.id for one in found if one.credential not in valid)
    kept = [one for one in found if one.credential in valid]
    new = tuple(one for one in kept if one.state == NEW)
    verified = [one for one in kept if one.state == VERIFIED]
    if not verified:
        return Look(is_subscribed=bool(kept), due=new, ended=ended)
    try:
        states, _ = pushed_states.read(tx, account, _known_identities(verified[0]))
    except NoSuchAccount:
        return Look()
    last = pushed.last_email(tx, account)
    behind = [one for one in verified if _is_behind(one, states, last)]
    # Nobody waits for longer: the clock was set back
    latest_ms = now_ms + MAX_WAIT_S * 1000
    waiting = [one.retry_at_ms for one in behind if now_ms < one.retry_at_ms <= latest_ms]
    return Look(
        is_subscribed=True,
        due=new + tuple(one for one in behind if not now_ms < one.retry_at_ms <= latest_ms),
        states=states,
        last_email=last,
        retry_at_ms=min(waiting, default=0),
        ended=ended,
    )


def _known_identities(one: Subscription) -> identities.State | None:
    """As they were told: which addresses the account has is looked up only where one of them has changed."""
    return identities.read_state(push.states_in(one.told).get("Identity", ""))


def _current(one: Subscription, unwritten: Mapping[int, Progress]) -> Subscription:
    sent = unwritten.get(one.id)
    if sent is None:
        return one
    return structs.replace(
        one,
        told=sent.told,
        told_email=max(one.told_email, sent.told_email),
        failures=sent.failures,
        retry_at_ms=sent.retry_at_ms,
    )


def _is_behind(one: Subscription, states: Mapping[str, str], last_email: int) -> bool:
    return (one.email_push is not None and last_email > one.told_email) or bool(changed_for(one, states))


def changed_for(one: Subscription, states: Mapping[str, str]) -> dict[str, str]:
    """The types that a subscription is to be told of, with their states."""
    types: Any = None if one.types is None else msgspec.json.decode(one.types)
    return push.changed_since(one.told, states, None if types is None else frozenset(types))
