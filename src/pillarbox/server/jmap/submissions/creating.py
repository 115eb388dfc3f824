"""A new submission: what the client asks for, and why it is not sent (RFC 8621 §7.5)."""

from collections.abc import Mapping
from typing import Any

from pillarbox.delivery import submitting
from pillarbox.delivery.submitted_envelope import EnvelopeAddress, NotSubmitted, SubmittedEnvelope
from pillarbox.delivery.submitting import Order, StoredEmail
from pillarbox.directory import accounts
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types import email_submission
from pillarbox.protocol.jmap.types.email_submission import EMAIL_SUBMISSION
from pillarbox.server.jmap.context import Context
from pillarbox.store import emails
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.fetch import Column
from pillarbox.world.database import Transaction

MOST_MESSAGES = 1_000
"""Messages of one email that are read in the loop."""


async def create(context: Context, account: AccountId, given: Mapping[str, Any]) -> int | SetError:
    """Send an email; the number of its submission, once that is durable. Raises `DatabaseUnavailable`."""
    resolved = context.created.resolve(given, EMAIL_SUBMISSION.references)
    record = resolved if isinstance(resolved, SetError) else EMAIL_SUBMISSION.create(resolved)
    if isinstance(record, SetError):
        return record
    database = context.world.database
    owner = await database.read(accounts.get, account)
    email = await _email(context, account, record["emailId"])
    if owner is None or email is None:
        return errors.invalid_properties(["emailId"], "There is no such email")
    order = Order(
        account=owner,
        identity=record["identityId"],
        email=email,
        envelope=_envelope(record["envelope"]),
        client_address=context.client_address,
    )
    found = await submitting.submit(context.reception, context.world, context.config, order)
    return _error(found) if isinstance(found, NotSubmitted) else found.id


async def _email(context: Context, account: AccountId, name: str) -> StoredEmail | None:
    email = object_id.email(name)
    if email is None:
        return None
    try:
        return await context.world.database.read(_stored, account, email, most=MOST_MESSAGES)
    except TooMuchToRead:
        return await context.world.database.read_in_thread(_stored, account, email, most=None)


def _stored(tx: Transaction, account: AccountId, email: EmailId, *, most: int | None) -> StoredEmail | None:
    """Raises `TooMuchToRead`, `ValuesDamaged`."""
    found = emails.by_id(tx, account, [email], most=most).get(email)
    if found is None:
        return None
    ((digest,),) = emails.columns(tx, account, [email], [Column.BLOB], octets=0).values()
    return StoredEmail(email, found.thread, digest)


def _envelope(given: Mapping[str, Any] | None) -> SubmittedEnvelope | None:
    """Of a value that the table has checked."""
    if given is None:
        return None
    return SubmittedEnvelope(_address(given["mailFrom"]), tuple(map(_address, given["rcptTo"])))


def _address(given: Mapping[str, Any]) -> EnvelopeAddress:
    return EnvelopeAddress(given["email"], given.get("parameters"))


def _error(why: NotSubmitted) -> SetError:
    match why.type:
        case "tooManyRecipients" if why.max_recipients is not None:
            return email_submission.too_many_recipients(why.max_recipients)
        case "invalidRecipients":
            return email_submission.invalid_recipients(list(why.invalid_recipients))
        case "tooLarge":
            return errors.too_large(why.description, max_size=why.max_size)
    properties = {"properties": list(why.properties)} if why.properties else {}
    return SetError(why.type, why.description, properties)
