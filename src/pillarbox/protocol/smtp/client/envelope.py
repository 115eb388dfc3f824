"""What MAIL and RCPT say to a server, and how an attempt ended for each recipient."""

from enum import Enum
from typing import NamedTuple

from pillarbox.mail import unitext
from pillarbox.protocol.smtp.client.capabilities import Capabilities
from pillarbox.protocol.smtp.client.replies import Reply
from pillarbox.protocol.smtp.commands import Body, Notify, Return


class OutcomeKind(Enum):
    """How an attempt ended for a recipient."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"


class Outcome(NamedTuple):
    """How an attempt ended for one recipient.

    `status`: an enhanced status code (RFC 3463). `text`: the server's reply, or our own words if
    `said_by_server` is false. `in_doubt`: the whole message was sent and no final reply came, so the server
    may have accepted it (RFC 5321 §4.5.3.2.6).
    """

    kind: OutcomeKind
    status: str
    text: str
    said_by_server: bool = True
    in_doubt: bool = False


class Recipient(NamedTuple):
    """A forward-path, without brackets, and its DSN request (RFC 3461 §4.1, §4.2)."""

    address: str
    notify: frozenset[Notify] = frozenset()
    original: str | None = None


class Envelope(NamedTuple):
    """What MAIL and RCPT say. `reverse_path`: an address without brackets, `None` for the null path."""

    reverse_path: str | None
    recipients: tuple[Recipient, ...]
    size: int
    """Octets of the message, line ends included."""
    body: Body = Body.EIGHT_BIT
    smtputf8: bool = False
    require_tls: bool = False
    returns: Return | None = None
    envelope_id: str | None = None


def outcome_of(reply: Reply) -> Outcome:
    """A final reply about a recipient or the message."""
    kind = {2: OutcomeKind.DELIVERED, 5: OutcomeKind.FAILED}.get(reply.code // 100, OutcomeKind.DEFERRED)
    return Outcome(kind, reply.status, str(reply), said_by_server=reply.code != 0)


def recipient_outcome(reply: Reply) -> Outcome:
    """A reply to RCPT that refuses a recipient."""
    outcome = outcome_of(reply)
    # RFC 5321 §4.5.3.1.10: 552 was long used for "too many recipients", which is transient; a full mailbox
    # or a message too large has a status of its own (RFC 3463 §3.3, §3.4).
    if reply.code == 552 and not outcome.status.startswith(("5.2.", "5.3.")):
        return Outcome(OutcomeKind.DEFERRED, "4.5.3", outcome.text)
    return outcome


def interrupted(text: str, reply: Reply | None, *, content_sent: bool) -> Outcome:
    """The connection ended before a final reply; `reply`: what the server sent instead, if anything."""
    status = reply.status if reply else "4.4.2"
    by_server = reply is not None and reply.code != 0
    return Outcome(
        OutcomeKind.DEFERRED,
        status if status.startswith("4") else "4.5.0",
        text,
        said_by_server=by_server,
        in_doubt=content_sent and not by_server,
    )


def impossible(envelope: Envelope, capabilities: Capabilities, *, tls_active: bool) -> Outcome | None:
    """Why this server cannot take this message at all; `None` if it can."""
    limit = capabilities.size_limit
    if limit is not None and envelope.size > limit:
        return _failed("5.3.4", f"the message has {envelope.size} octets, the next server accepts {limit}")
    if envelope.smtputf8 and "SMTPUTF8" not in capabilities:
        return _failed("5.6.7", "an address needs SMTPUTF8, which the next server does not offer")
    if envelope.body is Body.BINARY and not {"BINARYMIME", "CHUNKING"} <= capabilities.offered.keys():
        return _failed("5.6.3", "the message is BINARYMIME, which the next server does not offer")
    if envelope.body is Body.EIGHT_BIT and "8BITMIME" not in capabilities:
        return _failed("5.6.3", "the message is 8BITMIME, which the next server does not offer")
    # RFC 8689 §4.2.1: only over TLS, and only to a server that promises the same
    if envelope.require_tls and not (tls_active and "REQUIRETLS" in capabilities):
        return _failed("5.7.30", "REQUIRETLS was asked for, which the next server does not offer")
    return None


def _failed(status: str, text: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, status, text, said_by_server=False)


def mail_command(envelope: Envelope, capabilities: Capabilities) -> str:
    """MAIL, with the parameters that this server offers."""
    words = [f"MAIL FROM:<{envelope.reverse_path or ''}>"]
    if "SIZE" in capabilities:
        words.append(f"SIZE={envelope.size}")
    if envelope.body is not Body.SEVEN_BIT:
        words.append(f"BODY={envelope.body.value}")
    if envelope.smtputf8:
        words.append("SMTPUTF8")
    if envelope.require_tls:
        words.append("REQUIRETLS")
    if "DSN" in capabilities:
        if envelope.returns:
            words.append(f"RET={envelope.returns.value}")
        if envelope.envelope_id:
            words.append(f"ENVID={envelope.envelope_id}")
    return " ".join(words)


def rcpt_command(recipient: Recipient, capabilities: Capabilities) -> str:
    """RCPT, with the parameters that this server offers."""
    words = [f"RCPT TO:<{recipient.address}>"]
    if "DSN" in capabilities:
        if recipient.notify:
            words.append("NOTIFY=" + ",".join(sorted(keyword.value for keyword in recipient.notify)))
        if recipient.original:
            words.append(f"ORCPT={_original(recipient.original, smtputf8='SMTPUTF8' in capabilities)}")
    return " ".join(words)


def _original(original: str, *, smtputf8: bool) -> str:
    """ORCPT for this server: unchanged (RFC 3461 §5.2.1 d), but in ASCII if the server needs that."""
    if original.isascii() or smtputf8:
        return original
    # RFC 6533 §3: without SMTPUTF8 the ASCII form must be used
    kind, _, address = original.partition(";")
    return f"{kind};{unitext.encode(unitext.decode(address))}"
