"""A message in the form that a server can take: envelope and octets, or why that is impossible.

    SMTPUTF8 not offered     not requested if addresses and headers do not need it (RFC 6531 §3.2)
    8BITMIME not offered     converted to 7bit (RFC 6152 §3)
    BINARYMIME not offered   converted to lines (RFC 3030 §3)

BODY announces what the message is (7BIT if it has no octet above 127), whatever its sender announced.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.seven_bit import NotConvertible, convert, needs_smtputf8
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome, OutcomeKind, Recipient
from pillarbox.protocol.smtp.commands import Body, Notify, Return
from pillarbox.queue.schedule import PendingRecipient, QueuedMessage


class Converted(NamedTuple):
    """What MAIL and RCPT say, and the octets to send."""

    envelope: Envelope
    octets: bytes


def convert_for(
    capabilities: Capabilities, message: QueuedMessage, octets: bytes, recipients: Sequence[PendingRecipient]
) -> Converted | Outcome:
    """The message for these recipients, for a server with these capabilities."""
    paths = [message.reverse_path or "", *(recipient.address for recipient in recipients)]
    smtputf8 = message.smtputf8 or not all(map(str.isascii, paths))
    if smtputf8 and "SMTPUTF8" not in capabilities:
        plain = _without_smtputf8(paths, octets)
        if isinstance(plain, Outcome):
            return plain
        paths, octets = plain
        smtputf8 = False
    form = _form(octets, capabilities, binary=message.body is Body.BINARY)
    if isinstance(form, Outcome):
        return form
    body, octets = form
    envelope = Envelope(
        reverse_path=paths[0] or None,
        recipients=tuple(
            Recipient(path, _notify(recipient.notify), recipient.original)
            for path, recipient in zip(paths[1:], recipients, strict=True)
        ),
        size=len(octets),
        body=body,
        smtputf8=smtputf8,
        # RFC 8689 §5: a DSN asks for it only where the server offers it
        require_tls=message.require_tls
        and (message.reverse_path is not None or "REQUIRETLS" in capabilities),
        returns=Return(message.return_content) if message.return_content else None,
        envelope_id=message.envelope_id,
    )
    return Converted(envelope, octets)


def _without_smtputf8(paths: list[str], octets: bytes) -> tuple[list[str], bytes] | Outcome:
    try:
        plain = [_ascii_path(path) for path in paths]
    except InvalidAddress:
        return _failed("5.6.7", "an address needs SMTPUTF8, which the next server lacks")
    if not needs_smtputf8(octets):
        return plain, octets
    try:
        return plain, convert(octets, eight_bit=False)
    except NotConvertible as why:
        return _failed("5.6.7", f"the message needs SMTPUTF8, which the next server lacks: {why}")


def _ascii_path(path: str) -> str:
    """The same path in ASCII. Raises `InvalidAddress` if there is none."""
    if path.isascii():
        return path
    address = Address.parse(path)
    if address.needs_smtputf8:
        raise InvalidAddress("a local part has no other form")
    return str(address.with_ascii_domain())


def _form(octets: bytes, capabilities: Capabilities, *, binary: bool) -> tuple[Body, bytes] | Outcome:
    """The octets, and the value of BODY for them."""
    eight_bit = "8BITMIME" in capabilities
    if binary and {"BINARYMIME", "CHUNKING"} <= capabilities.offered.keys():
        return Body.BINARY, octets
    if binary or not (eight_bit or octets.isascii()):
        try:
            octets = convert(octets, eight_bit=eight_bit)
        except NotConvertible as why:
            # RFC 6152 §3: the other option, "a permanent error"
            return _failed("5.6.3", f"the next server cannot take the message as it is: {why}")
    return (Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT), octets


def _notify(notify: str) -> frozenset[Notify]:
    return frozenset(map(Notify, notify.split(","))) if notify else frozenset()


def _failed(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, status, text, said_by_server=False)
