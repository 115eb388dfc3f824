"""Making a message's summary without blocking the event loop.

A usual message takes a fraction of a millisecond and is summarized in place. A large one, or one with a
very long header, may be crafted to cost as much as possible: it is summarized in a thread.
"""

import asyncio
from typing import Final

from pillarbox.mail.summary import Summary, summarize

LONG_OCTETS: Final = 64 * 1024
"""A message of this size is summarized in a thread."""
LONG_HEADER_OCTETS: Final = 16 * 1024
"""So is one whose header does not end within this size: addresses cost most, octet for octet."""


async def summary_of(octets: bytes) -> Summary:
    """A message's summary, made in a thread if that may take long."""
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
