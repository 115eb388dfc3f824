"""A message in the form that a server can take: envelope and octets, or why that is impossible.

    SMTPUTF8 not offered     not requested if addresses and headers do not need it, their domains as A-labels
                             (RFC 6531 §3.2)
    8BITMIME not offered     converted to 7bit (RFC 6152 §3)
    BINARYMIME not offered   converted to lines (RFC 3030 §3)

What our accounts send has no line longer than SMTP has them, wherever a conversion can see to it: some servers refuse
such mail and others cut the line, which breaks the signature (RFC 5321 §4.5.3.1.6, RFC 6376 §5.3).

BODY announces what the message is (7BIT if it has no octet above 127), whatever its sender announced.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.ascii_domains import with_ascii_domains
from pillarbox.mail.seven_bit import NotConvertible, convert, needs_smtputf8
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome, OutcomeKind, Recipient
from pillarbox.protocol.smtp.commands import Body, Notify, Return
from pillarbox.queue.schedule import PendingRecipient, QueuedMessage
from pillarbox.server.relay.content import Content, has_long_lines


class Converted(NamedTuple):
    """What MAIL and RCPT say, and the octets to send; those that were converted have lost their signatures."""

    envelope: Envelope
    content: Content


def as_it_is(
    capabilities: Capabilities,
    message: QueuedMessage,
    content: Content,
    recipients: Sequence[PendingRecipient],
) -> bool:
    """Whether a server with these capabilities takes the message without any conversion."""
    if _needs_smtputf8(message, recipients) and "SMTPUTF8" not in capabilities:
        return False
    if message.body is Body.BINARY:
        return _takes_binary(capabilities)
    if message.account is not None and has_long_lines(content):
        return False
    return "8BITMIME" in capabilities or content.isascii()


def convert_for(
    capabilities: Capabilities,
    message: QueuedMessage,
    content: Content,
    recipients: Sequence[PendingRecipient],
) -> Converted | Outcome:
    """The message for these recipients, for a server with these capabilities; one in a file only `as_it_is`."""
    paths = _paths(message, recipients)
    smtputf8 = _needs_smtputf8(message, recipients)
    if smtputf8 and "SMTPUTF8" not in capabilities:
        plain = _without_smtputf8(paths, content)
        if isinstance(plain, Outcome):
            return plain
        paths, content = plain
        smtputf8 = False
    binary = message.body is Body.BINARY
    if message.account is not None and not binary and has_long_lines(content):
        content = _in_short_lines(content)
    form = _form(content, capabilities, binary=binary)
    if isinstance(form, Outcome):
        return form
    body, content = form
    envelope = Envelope(
        reverse_path=paths[0] or None,
        recipients=tuple(
            Recipient(path, _notify(recipient.notify), recipient.original)
            for path, recipient in zip(paths[1:], recipients, strict=True)
        ),
        size=len(content),
        body=body,
        smtputf8=smtputf8,
        # RFC 8689 §5: a DSN asks for it only where the server offers it
        require_tls=message.require_tls
        and (message.reverse_path is not None or "REQUIRETLS" in capabilities),
        returns=Return(message.return_content) if message.return_content else None,
        envelope_id=message.envelope_id,
    )
    return Converted(envelope, content)


def _paths(message: QueuedMessage, recipients: Sequence[PendingRecipient]) -> list[str]:
    return [message.reverse_path or "", *(recipient.address for recipient in recipients)]


def _needs_smtputf8(message: QueuedMessage, recipients: Sequence[PendingRecipient]) -> bool:
    return message.smtputf8 or not all(map(str.isascii, _paths(message, recipients)))


def _takes_binary(capabilities: Capabilities) -> bool:
    return {"BINARYMIME", "CHUNKING"} <= capabilities.offered.keys()


def _without_smtputf8(paths: list[str], content: Content) -> tuple[list[str], bytes] | Outcome:
    try:
        plain = [_ascii_path(path) for path in paths]
    except InvalidAddress:
        return _failed("5.6.7", "an address needs SMTPUTF8, which the next server lacks")
    octets = with_ascii_domains(_in_memory(content))
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


def _form(content: Content, capabilities: Capabilities, *, binary: bool) -> tuple[Body, Content] | Outcome:
    """The octets, and the value of BODY for them."""
    eight_bit = "8BITMIME" in capabilities
    if binary and _takes_binary(capabilities):
        return Body.BINARY, content
    if binary or not (eight_bit or content.isascii()):
        try:
            content = convert(_in_memory(content), eight_bit=eight_bit)
        except NotConvertible as why:
            # RFC 6152 §3: the other option, "a permanent error"
            return _failed("5.6.3", f"the next server cannot take the message as it is: {why}")
    return (Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT), content


def _in_short_lines(content: Content) -> bytes:
    octets = _in_memory(content)
    try:
        return convert(octets, eight_bit=True)
    except NotConvertible:
        return octets  # what is signed or encrypted in it may arrive all the same


def _in_memory(content: Content) -> bytes:
    assert isinstance(content, bytes), "what is in a file is sent as it is"
    return content


def _notify(notify: str) -> frozenset[Notify]:
    return frozenset(map(Notify, notify.split(","))) if notify else frozenset()


def _failed(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, status, text, said_by_server=False)
