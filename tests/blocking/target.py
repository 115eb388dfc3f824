"""What an attack is given: a provider, and the ways into it."""

from collections.abc import Sequence
from typing import Final

from pillarbox.testing.blocking import BlockingProvider
from tests.blocking.wire import POP3_REPLY, SMTP_REPLY, Wire, last_line

STRANGER: Final = "stranger@elsewhere.example"


class Target:
    """A provider under attack."""

    def __init__(self, provider: BlockingProvider) -> None:
        self.provider = provider
        self.victim = provider.accounts[0]
        """Receives the mail that is sent; attacks log in to this account. Others are watched at the next one."""

    def wire(self, service: str, *, receive_buffer: int = 0) -> Wire:
        """A connection to a service (`smtp`, `submission`, `imap`, `pop3`), with nothing read yet."""
        return Wire(self.provider.host, self.provider.ports[service], receive_buffer=receive_buffer)

    def smtp(self) -> Wire:
        """A stranger at the MX, after EHLO."""
        wire = self.wire("smtp")
        wire.exchange(b"", SMTP_REPLY)
        wire.exchange(b"EHLO elsewhere.example\r\n", SMTP_REPLY)
        return wire

    def imap(self, *, log_in: bool = True, mailbox: str = "", receive_buffer: int = 0) -> Wire:
        """An IMAP connection, logged in to the victim's account, with this mailbox selected."""
        wire = self.wire("imap", receive_buffer=receive_buffer)
        wire.exchange(b"", rb"^\* OK[^\r\n]*\r\n")
        if log_in:
            said = f'l LOGIN "{self.victim.login}" "{self.victim.password}"\r\n'
            assert b"l OK" in wire.exchange(said.encode(), rb"^l (OK|NO|BAD)[^\r\n]*\r\n")
        if mailbox:
            wire.exchange(f's SELECT "{mailbox}"\r\n'.encode(), rb"^s (OK|NO|BAD)[^\r\n]*\r\n")
        return wire

    def pop3(self, *, log_in: bool = True) -> Wire:
        """A POP3 connection, logged in to the victim's account."""
        wire = self.wire("pop3")
        wire.exchange(b"", POP3_REPLY)
        if log_in:
            wire.exchange(f"USER {self.victim.login}\r\n".encode(), POP3_REPLY)
            wire.exchange(f"PASS {self.victim.password}\r\n".encode(), POP3_REPLY)
        return wire

    def deliver(self, message: bytes) -> str:
        """Send a message to the victim as a stranger; the octets go out as they are, with dots stuffed by the caller.

        Returns the last reply.
        """
        with self.smtp() as wire:
            wire.exchange(f"MAIL FROM:<{STRANGER}> BODY=8BITMIME\r\n".encode(), SMTP_REPLY)
            wire.exchange(f"RCPT TO:<{self.victim.address}>\r\n".encode(), SMTP_REPLY)
            wire.exchange(b"DATA\r\n", SMTP_REPLY)
            return last_line(wire.exchange(message + b"\r\n.\r\n", SMTP_REPLY))

    def imap_command(self, command: bytes, *, mailbox: str = "", log_in: bool = True) -> str:
        """Send one command (without its tag) in a session of its own, and return its tagged answer."""
        with self.imap(log_in=log_in, mailbox=mailbox) as wire:
            got = wire.exchange(b"c " + command + b"\r\n", rb"^(c|\* BYE)[ ][^\r\n]*\r\n\Z")
        return last_line(got)

    def fetch_newest(self, items: bytes = b"(ENVELOPE BODYSTRUCTURE PREVIEW)") -> str:
        """What a client asks of a message that has arrived."""
        return self.imap_command(b"FETCH * " + items, mailbox="INBOX")

    def all_of(self, answers: Sequence[str]) -> str:
        """Several answers as one: each different one once."""
        return "; ".join(dict.fromkeys(answers))
