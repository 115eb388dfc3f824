"""A command that is being received: its lines, its literals, and its tag and name."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pillarbox.protocol.imap import command_table, responses
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.cursor import AwaitsLiteral, Cursor, Malformed
from pillarbox.protocol.imap.spaces import tidied
from pillarbox.protocol.imap.states import State

# RFC 9051 §9: tag = 1*<any ASTRING-CHAR except "+">
_TAG: Final = rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]{1,255}"
_HEAD: Final = re.compile(rb"(%b) ((?:[Uu][Ii][Dd] )?[A-Za-z]+)(?= |\Z)" % _TAG)
_ONLY_TAG: Final = re.compile(rb"(%b)(?= |\Z)" % _TAG)


class Draft:
    """What has been received of one command. The caller that adds to it limits its size."""

    __slots__ = ("_argument", "_lines", "_pieces", "literal_octets", "literals", "tag", "text_octets", "verb")

    def __init__(self) -> None:
        self.tag = responses.UNTAGGED
        """Of the command in progress or just received; `*` while it can't be read."""
        self.verb = b""
        """Upper-case; `UID FETCH` and the like are verbs of their own."""
        self._argument = 0
        self.clear()

    def clear(self) -> None:
        """Forget the text; tag and verb stay, for responses that are still due."""
        self._lines: list[bytes] = []
        self._pieces: list[bytes] | None = None
        self.literals: Sequence[bytes] = ()
        self.text_octets = 0
        """Of all lines; their line ends count."""
        self.literal_octets = 0
        """Of all literals, as announced."""

    @property
    def begun(self) -> bool:
        """Whether a first line has been received."""
        return bool(self._lines)

    def add_line(self, line: bytes) -> bool:
        """A line, or the part of it before, between or after literals; whether it is the command's first."""
        lines = self._lines
        lines.append(line)
        self.text_octets += len(line) + 2
        return len(lines) == 1

    def add_piece(self, octets: bytes) -> None:
        """Octets of the literal in progress."""
        if self._pieces is None:
            self._pieces = []
        self._pieces.append(octets)

    def end_literal(self) -> None:
        """The literal in progress is complete."""
        self.literals = (*self.literals, b"".join(self._pieces or ()))
        self._pieces = None

    def read_head(self, line: bytes | None = None) -> bool:
        """Tag and verb of the first line, or of a line that is too long to be added; False where it has none."""
        line = self._lines[0] if line is None else line
        found = _HEAD.match(line)
        verb = found[2].upper() if found else b""
        if found and verb != b"UID":
            self.tag, self.verb, self._argument = found[1], verb, found.end()
            return True
        if b"  " in line:
            line = tidied(line)
            if self._lines:
                self._lines[0] = line
            found = _HEAD.match(line)
            verb = found[2].upper() if found else b""
        if not found:
            only = _ONLY_TAG.match(line)
            self.tag, self.verb = only[1] if only else responses.UNTAGGED, b""
            return False
        self.tag, self.verb, self._argument = found[1], verb, found.end()
        return True

    def parse(self, enabled: frozenset[bytes]) -> Command:
        """The value of the command, which is complete. Raises Malformed, UnsupportedArgument, AwaitsLiteral."""
        if len(self._lines) == 1:
            arguments = self._lines[0][self._argument :]
            if len(arguments) <= _CACHED_OCTETS and self.verb in CACHED_VERBS:
                return _cached(self.verb, arguments, enabled)
        return _parse(self.verb, self._arguments(), self.literals, enabled, complete=True)[0]

    def parse_begun(self, enabled: frozenset[bytes]) -> tuple[Command, Cursor]:
        """The value of a command as far as it has come, and the cursor behind that. Raises what `parse` raises."""
        return _parse(self.verb, self._arguments(), self.literals, enabled, complete=False)

    @property
    def saves(self) -> bool:
        """Whether it is a SEARCH whose result is to be saved, as far as its first line tells."""
        return self.begun and command_table.saves(
            self.verb, Cursor(tidied(self._lines[0][self._argument :]), [])
        )

    def _arguments(self) -> bytes:
        return b"\r\n".join([self._lines[0][self._argument :], *self._lines[1:]])


_CACHED_OCTETS: Final = 128
CACHED_VERBS: Final = frozenset(
    verb for verb, row in command_table.COMMANDS.items() if State.NOT_AUTHENTICATED not in row.transitions
) | {b"NOOP"}
"""Those whose arguments are no secrets."""


@lru_cache(maxsize=256)
def _cached(verb: bytes, arguments: bytes, enabled: frozenset[bytes]) -> Command:
    """Clients send the same few commands over and over."""
    return _parse(verb, arguments, (), enabled, complete=True)[0]


def _parse(
    verb: bytes, arguments: bytes, literals: Sequence[bytes], enabled: frozenset[bytes], *, complete: bool
) -> tuple[Command, Cursor]:
    # Spaces before the line end are harmless, and some clients send them
    text = arguments.rstrip(b" ")
    while True:
        cursor = Cursor(text, literals, enabled=enabled)
        try:
            command = command_table.parse(verb, cursor)
            if complete:
                cursor.end()
            return command, cursor
        except AwaitsLiteral:
            raise
        except Malformed:
            if (tidy := tidied(text)) == text:
                raise
            text = tidy
