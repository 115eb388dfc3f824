"""A message as DATA carries it (RFC 5321 §4.5.2)."""

from pillarbox.protocol.smtp.line_ends import LineEnds, repair


def stuffed(octets: bytes) -> bytes:
    """The message with a dot added to every line that begins with one, and the end of data after it.

    A lone CR or LF is never sent (see `line_ends`): however the next server reads them, it finds one
    message.
    """
    octets = repair(octets)
    if octets.startswith(b"."):
        octets = b"." + octets
    if b"\r\n." in octets:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    return octets + (b".\r\n" if octets.endswith(b"\r\n") or not octets else b"\r\n.\r\n")


class Stuffing:
    """`stuffed` for a message that comes in pieces: all parts with `end` are `stuffed` of the whole."""

    __slots__ = ("_line_ends", "_line_start")

    def __init__(self) -> None:
        self._line_ends = LineEnds()
        self._line_start = True
        """What comes next begins a line."""

    def part(self, octets: bytes) -> bytes:
        """The next octets, less a run of CR at their end."""
        return self._stuffed(self._line_ends.feed(octets))

    def end(self) -> bytes:
        """What was held back, and the end of data."""
        last = self._stuffed(self._line_ends.finish())
        return last + (b".\r\n" if self._line_start else b"\r\n.\r\n")

    def _stuffed(self, octets: bytes) -> bytes:
        if not octets:
            return octets
        if self._line_start and octets.startswith(b"."):
            octets = b"." + octets
        self._line_start = octets.endswith(b"\r\n")
        return octets.replace(b"\r\n.", b"\r\n..") if b"\r\n." in octets else octets
