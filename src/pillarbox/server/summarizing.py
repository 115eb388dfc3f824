"""Reading what a message is, without holding everybody else up.

A usual message is read in a fraction of a millisecond, on the spot. One that is large, or whose header goes on and
on, may have been written to cost as much as it can: a thread reads it, and the loop goes on meanwhile.
"""

import asyncio
from typing import Final

from pillarbox.mail.summary import Summary, summarize

LONG_OCTETS: Final = 64 * 1024
"""A message this large is read in a thread."""
LONG_HEADER_OCTETS: Final = 16 * 1024
"""And so is one whose header is not over by then: addresses cost most, octet for octet."""


async def summary_of(octets: bytes) -> Summary:
    """A message's summary; one that may take long is made in a thread."""
    if not takes_long(octets):
        return summarize(octets)
    return await asyncio.get_running_loop().run_in_executor(None, summarize, octets)


def takes_long(octets: bytes) -> bool:
    """Whether making the summary may take more than some ten milliseconds."""
    if len(octets) < LONG_HEADER_OCTETS:
        return False
    if len(octets) >= LONG_OCTETS:
        return True
    crlf = octets.find(b"\n\r\n", 0, LONG_HEADER_OCTETS)
    return crlf < 0 and octets.find(b"\n\n", 0, LONG_HEADER_OCTETS) < 0
