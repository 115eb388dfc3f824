"""How much one client may ask of the machine, each limit with its unit and its answer.

A session runs under two sets: STRANGER until it has logged in, MEMBER after that. RFC 2683 §3.2.1.5 asks
for lines of 8000 octets at least; RFC 9051 §4.3 lets a server bound literals.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may measure."""

    line_octets: int
    """One line of a command without its literals. Beyond: BAD, and the rest of the line is skipped."""
    literal_octets: int
    """All literals of a command together, messages aside. Beyond: NO [LIMIT] (RFC 9051 §4.3)."""
    bad_commands: int
    """BAD answers since the last good command. Beyond: BYE."""


STRANGER: Final = Limits(line_octets=16 * 1024, literal_octets=4 * 1024, bad_commands=10)
MEMBER: Final = Limits(line_octets=256 * 1024, literal_octets=1024 * 1024, bad_commands=50)

MESSAGE_OCTETS: Final = 100 * 1024 * 1024
"""One message of APPEND, unless the machine is told otherwise. Beyond: NO [TOOBIG] (RFC 7889 §4)."""

APPEND_MESSAGES: Final = 1000
"""Messages of one APPEND (RFC 3502). Beyond: NO [LIMIT]."""

APPEND_OCTETS: Final = 256 * 1024 * 1024
"""All messages of one APPEND but the first together. Beyond: NO [LIMIT]."""
