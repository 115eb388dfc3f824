"""Blob/lookup: which emails, threads, mailboxes and cards have a blob (RFC 9404 §4.3)."""

from typing import Any, Final

from pillarbox.contacts import media
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.capabilities import CONTACTS, MAIL
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.types.blob import REFERRING, BlobLookupArguments
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.context import Context
from pillarbox.store import email_blobs, emails
from pillarbox.store.emails import Email
from pillarbox.world.database import Transaction

UNKNOWN_DATA_TYPE = "unknownDataType"


async def lookup(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """Blob/lookup. Nothing tells what does not exist from what is somebody else's."""
    call = arguments.read(BlobLookupArguments, given)
    if not all(name in REFERRING and _capability(name) in context.using for name in call.type_names):
        raise MethodError(UNKNOWN_DATA_TYPE, "A type has no blobs, or its capability is not used")
    account = context.account_id(given)
    finder = BlobFinder(context, account)
    most = context.limits.max_query_results
    listed, missing = [], []
    for text in arguments.wanted(call.ids, context.created, context.limits):
        await context.give_way()
        try:
            blob = await finder.find(text)
        except TooMuchToRead:
            raise errors.request_too_large("Look for parts of fewer messages at once") from None
        having: list[Email] = []
        cards: list[str] = []
        if blob is None:
            missing.append(text)
        else:
            blob.close()
            if not blob.is_of_upload:
                having = await context.world.database.read_in_thread(_having, account, blob.message, most)
            elif blob.digest is not None and CARD in call.type_names:
                cards = await context.world.database.read_in_thread(_cards, account, blob.digest, most)
            most -= len(having) + len(cards)
        matched = {name: cards if name == CARD else _ids(name, having) for name in call.type_names}
        listed.append({"id": text, "matchedIds": matched})
    return {"accountId": call.account_id, "list": listed, "notFound": missing}


CARD: Final = "ContactCard"


def _capability(type_name: str) -> str:
    return CONTACTS if type_name == CARD else MAIL


def _cards(tx: Transaction, account: AccountId, digest: bytes, limit: int) -> list[str]:
    """The contact cards that have this image or sound. Raises requestTooLarge where they are more than `limit`."""
    found = media.cards(tx, account, digest, limit=limit + 1)
    if len(found) > limit:
        raise errors.request_too_large("Too many cards have these blobs: look for fewer at once")
    return [object_id.of_card(card) for card in found]


def _having(tx: Transaction, account: AccountId, digest: bytes, limit: int) -> list[Email]:
    """The emails that are there, with these octets. Raises requestTooLarge where they are more than `limit`."""
    found = email_blobs.emails(tx, account, digest, limit=limit + 1)
    if len(found) > limit:
        raise errors.request_too_large("Too many emails have these blobs: look for fewer at once")
    return list(emails.by_id(tx, account, found).values())


def _ids(type_name: str, having: list[Email]) -> list[str]:
    match type_name:
        case "Email":
            return [object_id.of_email(email.id) for email in having]
        case "Thread":
            return list(dict.fromkeys([object_id.of_thread(email.thread) for email in having]))
    return [
        object_id.of_mailbox(mailbox) for mailbox in sorted({box for one in having for box in one.mailboxes})
    ]
