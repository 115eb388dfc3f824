"""A mail transaction: reverse-path, forward-paths, mail data (RFC 5321 §4.1.1), as long as it is open."""

from dataclasses import dataclass, field

from pillarbox.delivery.accept import Distribution, DsnRequest
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.commands import Body, Mail, Rcpt
from pillarbox.server.smtp.body import IncomingBody

_NO_WISH = DsnRequest()


@dataclass(slots=True)
class Transaction:
    """What MAIL and RCPT have said."""

    mail: Mail
    sender: str
    """The reverse-path in its brackets."""
    distribution: Distribution = field(default_factory=Distribution)
    recipients: list[Address] = field(default_factory=list)
    """The forward-paths that were accepted, in their order, repetitions included."""
    asked: int = 0
    """RCPT commands, accepted or not."""
    body: IncomingBody | None = None

    @property
    def binary(self) -> bool:
        """Whether the message's octets are to be kept bit for bit (RFC 3030 §3)."""
        return self.mail.body is Body.BINARY

    def abandon(self) -> None:
        """Forget what has come of the message."""
        if self.body:
            self.body.abandon()


def wish(rcpt: Rcpt) -> DsnRequest:
    """What the sender wants to hear of this recipient, in the queue's words."""
    if rcpt.notify is None and rcpt.original is None:
        return _NO_WISH
    notify = "" if rcpt.notify is None else ",".join(sorted(word.value for word in rcpt.notify))
    return DsnRequest(notify, rcpt.original)
