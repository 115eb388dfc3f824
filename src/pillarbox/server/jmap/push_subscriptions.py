"""PushSubscription/get and /set: RFC 8620 §7.2, with `emailPush` of draft-ietf-jmap-emailpush-03.

Subscriptions belong to the password with which the user has logged in. What is sent to them: `pushing/`.
"""

import hmac
from typing import Any, Final

import msgspec
from msgspec import structs

from pillarbox.directory.sign_in import credential_marks
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors, push
from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.capabilities import EMAIL_PUSH
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.property_table import TypeTable
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.protocol.jmap.types.push_subscription import (
    PUSH_SUBSCRIPTION,
    SECRET,
    WITH_EMAIL_PUSH,
    SubscriptionGetArguments,
    SubscriptionSetArguments,
)
from pillarbox.protocol.webpush import p256
from pillarbox.push import subscriptions, vapid_key
from pillarbox.push.subscriptions import NEW, VERIFIED, Subscription, SubscriptionRefused
from pillarbox.server.jmap import pushed_states
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.server.jmap.push_subscription_properties import Checked, as_json, record_of
from pillarbox.store import pushed
from pillarbox.world.database import Transaction

CODE_OCTETS: Final = 16
"""Of chance in a verification code."""


def _table(context: Context) -> TypeTable:
    return WITH_EMAIL_PUSH if EMAIL_PUSH in context.using else PUSH_SUBSCRIPTION


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.2.1."""
    call = arguments.read(SubscriptionGetArguments, given)
    if any(name in SECRET for name in call.properties or ()):
        raise MethodError(errors.FORBIDDEN, "'url' and 'keys' are never returned")
    properties = _table(context).requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    found = await context.world.database.read(
        subscriptions.of_credential,
        context.account.id,
        context.credential,
        now_ms=context.world.clock.now_ms(),
    )
    records = {object_id.of_push_subscription(number): record_of(one) for number, one in found.items()}
    ids = tuple(records) if wanted is None else wanted
    return {
        "list": [{name: records[key][name] for name in properties} for key in ids if key in records],
        "notFound": [key for key in ids if key not in records],
    }


async def set_subscriptions(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§7.2.2."""
    call = arguments.read(SubscriptionSetArguments, given)
    call.check(context.limits)
    return await _Set(context, call).run()


