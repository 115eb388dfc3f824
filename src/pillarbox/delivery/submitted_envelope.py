"""The envelope of a message that is submitted by JMAP (RFC 8621 §7): as the client gives it, or from the header."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.delivery.destinations import NO_REQUEST, DsnRequest
from pillarbox.delivery.envelope import Envelope
from pillarbox.mail import unitext, xtext
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header
from pillarbox.mail.name_addr import NameAddr
from pillarbox.protocol.smtp.parameters import BadParameter, read_mail, read_rcpt
from pillarbox.protocol.smtp.path import NULL, ReversePath

MAX_PARAMETERS: Final = 10
"""Parameters of one address."""
MAX_VALUE_CHARACTERS: Final = 1_000
MAX_RECIPIENTS_READ: Final = 5_000
"""Recipients of the header that are read, whatever the limit is."""

_MAIL: Final = frozenset(
    {"SIZE", "BODY", "SMTPUTF8", "REQUIRETLS", "RET", "ENVID", "HOLDFOR", "HOLDUNTIL", "AUTH"}
)
_FOUND_OUT: Final = frozenset({"SIZE", "BODY", "SMTPUTF8", "ENVID", "AUTH"})
"""Parameters that a client may give, and that are as the message is."""
_RCPT: Final = frozenset({"NOTIFY", "ORCPT"})


class EnvelopeAddress(Struct, frozen=True, gc=False):
    """An address, and parameters with their values as they are before they are encoded (RFC 8621 §7, Address)."""

    email: str
    parameters: dict[str, str | None] | None = None


class SubmittedEnvelope(Struct, frozen=True, gc=False):
    """Who sends to whom."""

    mail_from: EnvelopeAddress
    rcpt_to: tuple[EnvelopeAddress, ...]


class NotSubmitted(Struct, frozen=True, gc=False):
    """Why a message is not sent: a SetError of RFC 8621 §7.5 or RFC 8620 §5.3, by its type."""

    type: str
    description: str = ""
    properties: tuple[str, ...] = ()
    """Of the submission, or, where the email is invalid, of that."""
    invalid_recipients: tuple[str, ...] = ()
    max_recipients: int | None = None
    max_size: int | None = None


Recipients = list[tuple[Address, DsnRequest]]


def as_json(envelope: SubmittedEnvelope) -> str:
    """As a client is shown it."""
    shown = {"mailFrom": envelope.mail_from, "rcptTo": envelope.rcpt_to}
    return msgspec.json.encode(shown).decode()


def of_json(text: str) -> SubmittedEnvelope:
    """What `as_json` wrote; an empty one where that is damaged."""
    try:
        # Not by the types of the structs: where they are compiled, msgspec does not find these
        found = msgspec.json.decode(text)
        recipients = tuple(_of_object(each) for each in found["rcptTo"])
        return SubmittedEnvelope(_of_object(found["mailFrom"]), recipients)
    except (msgspec.DecodeError, KeyError, TypeError):
        return SubmittedEnvelope(EnvelopeAddress(""), ())


def _of_object(found: dict[str, Any]) -> EnvelopeAddress:
    """Raises `KeyError`, `TypeError`."""
    return EnvelopeAddress(str(found["email"]), found.get("parameters"))


def of_header(header: Header, identity: str, *, instead: str) -> SubmittedEnvelope | NotSubmitted:
    """The envelope that RFC 8621 §7 makes of a message, for an identity with this address.

    `instead`: who sends where the identity stands for all addresses of a domain, and the message names another one.
    Fields of one who sent it on (Resent-To and others) say nothing about where it goes now.
    """
    name = "Sender" if "Sender" in header else "From"
    authors = _mailboxes(header, name)
    if len(header.all(name)) > 1 or len(authors) > 1:
        return NotSubmitted("invalidEmail", f"{name} has several addresses", (name.lower(),))
    sender = _text(authors[0]) if authors else identity
    recipients: dict[str, EnvelopeAddress] = {}
    for field in ("To", "Cc", "Bcc"):
        for mailbox in _mailboxes(header, field):
            text = _text(mailbox)
            recipients.setdefault(_key(text), EnvelopeAddress(text))
    sender = _allowed(sender, identity, instead)
    return SubmittedEnvelope(EnvelopeAddress(sender), tuple(recipients.values()))


def _allowed(sender: str, identity: str, instead: str) -> str:
    if identity.startswith("*@"):
        domain = _key(sender).rpartition("@")[2]
        return sender if domain == identity[2:] and not sender.startswith("*@") else instead
    return sender if _key(sender) == _key(identity) else identity


def read_envelope(
    given: SubmittedEnvelope, envelope_id: str, *, octets: int, is_ascii: bool
) -> Envelope | NotSubmitted:
    """The parameters of MAIL. `envelope_id`: as xtext; `is_ascii`: of the header."""
    sender = given.mail_from
    path: ReversePath = NULL
    if sender.email:
        try:
            path = Address.parse(sender.email)
        except InvalidAddress as invalid:
            return NotSubmitted("invalidProperties", f"mailFrom: {invalid}", ("envelope",))
    try:
        fields = read_mail(_written(sender.parameters, without=_FOUND_OUT), _MAIL)
    except (BadParameter, UnicodeEncodeError) as bad:
        return NotSubmitted("invalidProperties", f"parameters of mailFrom: {bad}", ("envelope",))
    ascii_only = is_ascii and sender.email.isascii() and all(each.email.isascii() for each in given.rcpt_to)
    return Envelope(path, octets, smtputf8=not ascii_only, envelope_id=envelope_id, **fields)


def read_recipients(given: SubmittedEnvelope, limit: int) -> Recipients | NotSubmitted:
    """The recipients, each once, at most so many, with what is asked for about each."""
    if not given.rcpt_to:
        return NotSubmitted("noRecipients", "nobody would get it")
    if len(given.rcpt_to) > limit:
        return NotSubmitted("tooManyRecipients", max_recipients=limit)
    found: dict[str, tuple[Address, DsnRequest]] = {}
    invalid: list[str] = []
    for recipient in given.rcpt_to:
        try:
            address = Address.parse(recipient.email)
        except InvalidAddress:
            invalid.append(recipient.email)
            continue
        try:
            found.setdefault(address.key, (address, _request(recipient)))
        except (BadParameter, UnicodeEncodeError) as bad:
            return NotSubmitted("invalidProperties", f"parameters of {recipient.email}: {bad}", ("envelope",))
    if invalid:
        return NotSubmitted("invalidRecipients", "no addresses", invalid_recipients=tuple(invalid))
    return list(found.values())


def _request(recipient: EnvelopeAddress) -> DsnRequest:
    """Raises `BadParameter`, `UnicodeEncodeError`."""
    if not recipient.parameters:
        return NO_REQUEST
    fields = read_rcpt(_written(recipient.parameters), _RCPT)
    notify = ",".join(sorted(word.value for word in fields.get("notify") or ()))
    return DsnRequest(notify, fields.get("original"))


def _written(parameters: dict[str, str | None] | None, *, without: Iterable[str] = ()) -> str:
    """Parameters as MAIL and RCPT have them. What they cannot have becomes what their reader refuses."""
    words = [""]
    if parameters and len(parameters) > MAX_PARAMETERS:
        return " ="
    for name, value in (parameters or {}).items():
        if name.upper() not in without:
            words.append(name if value is None else f"{name}={_encoded(name.upper(), value)}")
    return " ".join(word if word.isprintable() and " " not in word else "=" for word in words)


def _encoded(name: str, value: str) -> str:
    if len(value) > MAX_VALUE_CHARACTERS:
        return ""
    if name != "ORCPT":
        return value
    kind, _, address = value.partition(";")
    return f"{kind};{unitext.encode(address) if kind.lower() == 'utf-8' else xtext.encode(address)}"


def _mailboxes(header: Header, name: str) -> list[NameAddr]:
    found: list[NameAddr] = []
    for value in header.all(name):
        found += mailboxes(parse_address_list(value))
        if len(found) > MAX_RECIPIENTS_READ:
            break
    return found


def _text(mailbox: NameAddr) -> str:
    local, domain = mailbox.local.decode("utf-8", "replace"), mailbox.domain.decode("utf-8", "replace")
    if not domain:
        return local or (mailbox.display or b"").decode("utf-8", "replace")
    return str(Address(local, domain))


def _key(text: str) -> str:
    try:
        return Address.parse(text).key
    except InvalidAddress:
        return text
