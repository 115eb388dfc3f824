"""Making a message's summary without blocking the event loop.

A usual message takes a fraction of a millisecond and is summarized in place. A very large one, or one with very long
headers or very many parts, may be crafted to cost as much as possible: it is summarized in a thread.
"""

from typing import Final

from pillarbox.mail.summary import Summary, summarize, summarize_simple
from pillarbox.world.aside import Aside

LONG_OCTETS: Final = 64 * 1024
"""A message of this size is large: what is held of it is reserved in the memory budget."""
MAX_OCTETS_IN_LOOP: Final = 256 * 1024
"""A message up to this size is summarized in the loop, if it is simple: within some milliseconds."""
SHORT_OCTETS: Final = 4 * 1024
"""One below this size is, whatever it holds."""


async def summary_of(octets: bytes, aside: Aside, *, crlf_only: bool = False) -> Summary:
    """A message's summary, made in a thread if that may take long.

    `crlf_only`: all of its lines are known to end in CRLF.
    """
    if len(octets) < SHORT_OCTETS:
        return summarize(octets, crlf_only=crlf_only)
    # To hand it over and back costs more than a simple message does
    if len(octets) <= MAX_OCTETS_IN_LOOP and (summary := summarize_simple(octets, crlf_only=crlf_only)):
        return summary
    return await aside.run(summarize, octets, crlf_only=crlf_only)