class _Set:
    """One call."""

    def __init__(self, context: Context, call: SubscriptionSetArguments) -> None:
        self._context, self._call = context, call
        self._table = _table(context)
        self._outcome = SetOutcome()
        without_state = SetArguments(account_id=object_id.of_account(context.account.id))
        self._writes = GuardedWrites(context, context.account.id, without_state, _no_state)
        self._now_ms = context.world.clock.now_ms()

    async def run(self) -> dict[str, Any]:
        await self._writes.all(self._carry_out)
        return self._outcome.records()

    async def _carry_out(self) -> None:
        call, known, outcome = self._call, self._context.created.known, self._outcome
        for creation, record in (call.create or {}).items():
            try:
                outcome.created[creation] = await self._create(creation, record)
            except RecordRefused as refused:
                outcome.not_created[creation] = refused.error
        for reference, patch in (call.update or {}).items():
            key = known(reference)
            try:
                outcome.updated[key] = await self._update(key, patch)
            except RecordRefused as refused:
                outcome.not_updated[key] = refused.error
        for key in dict.fromkeys(map(known, call.destroy or ())):
            try:
                await self._writes.one(lambda tx, key=key: self._destroy(tx, key))  # type: ignore[misc]
                outcome.destroyed.append(key)
            except RecordRefused as refused:
                outcome.not_destroyed[key] = refused.error

    # --- create

    async def _create(self, creation: str, given: dict[str, Any]) -> dict[str, Any]:
        record = self._table.create(given)
        if isinstance(record, SetError):
            raise RecordRefused(record)
        new, host = self._new(record)
        chance = self._context.world.entropy.token_bytes(p256.CHANCE_OCTETS)
        number, expires_at_ms = await self._writes.one(
            lambda tx: self._insert(tx, new, host, p256.scalar_of(chance))
        )
        key = object_id.of_push_subscription(number)
        self._context.created.add(creation, key)
        said = {"id": key, **self._table.omitted(given), "expires": utc_date(expires_at_ms)}
        if new.email_push is not None:
            said["emailPush"] = msgspec.json.decode(new.email_push)
        return {name: value for name, value in said.items() if name not in given or value != given[name]}

    def _new(self, record: dict[str, Any]) -> tuple[Subscription, str]:
        """A subscription, and the host of its URL. Raises `RecordRefused`, with all that is wrong."""
        check = Checked(self._context, self._now_ms)
        host, keys = check.host(record["url"]), check.keys(record["keys"])
        if record["verificationCode"] is not None:
            check.wrong["verificationCode"] = "it is not known yet"
        expires_at_ms = check.expiry_ms(record["expires"])
        email_push = check.email_push(record.get("emailPush"), encrypted=record["keys"] is not None)
        check.refuse()
        code = self._context.world.entropy.token_bytes(CODE_OCTETS).hex()
        account = self._context.account
        return Subscription(
            id=0,
            account=account.id,
            credential=self._context.credential,
            device=record["deviceClientId"],
            url=record["url"],
            p256dh=keys.p256dh if keys else None,
            auth=keys.auth if keys else None,
            vapid_key=0,
            types=as_json(record["types"]),
            email_push=email_push,
            code=code,
            state=NEW,
            expires_at_ms=expires_at_ms,
            told="",
            told_email=0,
            failures=0,
            retry_at_ms=0,
        ), host

    def _insert(self, tx: Transaction, new: Subscription, host: str, fresh: bytes) -> tuple[int, int]:
        """Its number, and when it expires."""
        expires_at_ms = min(new.expires_at_ms, self._credential_ends_ms(tx))
        key = vapid_key.ensure(tx, fresh, now_ms=self._now_ms)
        states, _ = pushed_states.read(tx, new.account, None)
        complete = structs.replace(
            new,
            vapid_key=key.number,
            expires_at_ms=expires_at_ms,
            told=push.push_state(states),
            told_email=pushed.last_email(tx, new.account),
        )
        try:
            return subscriptions.create(tx, complete, host, now_ms=self._now_ms), expires_at_ms
        except SubscriptionRefused as refused:
            raise RecordRefused(SetError(refused.type, refused.description)) from None

    def _credential_ends_ms(self, tx: Transaction) -> int:
        """When the password of this request expires. Raises `RecordRefused` where it is none any more."""
        account = self._context.account
        valid = credential_marks.valid(tx, account.id, scope=Scope.JMAP, now_ms=self._now_ms)
        if self._context.credential not in valid:
            raise RecordRefused(errors.forbidden("The password of this login has been changed or revoked"))
        ends_ms = valid[self._context.credential]
        return _NEVER_MS if ends_ms is None else ends_ms

    # --- update and destroy

    async def _update(self, key: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        return await self._writes.one(lambda tx: self._updated(tx, key, patch))

    def _updated(self, tx: Transaction, key: str, patch: dict[str, Any]) -> dict[str, Any] | None:
        """What became otherwise than the client has said. Raises `RecordRefused`."""
        found = self._find(tx, key)
        before = record_of(found)
        values = self._table.update(
            lambda names: {name: before[name] for name in names}, patch, self._context.limits
        )
        if isinstance(values, SetError):
            raise RecordRefused(values)
        if not values:
            return None
        after = self._changed(tx, found, values)
        subscriptions.update(tx, after)
        now = record_of(after)
        return {name: now[name] for name, value in values.items() if now[name] != value} or None

    def _changed(self, tx: Transaction, found: Subscription, values: dict[str, Any]) -> Subscription:
        check = Checked(self._context, self._now_ms)
        new: dict[str, Any] = {}
        if "verificationCode" in values:
            if not hmac.compare_digest((values["verificationCode"] or "").encode(), found.code.encode()):
                check.wrong["verificationCode"] = "it is not the one that was sent"
            new["state"] = VERIFIED
        if "expires" in values:
            until_ms = min(check.expiry_ms(values["expires"]), self._credential_ends_ms(tx))
            key = vapid_key.vapid_key(tx)
            if key is None or key.number != found.vapid_key:
                # RFC 9749 §5: with a key of ours that was replaced, it is not renewed
                until_ms = min(until_ms, found.expires_at_ms)
            new["expires_at_ms"] = until_ms
        if "types" in values:
            new["types"] = as_json(values["types"])
        if "emailPush" in values:
            new["email_push"] = check.email_push(values["emailPush"], encrypted=found.p256dh is not None)
            if found.email_push is None:
                new["told_email"] = pushed.last_email(tx, found.account)
        check.refuse()
        return structs.replace(found, **new)

    def _destroy(self, tx: Transaction, key: str) -> None:
        subscriptions.remove(tx, [self._find(tx, key).id])

    def _find(self, tx: Transaction, key: str) -> Subscription:
        account, number = self._context.account, object_id.push_subscription(key)
        found = subscriptions.of_credential(tx, account.id, self._context.credential, now_ms=self._now_ms)
        if number is None or number not in found:
            raise RecordRefused(errors.NOT_FOUND)
        return found[number]


_NEVER_MS: Final = 2**62


def _no_state(tx: Transaction, account: AccountId) -> str:  # noqa: ARG001  (that of every type)
    return ""
