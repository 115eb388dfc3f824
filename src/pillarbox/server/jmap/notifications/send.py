"""MDN/send (RFC 9007 §2.1).

For each email one notification at most, whatever fails (RFC 8098 §2.1): the keyword $mdnsent is set before it is sent,
in a transaction that looks whether it is there already, and removed if it could not be sent. The Email/set that the
client asks for comes afterwards.
"""

from collections.abc import Mapping
from typing import Any

from pillarbox.delivery import notifying
from pillarbox.delivery.submitted_envelope import NotSubmitted
from pillarbox.directory import accounts, identities
from pillarbox.directory.accounts import Account
from pillarbox.directory.identities import Identity
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.capabilities import MAIL
from pillarbox.protocol.jmap.email import keywords
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.types.mdn import ALREADY_SENT, MdnSendArguments
from pillarbox.server.jmap.context import Context, Named, PartialFail
from pillarbox.server.jmap.notifications import composing
from pillarbox.server.jmap.notifications.composing import SENT, Prepared
from pillarbox.store import email_set, emails
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable, Transaction

_FLAG = keywords.flag_of(SENT)


async def send(context: Context, given: dict[str, Any]) -> list[Named]:
    """§2.1: the response, and that of the Email/set, if anything was sent."""
    call = arguments.read(MdnSendArguments, given)
    if MAIL not in context.using:  # §2.1: its request must be using that as well
        raise MethodError(errors.UNKNOWN_METHOD)
    if len(call.send) > context.limits.max_objects_in_set:
        raise arguments.too_many_to_set(context.limits)
    _check_keyword(call)
    owner, identity = await context.world.database.read(
        _asker, context.account_id(given), context.created.known(call.identity_id)
    )
    if owner is None or identity is None:
        raise errors.invalid_arguments("There is no such identity")
    return await _Sending(context, call, owner, identity).run()


def _check_keyword(call: MdnSendArguments) -> None:
    """Raises invalidArguments (§2.1: what does not result in setting the keyword must be rejected)."""
    patches = call.on_success_update_email or {}
    for creation in call.send:
        patch = patches.get(f"#{creation}", {})
        whole = patch.get("keywords")
        if patch.get(f"keywords/{SENT}") is not True and not (
            isinstance(whole, dict) and whole.get(SENT) is True
        ):
            raise errors.invalid_arguments(f"onSuccessUpdateEmail must set {SENT} for '#{creation}'")


def _asker(tx: Transaction, account: AccountId, identity: str) -> tuple[Account | None, Identity | None]:
    return accounts.get(tx, account), identities.get(tx, account, identity)


class _Sending:
    """One call."""

    def __init__(self, context: Context, call: MdnSendArguments, owner: Account, identity: Identity) -> None:
        self._context, self._call, self._owner, self._identity = context, call, owner, identity
        self._sent: dict[str, dict[str, Any]] = {}
        self._not_sent: dict[str, SetError] = {}
        self._emails: dict[str, EmailId] = {}

    async def run(self) -> list[Named]:
        for creation, given in self._call.send.items():
            await self._context.give_way()
            try:
                error = await self._send(creation, given)
            except DatabaseUnavailable:
                error = SetError(errors.SERVER_FAIL, "The server cannot do it now; try again later")
            except BlobDamaged:
                error = SetError(errors.SERVER_FAIL, "Message is damaged")
            except Exception as failure:
                if self._sent:
                    raise PartialFail from failure
                raise
            if error is not None:
                self._not_sent[creation] = error
        said = {
            "accountId": self._call.account_id,
            "sent": self._sent or None,
            "notSent": {key: error.as_object() for key, error in self._not_sent.items()} or None,
        }
        answers: list[Named] = [("MDN/send", said)]
        patches = self._call.on_success_update_email or {}
        update = {object_id.of_email(email): patches[f"#{key}"] for key, email in self._emails.items()}
        if update:
            answers += await self._context.implicit(
                "Email/set", {"accountId": self._call.account_id, "update": update}
            )
        return answers

    async def _send(self, creation: str, given: Mapping[str, Any]) -> SetError | None:
        """Why it was not sent. Raises `DatabaseUnavailable`, `BlobDamaged`."""
        prepared = await composing.prepare(self._context, self._owner, self._identity, given)
        if isinstance(prepared, SetError):
            return prepared
        with prepared.original:
            error = await self._claimed(prepared)
        if error is None:
            self._sent[creation] = prepared.told
            self._emails[creation] = prepared.email
        return error

    async def _claimed(self, prepared: Prepared) -> SetError | None:
        context, database = self._context, self._context.world.database
        now_ms = context.world.clock.now_ms()
        outcome = await database.write(_claim, self._owner.id, prepared.email, now_ms=now_ms)
        if outcome is Outcome.UNCHANGED:
            return ALREADY_SENT
        if outcome is not Outcome.CHANGED:
            return SetError("notFound") if outcome is Outcome.NOT_FOUND else errors.forbidden(outcome.value)
        why = await notifying.send(context.reception, context.world, context.config, prepared.notice)
        if why is None:
            return None
        await database.write(_give_back, self._owner.id, prepared.email, now_ms=now_ms)
        return _error(why)


def _claim(tx: Transaction, account: AccountId, email: EmailId, *, now_ms: int) -> Outcome:
    """Set the keyword; UNCHANGED where any message of the email has it."""
    found = emails.by_id(tx, account, [email]).get(email)
    if found is not None and composing.is_sent(found.flags):
        return Outcome.UNCHANGED
    change = EmailChange(email, added_keywords=_FLAG)
    return email_set.set_emails(tx, account, [change], now_ms=now_ms).outcomes[email]


def _give_back(tx: Transaction, account: AccountId, email: EmailId, *, now_ms: int) -> None:
    email_set.set_emails(tx, account, [EmailChange(email, removed_keywords=_FLAG)], now_ms=now_ms)


def _error(why: NotSubmitted) -> SetError:
    """§2.1: in the errors that it knows."""
    match why.type:
        case "tooLarge":
            return errors.too_large(why.description or None, max_size=why.max_size)
        case "invalidRecipients":
            return SetError("notFound", "Nobody has the address of Disposition-Notification-To")
        case "forbiddenToSend" | "invalidEmail":
            return errors.forbidden(why.description)
    return SetError(why.type, why.description)
