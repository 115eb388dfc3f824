"""A notification that a client wants sent: what is said, to whom, and why it may not be (RFC 9007 §2, §2.1)."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.delivery.notifying import Notice
from pillarbox.delivery.reception.body import MAX_TOP_OCTETS
from pillarbox.delivery.reception.writing import in_thread
from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.directory.identities import Identity
from pillarbox.mail import disposition_request, encoded_word, object_id, visible
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.composing.addresses import Mailbox
from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.mail.composing.folding import NotWritable
from pillarbox.mail.disposition_notification import (
    Disposition,
    DispositionNotification,
    compose,
    recipient_parts,
)
from pillarbox.mail.disposition_request import DispositionRequest
from pillarbox.mail.header import Header
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.mail.threading import message_ids
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.email import keywords
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.identity import forbidden_from
from pillarbox.protocol.jmap.types.mdn import ALREADY_SENT, MDN
from pillarbox.server.jmap.context import Context
from pillarbox.store import emails
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import OpenBlob
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import nonce

SENT: Final = "$mdnsent"
MAX_SUBJECT_CHARACTERS: Final = 200
MAX_RECIPIENTS: Final = 50
"""Addresses of a header among which that of an identity for a whole domain is looked for."""
_MOST_MESSAGES: Final = 1_000
"""Messages of one email that are read in the loop."""

_SAID: Final = {
    "displayed": ("Read", "was displayed. This does not say that it was read or understood."),
    "deleted": ("Deleted", "was deleted. It may have been seen before, or not."),
    "dispatched": ("Passed on", "was sent on, without necessarily having been seen."),
    "processed": ("Processed", "was processed without being displayed."),
}


class Prepared(Struct, frozen=True):
    """What can be sent."""

    email: EmailId
    notice: Notice
    told: dict[str, Any]
    """The properties that the client has not set."""
    original: OpenBlob
    """To be closed by whoever sends it."""


class _Stored(Struct, frozen=True):
    blob: bytes
    flags: str


async def prepare(
    context: Context, owner: Account, identity: Identity, given: Mapping[str, Any]
) -> Prepared | SetError:
    """What is to be sent, or why it can't be. Raises `DatabaseUnavailable`, `BlobDamaged`."""
    resolved = context.created.resolve(given, MDN.references)
    record = resolved if isinstance(resolved, SetError) else MDN.create(resolved)
    if isinstance(record, SetError):
        return record
    email = object_id.email(record["forEmailId"])
    stored = None if email is None else await _stored(context, owner.id, email)
    if email is None or stored is None:
        return SetError("notFound", "There is no such email")
    if is_sent(stored.flags):
        return ALREADY_SENT
    world = context.world
    blob = await world.database.read(world.blobs.open, stored.blob)
    try:
        header, _ = await in_thread(Header.parse, await in_thread(blob.read, 0, MAX_TOP_OCTETS))
        made = await _Composing(context, owner, identity, record, header, blob).run()
    except BaseException:
        blob.close()
        raise
    if isinstance(made, SetError):
        blob.close()
        return made
    notice, settled = made
    told = {**MDN.omitted(given), **{name: settled[name] for name in settled if given.get(name) is None}}
    return Prepared(email, notice, told, blob)


def is_sent(flags: str) -> bool:
    """Whether a notification was sent for an email with these flags, as stored."""
    return SENT in keywords.keywords(flags)


async def _stored(context: Context, account: AccountId, email: EmailId) -> _Stored | None:
    try:
        return await context.world.database.read(_read, account, email, most=_MOST_MESSAGES)
    except TooMuchToRead:
        return await context.world.database.read_in_thread(_read, account, email, most=None)


def _read(tx: Transaction, account: AccountId, email: EmailId, *, most: int | None) -> _Stored | None:
    """Raises `TooMuchToRead`, `ValuesDamaged`."""
    found = emails.by_id(tx, account, [email], most=most).get(email)
    if found is None:
        return None
    ((digest,),) = emails.columns(tx, account, [email], [Column.BLOB], octets=0).values()
    return _Stored(digest, found.flags)


class _Original:
    """The message that is returned; read in the thread that writes the notification."""

    def __init__(self, blob: OpenBlob) -> None:
        self._blob = blob

    @property
    def size(self) -> int:
        return self._blob.size

    def read(self, start: int, end: int) -> bytes:
        return self._blob.read(start, end - start)


