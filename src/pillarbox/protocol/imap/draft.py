"""A command that is being received: its lines, its literals, and its tag and name."""

import re
from typing import Final

from pillarbox.protocol.imap import command_table, responses
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.cursor import AwaitsLiteral, Cursor, Malformed
from pillarbox.protocol.imap.spaces import tidied

# RFC 9051 §9: tag = 1*<any ASTRING-CHAR except "+">
_TAG: Final = rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]{1,255}"
_HEAD: Final = re.compile(rb"(%b) ((?:[Uu][Ii][Dd] )?[A-Za-z]+)(?= |\Z)" % _TAG)
_ONLY_TAG: Final = re.compile(rb"(%b)(?= |\Z)" % _TAG)

_NO_VERB: Final = (b"", b"UID")


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
        self._pieces: list[bytes] = []
        self.literals: list[bytes] = []
        self.text_octets = 0
        """Of all lines; their line ends count."""
        self.literal_octets = 0
        """Of all literals, as announced."""

    @property
    def begun(self) -> bool:
        """Whether a first line has been received."""
        return bool(self._lines)

    def add_line(self, line: bytes) -> None:
        """A line, or the part of it before, between or after literals."""
        self._lines.append(line)
        self.text_octets += len(line) + 2

    def add_piece(self, octets: bytes) -> None:
        """Octets of the literal in progress."""
        self._pieces.append(octets)

    def end_literal(self) -> None:
        """The literal in progress is complete."""
        self.literals.append(b"".join(self._pieces))
        self._pieces = []

    def read_head(self, line: bytes | None = None) -> bool:
        """Tag and verb of the first line, or of a line that is too long to be added; False where it has none."""
        line = self._lines[0] if line is None else line
        found = _HEAD.match(line)
        verb = found[2].upper() if found else b""
        if verb in _NO_VERB and b"  " in line:
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

    def parse(self, enabled: frozenset[bytes], *, complete: bool) -> tuple[Command, Cursor]:
        """The command's value, and the cursor behind it: at the end, where the command is `complete`.

        Raises Malformed, UnsupportedArgument, AwaitsLiteral.
        """
        text = self._lines[0] if len(self._lines) == 1 else b"\r\n".join(self._lines)
        # Spaces before the line end are harmless, and some clients send them
        text = text.rstrip(b" ")
        while True:
            cursor = Cursor(text, self.literals, enabled=enabled, at=self._argument)
            try:
                command = command_table.parse(self.verb, cursor)
                if complete:
                    cursor.end()
                return command, cursor
            except AwaitsLiteral:
                raise
            except Malformed:
                if (tidy := tidied(text)) == text:
                    raise
                text = tidy
