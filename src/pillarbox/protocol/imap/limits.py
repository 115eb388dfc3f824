"""The limits of what one client may send, each with its unit and its response.

There are two sets: BEFORE_LOGIN and AFTER_LOGIN. RFC 2683 §3.2.1.5 asks
for lines of 8000 octets at least; RFC 9051 §4.3 lets a server bound literals.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one command."""

    line_octets: int
    """One line of a command without its literals. Beyond: BAD, and the rest of the line is skipped."""
    literal_octets: int
    """All literals of a command together, messages excepted. Beyond: NO [LIMIT] (RFC 9051 §4.3)."""
    bad_commands: int
    """BAD answers since the last good command. Beyond: BYE."""


BEFORE_LOGIN: Final = Limits(line_octets=16 * 1024, literal_octets=4 * 1024, bad_commands=10)
AFTER_LOGIN: Final = Limits(line_octets=256 * 1024, literal_octets=1024 * 1024, bad_commands=50)

MAX_APPEND_MESSAGES: Final = 1000
"""Messages of one APPEND (RFC 3502). Beyond: NO [LIMIT]."""

MAX_APPEND_OCTETS: Final = 256 * 1024 * 1024
"""All messages of one APPEND but the first together. Beyond: NO [LIMIT]."""
