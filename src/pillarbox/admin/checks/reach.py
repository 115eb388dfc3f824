"""Whether a mail server answers, as the relay would meet it: a connection, its greeting, EHLO."""

from typing import Final

from pillarbox.world.clock import Clock
from pillarbox.world.network import Network, NetworkFailure, Stream

ANSWER_S: Final = 10.0
"""For connection, greeting and reply together."""
_MAX_REPLY_OCTETS: Final = 16 * 1024


class NoAnswer(Exception):
    """The server does not take mail now; the text says why."""


async def require_server(
    network: Network, clock: Clock, address: str, port: int, *, hostname: str, greets: bool
) -> None:
    """Connect, say EHLO and QUIT. Raises `NoAnswer`. `greets`: TLS does not come first."""
    try:
        async with clock.timeout(ANSWER_S):
            stream = await network.connect(address, port)
            try:
                if greets:
                    await _converse(stream, hostname)
            finally:
                stream.abort()
    except TimeoutError:
        raise NoAnswer(f"no answer within {ANSWER_S:.0f} seconds") from None
    except NetworkFailure as failure:
        raise NoAnswer(str(failure)) from None


async def _converse(stream: Stream, hostname: str) -> None:
    await _expect(stream, b"220", "its greeting")
    await stream.write(f"EHLO {hostname}\r\n".encode())
    await _expect(stream, b"250", "its reply to EHLO")
    await stream.write(b"QUIT\r\n")


async def _expect(stream: Stream, code: bytes, what: str) -> None:
    """Read a reply, of one line or several (RFC 5321 §4.2)."""
    reply = b""
    while not (reply.endswith(b"\n") and reply.splitlines()[-1][3:4] != b"-"):
        got = await stream.read()
        if not got or len(reply) > _MAX_REPLY_OCTETS:
            raise NoAnswer("it closed the connection" if not got else f"{what} does not end")
        reply += got
    if not reply.startswith(code):
        raise NoAnswer(f"{what} is: {reply.splitlines()[0][:100].decode('utf-8', 'replace')}")
