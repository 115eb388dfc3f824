"""The limits of what one client may send, each with its unit and its response.

A command has limits by state (`Limits`: BEFORE_LOGIN, with more for ID, and AFTER_LOGIN), and each of its arguments one
of its own (`Argument`), whether it comes as an atom, quoted or as a literal: `grammar` names the argument wherever it
reads one. A literal is refused when it is announced, by what the command may need of it (`command_table`). RFC 2683
§3.2.1.5 asks for lines of 8000 octets at least; RFC 9051 §4.3 lets a server bound literals.
"""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from pillarbox.mail import flags, mailbox_name
from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS, MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.line import MAX_LINE_OCTETS


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one command."""

    line_octets: int
    """One line of a command without its literals. Beyond: BAD, and the rest of the line is skipped."""
    literal_octets: int
    """All literals of a command together, messages excepted. Beyond: NO [LIMIT] (RFC 9051 §4.3)."""
    literals: int
    """How many literals a command has, messages excepted. Beyond: NO [LIMIT]."""
    skipped_octets: int
    """A refused literal that comes all the same. Beyond: BYE, which RFC 7888 §4 allows."""
    bad_commands: int
    """BAD answers since the last good command, before login the parser's NO as well. Beyond: BYE."""


BEFORE_LOGIN: Final = Limits(
    # AUTHENTICATE with its initial response is the longest
    line_octets=MAX_LINE_OCTETS + 512,
    literal_octets=4 * 1024,
    literals=10,
    skipped_octets=64 * 1024,
    bad_commands=10,
)
ID_BEFORE_LOGIN: Final = replace(
    BEFORE_LOGIN,
    # RFC 2971 §3.3: 30 fields, with names of 30 octets and values of 1024
    line_octets=34 * 1024,
    literal_octets=32 * 1024,
    literals=60,
)
AFTER_LOGIN: Final = Limits(
    line_octets=128 * 1024,
    literal_octets=64 * 1024,
    literals=200,
    skipped_octets=1024 * 1024 * 1024,
    bad_commands=50,
)


class Argument(NamedTuple):
    """What a client may send as one argument. Beyond: NO [LIMIT], with its name."""

    name: str
    octets: int


MAX_USER_NAME: Final = Argument("User name", MAX_IDENTITY_OCTETS)
MAX_PASSWORD: Final = Argument("Password", MAX_PASSWORD_OCTETS)
MAX_ID_FIELD: Final = Argument("ID field name", 255)  # RFC 2971 §3.3 allows 30
MAX_ID_VALUE: Final = Argument("ID value", 1024)  # RFC 2971 §3.3
MAX_MAILBOX: Final = Argument("Mailbox name", 4 * mailbox_name.MAX_NAME_OCTETS)
"""As it is sent: modified UTF-7, or letters with their accents apart, may be four times as long as the name."""
MAX_PATTERN: Final = Argument("Pattern", MAX_MAILBOX.octets)
MAX_ATOM: Final = Argument("Atom", flags.MAX_KEYWORD_OCTETS)
"""A flag, a keyword, an object id (RFC 8474 §7), or a name of the protocol."""
MAX_FIELD_NAME: Final = Argument("Field name", 255)
MAX_CHARSET: Final = Argument("Charset", 64)
MAX_SEARCH_TEXT: Final = Argument("Search text", 8 * 1024)
MAX_ENTRY_NAME: Final = Argument("Entry name", 512)  # RFC 7162 §3.1.5
MAX_SEQUENCE_SET: Final = Argument("Sequence set", 96 * 1024)

MAX_FLAGS: Final = 256
"""Flags and keywords that one command lists, repetitions counted as well. Beyond: NO [LIMIT]."""

MAX_ENABLE_NAMES: Final = 50
"""Capabilities that one ENABLE names. Beyond: BAD."""

MAX_ID_FIELDS: Final = 30
"""Fields of ID (RFC 2971 §3.3: implementations must not send more). Beyond: BAD."""

MAX_OPTIONS: Final = 30
"""Options, parameters, modifiers or STATUS items in one list. Beyond: BAD."""

MAX_PATTERNS: Final = 100
"""Patterns of one LIST. Beyond: BAD."""

MAX_WILDCARD_PATTERNS: Final = 10
"""Those of them that hold wildcards: each is tried with every name. Beyond: NO [LIMIT]."""

MAX_FETCH_ITEMS: Final = 200
"""Data items of one FETCH. Beyond: BAD."""

MAX_FIELD_NAMES: Final = 500
"""Names in HEADER.FIELDS of one FETCH, of all its items together. Beyond: BAD."""

MAX_PART_DEPTH: Final = 100
"""Numbers in the name of a part (`1.2.3`). Beyond: BAD."""

MAX_SEARCH_DEPTH: Final = 50
"""Parentheses and NOT within each other in SEARCH, and OR within them; OR within OR counts once. Beyond: NO [LIMIT]."""

MAX_SEARCH_KEYS: Final = 1000
"""Search keys of one command, those within others counted as well. Beyond: NO [LIMIT]."""

MAX_APPEND_MESSAGES: Final = 1000
"""Messages of one APPEND (RFC 3502). Beyond: NO [LIMIT]."""

MAX_APPEND_OCTETS: Final = 256 * 1024 * 1024
"""All messages of one APPEND but the first together. Beyond: NO [LIMIT]."""
