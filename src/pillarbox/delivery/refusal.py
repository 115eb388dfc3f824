"""Why a message or a recipient is refused, independent of the protocol it came by.

Each protocol maps reasons to its own answers with one table: SMTP in `server/smtp/refusals.py`.
"""

from enum import Enum, auto

from msgspec import Struct


class Reason(Enum):
    """Why something is refused. Reasons of one group say what the refusal is about."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    # The sender
    NOT_YOUR_ADDRESS = auto()
    """The reverse-path does not belong to the account that submits."""
    SENDER_NEEDS_SMTPUTF8 = auto()
    """A sender that is not ASCII, without SMTPUTF8 (RFC 6531 §3.5)."""

    HOLD_TOO_LONG = auto()
    """It is to be held longer than `queue.scheduled.MAX_HOLD_S`, or until a time that has passed (RFC 4865 §4.2)."""
    TOO_MUCH_HELD = auto()
    """The account has as much mail held as it may have (RFC 4865 §6)."""

    # A recipient
    NO_SUCH_RECIPIENT = auto()
    MAILBOX_DISABLED = auto()
    MAILBOX_FULL = auto()
    """Transient: over quota, or the account is being created or removed."""
    RELAY_DENIED = auto()
    """The domain is not ours, and the client has not logged in."""
    RECIPIENT_NEEDS_SMTPUTF8 = auto()
    TOO_MANY_RECIPIENTS = auto()
    """Transient: the rest can be sent in another transaction (RFC 5321 §4.5.3.1.10)."""

    # The message
    MESSAGE_TOO_LARGE = auto()
    TOO_MANY_HOPS = auto()
    """More Received fields than `MAX_HOPS`: a loop."""
    HEADER_TOO_LARGE = auto()
    """The header, or From or Sender of a submission, is too large to be checked."""
    HEADER_AMBIGUOUS = auto()
    """The header of a submission has octets or fields that readers take for different things."""
    NO_FROM = auto()
    """From of a submission holds no valid address."""
    FROM_NOT_OWNED = auto()
    """From of a submission names an address that is not the submitter's."""

    # A check (`delivery.checks`); the refusal carries its own status and text
    REJECTED_BY_CHECK = auto()
    DEFERRED_BY_CHECK = auto()
    """Transient."""

    # The server; transient
    UNAVAILABLE = auto()
    """The database or the disk cannot take it now."""
    MEMORY_SCARCE = auto()
    """There is no room in the memory budget."""
    RECIPIENT_GONE = auto()
    """A mailbox was removed after the recipient was accepted."""


class Refused(Struct, frozen=True, gc=False):
    """A refusal, as a value.

    `status` and `text` are given where a check refuses: the enhanced status code without its class, such
    as `7.1` (RFC 3463), and a sentence for the sender.
    """

    reason: Reason
    status: str = ""
    text: str = ""
