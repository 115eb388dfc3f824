"""A message as a certain server can take it: its envelope and its octets, or why that cannot be.

    SMTPUTF8 where it is missing     not asked for where addresses and headers can do without (RFC 6531 §3.2)
    8BITMIME where it is missing     converted to seven bits (RFC 6152 §3)
    BINARYMIME where it is missing   converted to lines (RFC 3030 §3)

What is said of a message is what it is: seven bits where it has no more, whatever its sender announced.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.seven_bit import NotConvertible, convert, needs_smtputf8
from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome, Recipient, Verdict
from pillarbox.protocol.smtp.client.extensions import Extensions
from pillarbox.protocol.smtp.commands import Body, Notify, Return
from pillarbox.queue.schedule import QueuedMessage, Waiting


class Fitted(NamedTuple):
    """What to say, and what to send."""

    envelope: Envelope
    octets: bytes


def fit(
    message: QueuedMessage, octets: bytes, recipients: Sequence[Waiting], offer: Extensions
) -> Fitted | Outcome:
    """The message for these recipients, for a server that offers this."""
    paths = [message.reverse_path or "", *(waiting.recipient.address for waiting in recipients)]
    smtputf8 = message.smtputf8 or not all(map(str.isascii, paths))
    if smtputf8 and "SMTPUTF8" not in offer:
        plain = _without_smtputf8(paths, octets)
        if isinstance(plain, Outcome):
            return plain
        paths, octets = plain
        smtputf8 = False
    form = _form(octets, offer, binary=message.body is Body.BINARY)
    if isinstance(form, Outcome):
        return form
    body, octets = form
    envelope = Envelope(
        reverse_path=paths[0] or None,
        recipients=tuple(
            Recipient(path, _wishes(waiting.recipient.notify), waiting.recipient.original)
            for path, waiting in zip(paths[1:], recipients, strict=True)
        ),
        size=len(octets),
        body=body,
        smtputf8=smtputf8,
        # RFC 8689 §5: asked for a report wherever that is possible
        require_tls=message.require_tls and (message.reverse_path is not None or "REQUIRETLS" in offer),
        returns=Return(message.return_content) if message.return_content else None,
        envelope_id=message.envelope_id,
    )
    return Fitted(envelope, octets)


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
    """The same path in ASCII; raises InvalidAddress where there is none."""
    if path.isascii():
        return path
    address = Address.parse(path)
    if address.needs_smtputf8:
        raise InvalidAddress("a local part has no other form")
    return str(address.with_ascii_domain())


def _form(octets: bytes, offer: Extensions, *, binary: bool) -> tuple[Body, bytes] | Outcome:
    """The octets, and what they are called."""
    eight_bit = "8BITMIME" in offer
    if binary and {"BINARYMIME", "CHUNKING"} <= offer.offered.keys():
        return Body.BINARY, octets
    if binary or not (eight_bit or octets.isascii()):
        try:
            octets = convert(octets, eight_bit=eight_bit)
        except NotConvertible as why:
            # RFC 6152 §3: the other option, "a permanent error"
            return _failed("5.6.3", f"the next server cannot take the message as it is: {why}")
    return (Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT), octets


def _wishes(notify: str) -> frozenset[Notify]:
    return frozenset(map(Notify, notify.split(","))) if notify else frozenset()


def _failed(status: str, text: str) -> Outcome:
    return Outcome(Verdict.FAILED, status, text, said_by_server=False)
