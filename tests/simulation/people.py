"""Letters, and the people who send them: to their provider's submission, or from outside to its MX.

A letter is sent once. Its sender is told "accepted", "refused", or is left in doubt; who was refused or left
in doubt may write another letter, with another Message-ID, so that each letter's way can be followed.
"""

import asyncio
import base64
from dataclasses import dataclass

from pillarbox.world.network import NetworkFailure
from tests.simulation.internet import Internet
from tests.simulation.provider import app_password
from tests.simulation.weather import MINUTE
from tests.simulation.wire import Pulled

PATIENCE_S = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and its envelope. `notify`: the words of NOTIFY for every recipient, may be empty."""

    message_id: str
    sender: str
    """Empty: the null path."""
    recipients: tuple[str, ...]
    notify: str = ""
    login: str = ""
    """Who submits; empty where it comes from outside."""
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
        """What must arrive as it was sent."""
        return f"This is {self.message_id}.\r\n..two dots, and a line with one:\r\n.\r\nthe end\r\n"


class _Refused(Exception):
    """The server said no."""


async def send(letter: Letter, internet: Internet, address: str, source: str) -> str:
    """Hand a letter over; what became of it, as its sender sees it: "accepted", "refused" or "in doubt"."""
    port = 587 if letter.login else 25
    try:
        async with asyncio.timeout(PATIENCE_S):
            end = await internet.connect(letter.login or "outside", address, port, source)
    except (NetworkFailure, TimeoutError):
        return "refused"
    talk = _Talk(end)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await talk.hand_over(letter)
        result = "accepted"
    except _Refused:
        result = "refused"
    except (NetworkFailure, TimeoutError):
        result = "in doubt"
    await end.close()
    return result


class _Talk:
    """The simplest client there is: one command, one answer."""

    def __init__(self, end: Pulled) -> None:
        self._end = end
        self._rest = b""

    async def hand_over(self, letter: Letter) -> None:
        await self._answer()
        await self._ask("EHLO client.example")
        if letter.login:
            password = app_password(letter.login.partition("@")[0])
            response = base64.b64encode(f"\0{letter.login}\0{password}".encode()).decode()
            await self._ask(f"AUTH PLAIN {response}")
        await self._ask(f"MAIL FROM:<{letter.sender}>")
        notify = f" NOTIFY={letter.notify}" if letter.notify else ""
        codes = [await self._code(f"RCPT TO:<{one}>{notify}") for one in letter.recipients]
        if not any(code == 250 for code in codes):
            raise _Refused
        if letter.by_chunks:
            await self._end.write(b"BDAT %d LAST\r\n" % len(letter.octets) + letter.octets)
        else:
            await self._ask("DATA")
            await self._end.write(letter.octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
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
