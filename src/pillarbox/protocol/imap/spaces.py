"""Spaces too many in a command, which are forgiven where the command is well-formed without them.

RFC 9051 §9 (2) asks for exactly one space. A command is read as it was sent; only one that would be BAD is read again
without what `tidied` removes, so what is well-formed never changes its meaning (decision 24).
"""

import re
from typing import Final

# A quoted string, which stays as it is, or the rest of the line behind a quote that nothing closes
_QUOTED: Final = rb'"(?:[^"\\]|\\.|\\\Z)*(?:"|\Z)'
_SPACES: Final = re.compile(rb"(%b)|(\() +| +(\))|  +" % _QUOTED, re.DOTALL)


def tidied(text: bytes) -> bytes:
    """The text with one space for several, and none behind `(` or before `)`, but in quoted strings."""
    return _SPACES.sub(_kept, text)


def _kept(found: "re.Match[bytes]") -> bytes:
    return found[found.lastindex] if found.lastindex else b" "
