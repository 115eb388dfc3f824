"""A message as it lies in a mailbox."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from functools import cached_property


@dataclass(frozen=True)
class Message:
    """A message that was delivered. What is asked for most is here; the rest is in `email`."""

    address: str
    """Whose mailbox it lies in."""
    mailbox: str
    uid: int
    flags: frozenset[str]
    octets: bytes
    """Exactly as it is stored, trace fields on top."""

    @cached_property
    def email(self) -> EmailMessage:
        """As the standard library reads it: `message.email["X-Priority"]`, attachments, parts."""
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
        return tuple(one.addr_spec for field in found if field is not None for one in field.addresses)

    @property
    def text(self) -> str:
        """The body as text, of HTML where there is nothing else; empty where there is neither."""
        body = self.email.get_body(("plain", "html"))
        return str(body.get_content()) if body is not None else ""
