"""Messages and their senders: at their provider's submission port, or from outside at its MX.

A message is sent once. For its sender it is "accepted", "refused", or "in doubt"; a sender whose message was refused or
in doubt may send another one, with another Message-ID, so that each message can be followed.
"""

import asyncio
import base64
from dataclasses import dataclass

from pillarbox.world.network import NetworkFailure
from tests.simulation.faults import MINUTE
from tests.simulation.internet import Internet
from tests.simulation.provider import app_password
from tests.simulation.wire import Pulled

PATIENCE_S = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message and its envelope. `notify`: NOTIFY for every recipient, may be empty."""

    message_id: str
    sender: str
    """Empty: the null path."""
    recipients: tuple[str, ...]
    notify: str = ""
    login: str = ""
    """The submitter's login; empty if the message comes from outside."""
    by_chunks: bool = False

    @property
    def octets(self) -> bytes:
        """The message."""
        return (
            f"From: <{self.sender or 'mailer-daemon@outside.example'}>\r\nTo: undisclosed-recipients:;\r\n"
            f"Subject: {self.message_id}\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
            f"Message-ID: <{self.message_id}>\r\n\r\n{self.body}"
        ).encode()

    @property
    def body(self) -> str:
        """What must arrive unchanged."""
        return f"This is {self.message_id}.\r\n..two dots, and a line with one:\r\n.\r\nthe end\r\n"


class _Refused(Exception):
    """The server refused a command."""


async def send(sent_message: SentMessage, internet: Internet, address: str, source: str) -> str:
    """Send a message; the result as its sender sees it: "accepted", "refused" or "in doubt"."""
    port = 587 if sent_message.login else 25
    try:
        async with asyncio.timeout(PATIENCE_S):
            end = await internet.connect(sent_message.login or "outside", address, port, source)
    except (NetworkFailure, TimeoutError):
        return "refused"
    talk = _Talk(end)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await talk.hand_over(sent_message)
        result = "accepted"
    except _Refused:
        result = "refused"
    except (NetworkFailure, TimeoutError):
        result = "in doubt"
    await end.close()
    return result


class _Talk:
    """A simple client: one command, one reply."""

    def __init__(self, end: Pulled) -> None:
        self._end = end
        self._rest = b""

    async def hand_over(self, sent_message: SentMessage) -> None:
        await self._answer()
        await self._ask("EHLO client.example")
        if sent_message.login:
            password = app_password(sent_message.login.partition("@")[0])
            response = base64.b64encode(f"\0{sent_message.login}\0{password}".encode()).decode()
            await self._ask(f"AUTH PLAIN {response}")
        await self._ask(f"MAIL FROM:<{sent_message.sender}>")
        notify = f" NOTIFY={sent_message.notify}" if sent_message.notify else ""
        codes = [await self._code(f"RCPT TO:<{one}>{notify}") for one in sent_message.recipients]
        if not any(code == 250 for code in codes):
            raise _Refused
        if sent_message.by_chunks:
            await self._end.write(b"BDAT %d LAST\r\n" % len(sent_message.octets) + sent_message.octets)
        else:
            await self._ask("DATA")
            await self._end.write(sent_message.octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        if await self._answer() != 250:
            raise _Refused
        await self._code("QUIT")

    async def _ask(self, line: str) -> None:
        if await self._code(line) not in (220, 235, 250, 354):
            raise _Refused

    async def _code(self, line: str) -> int:
        await self._end.write(line.encode() + b"\r\n")
        return await self._answer()

    async def _answer(self) -> int:
        while True:
            while b"\n" not in self._rest:
                octets = await self._end.read()
                if not octets:
                    raise NetworkFailure("closed")
                self._rest += octets
            line, _, self._rest = self._rest.partition(b"\n")
            if line[3:4] != b"-":
                return int(line[:3])
