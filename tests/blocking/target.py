"""What an attack is given: a provider, and the ways into it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from pillarbox.testing.blocking import BlockingProvider
from tests.blocking.judging import JudgingProvider, verdicts
from tests.blocking.wire import POP3_REPLY, SMTP_REPLY, Wire, last_line
from tests.kit.name_server import NameServer

STRANGER: Final = "stranger@elsewhere.example"
LOG_S: Final = 5.0
AnyProvider = BlockingProvider | JudgingProvider


class Target:
    """A provider under attack."""

    def __init__(self, provider: AnyProvider) -> None:
        self.provider = provider
        self.delivered = 0
        """Messages that were sent."""
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

    @property
    def names(self) -> NameServer:
        """The DNS, of a provider that judges by it."""
        assert isinstance(self.provider, JudgingProvider)
        return self.provider.names

    @property
    def verdicts(self) -> str:
        """What was found of all mail so far, by a provider that judges; the log may be a little behind."""
        stop = time.monotonic() + LOG_S
        while self.provider.log.count('"authentication":') < self.delivered and time.monotonic() < stop:
            time.sleep(0.02)
        return verdicts(self.provider.log)

    @property
    def reports(self) -> str:
        """What was found of the reports that were sent to such a provider."""
        assert isinstance(self.provider, JudgingProvider)
        return self.provider.reports

    def deliver(self, message: bytes, *, sender: str = STRANGER, to: str = "") -> str:
        """Send a message to the victim (or `to`) as a stranger; the octets go out as they are, with dots stuffed by
        the caller.

        Returns the last reply.
        """
        with self.smtp() as wire:
            self.begin(wire, sender, to)
            self.delivered += 1
            return last_line(wire.exchange(message + b"\r\n.\r\n", SMTP_REPLY))

    def deliver_at_once(self, message: bytes, sessions: int, *, sender: str = STRANGER, to: str = "") -> None:
        """The same message in many sessions, whose ends come together; returns when all are answered. In `sender`, `{}`
        is the number of the session.
        """
        with ExitStack() as stack:
            wires = [stack.enter_context(self.smtp()) for _ in range(sessions)]
            for number, wire in enumerate(wires):
                self.begin(wire, sender.format(number), to)
                wire.send(message)
            for wire in wires:
                wire.send(b"\r\n.\r\n")
            self.delivered += sessions
            for wire in wires:
                wire.exchange(b"", SMTP_REPLY)

    def begin(self, wire: Wire, sender: str, to: str = "") -> None:
        """A message in a session, up to DATA."""
        wire.exchange(f"MAIL FROM:<{sender}> BODY=8BITMIME\r\n".encode(), SMTP_REPLY)
        wire.exchange(f"RCPT TO:<{to or self.victim.address}>\r\n".encode(), SMTP_REPLY)
        wire.exchange(b"DATA\r\n", SMTP_REPLY)

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