class _Composing:
    def __init__(
        self,
        context: Context,
        owner: Account,
        identity: Identity,
        record: Mapping[str, Any],
        header: Header,
        blob: OpenBlob,
    ) -> None:
        self._context, self._owner, self._identity = context, owner, identity
        self._record, self._header, self._blob = record, header, blob

    async def run(self) -> tuple[Notice, dict[str, Any]] | SetError:
        """And the properties that the server may set."""
        record, header = self._record, self._header
        request = disposition_request.read(header)
        if header.cut or request is None:
            return SetError("notFound", "The email has no valid Disposition-Notification-To")
        automatically = record["disposition"]["sendingMode"] == "mdn-sent-automatically"
        why = disposition_request.why_not(header, request, automatically=automatically)
        if why is not None:
            return errors.forbidden(why)
        if record["includeOriginalMessage"] and self._blob.size > self._context.config.limits.message_octets:
            return errors.too_large(None, max_size=self._context.config.limits.message_octets)
        if not self._identity.usable:
            return forbidden_from("The account may not send from the identity's address")
        sender = await self._sender()
        final = await self._final_recipient(sender)
        if isinstance(final, SetError):
            return final
        settled = self._settled(request, final)
        message = self._message(request, sender, settled)
        if isinstance(message, SetError):
            return message
        return Notice(self._owner, request.to, message, self._context.client_address), settled

    async def _sender(self) -> str:
        """The address of the identity; of one for a whole domain, that to which the message was sent."""
        email = self._identity.email
        if not email.startswith("*@"):
            return email
        return await self._context.world.database.read(self._addressed, email[2:]) or self._owner.address

    def _addressed(self, tx: Transaction, domain: str) -> str | None:
        found = []
        for name in ("To", "Cc"):
            for value in self._header.all(name):
                found += mailboxes(parse_address_list(value))
        for mailbox in found[:MAX_RECIPIENTS]:
            if mailbox.domain.decode("latin-1").lower() != domain:
                continue
            address = _address(str(Address(mailbox.local.decode("utf-8", "replace"), domain)))
            if address is not None and resolve.may_send_as(tx, self._owner.id, address):
                return str(address)
        return None

    async def _final_recipient(self, sender: str) -> str | SetError:
        """§5: only an address of the user's own."""
        given = self._record["finalRecipient"]
        if given is None:
            return _with_type(sender)
        kind, text = recipient_parts(given)
        address = _address(text)
        if address is None or kind not in ("rfc822", "utf-8"):
            return errors.invalid_properties(["finalRecipient"], "It is no mail address")
        if not await self._context.world.database.read(resolve.may_send_as, self._owner.id, address):
            return forbidden_from("finalRecipient is no address of the account")
        return f"{kind}; {address}"

    def _settled(self, request: DispositionRequest, final: str) -> dict[str, Any]:
        word, sentence = _SAID[self._record["disposition"]["type"]]
        about = visible.visible(encoded_word.decode((self._header.first("Subject") or b"")[:2_000])).strip()
        about = about[:MAX_SUBJECT_CHARACTERS]
        ids = message_ids(self._header.first("Message-ID") or b"")
        kind, address = recipient_parts(final)
        return {
            "subject": f"{word}: {about}".strip(": "),
            "textBody": f'Your message "{about}" to {address}\n{sentence}\n',
            "mdnGateway": None,
            "originalRecipient": request.original_recipient,
            "finalRecipient": f"{kind}; {address}",
            "originalMessageId": f"<{ids[0]}>" if ids else None,
            "error": None,
        }

    # --- the message

    def _message(
        self, request: DispositionRequest, sender: str, settled: Mapping[str, Any]
    ) -> ComposedMessage | SetError:
        given = {name: value for name, value in self._record.items() if value is not None}
        world = self._context.world
        identity = f"{nonce(world.entropy)}@{sender.rpartition('@')[2]}"
        now_ms, seed = world.clock.now_ms(), nonce(world.entropy)

        def composed(said: Mapping[str, Any]) -> ComposedMessage:
            return compose(
                DispositionNotification(
                    sender=Mailbox(self._identity.name or None, sender),
                    to=[Mailbox(None, str(each)) for each in request.to],
                    about=self._header,
                    subject=said.get("subject", settled["subject"]),
                    text=said.get("textBody", settled["textBody"]),
                    disposition=_disposition(self._record["disposition"]),
                    final_recipient=settled["finalRecipient"],
                    original_recipient=request.original_recipient,
                    reporting_ua=said.get("reportingUA"),
                    extension_fields=said.get("extensionFields", {}),
                    original=_Original(self._blob) if said.get("includeOriginalMessage") else None,
                    message_id=identity,
                    now_ms=now_ms,
                    boundary_seed=seed,
                )
            )

        try:
            return composed(given)
        except NotWritable as why:
            wrong = [name for name in _WRITTEN if name in given and not _is_writable(composed, name, given)]
            return errors.invalid_properties(wrong, str(why))


_WRITTEN: Final = ("subject", "reportingUA", "extensionFields")


def _is_writable(composed: Any, name: str, given: Mapping[str, Any]) -> bool:
    try:
        composed({name: given[name]})
    except NotWritable:
        return False
    return True


def _disposition(given: Mapping[str, Any]) -> Disposition:
    """Of a value that the table has checked."""
    return Disposition(action_mode=given["actionMode"], sending_mode=given["sendingMode"], type=given["type"])


def _with_type(address: str) -> str:
    kind, text = recipient_parts(address)
    return f"{kind}; {text}"


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except InvalidAddress:
        return None
