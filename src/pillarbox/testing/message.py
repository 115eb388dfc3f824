"""A message in a mailbox."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from functools import cached_property


@dataclass(frozen=True)
class Message:
    """A delivered message, with what tests ask for most; `email` has the rest."""

    address: str
    """Whose mailbox it is in."""
    mailbox: str
    uid: int
    flags: frozenset[str]
    octets: bytes
    """Exactly as stored, with the trace fields at the top."""

    @cached_property
    def email(self) -> EmailMessage:
        """Parsed by the standard library: `message.email["X-Priority"]`, attachments, parts."""
        return BytesParser(policy=SMTP).parsebytes(self.octets)

    @property
    def subject(self) -> str:
        """The decoded subject; empty where there is none."""
        return str(self.email["Subject"] or "")

    @property
    def sender(self) -> str:
        """The address in From; empty where there is none."""
        found = self.email["From"]
        return found.addresses[0].addr_spec if found is not None and found.addresses else ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses in To and Cc."""
        found = (self.email["To"], self.email["Cc"])
        return tuple(address.addr_spec for field in found if field is not None for address in field.addresses)

    @property
    def text(self) -> str:
        """The text of the body, or its HTML where there is no plain text; empty where there is neither."""
        body = self.email.get_body(("plain", "html"))
        return str(body.get_content()) if body is not None else ""
