"""The events that the machine gives its session, in the order in which octets arrived.

A session carries each event out, and reports the result to the machine (`Machine.authenticated` and so on),
before the machine reads on: what the next octets mean depends on it (logged in or not, idle or not, TLS or
not).
"""

from dataclasses import dataclass
from typing import TypeAlias

from msgspec import Struct

from pillarbox.protocol.imap.commands import Append, Command, Replace


@dataclass(frozen=True, slots=True)
class Response:
    """The machine's own response (a continuation request, a BAD): write it as it is."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Bye:
    """The machine's last response (BYE): write it, then close."""

    octets: bytes


class Received(Struct, frozen=True, gc=False):
    """A command that is well-formed and allowed in this state; answer it with its tag. Never Append or
    Replace."""

    tag: bytes
    command: Command
    enabling_condstore: bool = False
    """Whether this is the connection's first CONDSTORE enabling command (RFC 7162 §3.1): if a mailbox is
    selected when it is answered, an untagged OK [HIGHESTMODSEQ n] is due."""


@dataclass(frozen=True, slots=True)
class IdleEnded:
    """DONE: answer the IDLE whose tag this is (RFC 9051 §6.3.13)."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class IdleAborted:
    """The client sent something other than DONE: the IDLE is over; write the octets."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class SaslResponse:
    """The client's answer to `Machine.challenge`, decoded."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class SaslAborted:
    """The client cancelled, or its answer wasn't base64: write the octets and drop the exchange."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class MessageParameters:
    """A message that a client is about to send (RFC 9051 §6.3.12, RFC 3502, 3516, 6855)."""

    size: int
    """Octets; more than zero, and within the limit."""
    flags: str = ""
    received_at_ms: int | None = None
    binary: bool = False
    """Sent as literal8: it may hold NUL (RFC 3516 §4.4)."""
    utf8: bool = False
    """Sent as UTF8 (~{n}): its header may hold UTF-8 (RFC 6855 §4)."""


@dataclass(frozen=True, slots=True)
class MessageOffered:
    """APPEND or REPLACE is about to send a message: answer with `Machine.accept_message` or
    `refuse_message`."""

    tag: bytes
    command: Append | Replace
    message: MessageParameters
    index: int
    """From 0; higher with MULTIAPPEND's further messages."""


@dataclass(frozen=True, slots=True)
class MessageOctets:
    """The next octets of the accepted message, as many as came; together exactly `MessageParameters.size`."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class MessagesEnded:
    """All messages of this APPEND or REPLACE have arrived and its line ended well: store them and answer."""

    tag: bytes
    command: Append | Replace


@dataclass(frozen=True, slots=True)
class MessagesDropped:
    """What followed a message was malformed: drop all messages of this command and write the octets."""

    octets: bytes


Event: TypeAlias = (
    Response | Bye | Received | IdleEnded | IdleAborted | SaslResponse | SaslAborted
    | MessageOffered | MessageOctets | MessagesEnded | MessagesDropped
)  # fmt: skip
