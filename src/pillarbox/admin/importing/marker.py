"""The fields that an exported mbox message begins with, and by which it comes back exactly as it was.

    Status: RO
    X-Status: F
    X-Keywords: $Forwarded
    X-Pillarbox: received=1027453163000 size=2417 lines=crlf flags=\\Flagged \\Seen $Forwarded

The first three are for other programs. The last one is for `pillarbox import`, which removes these lines and looks at
no other field: so a message that has such fields of its own keeps them. `received` is in ms since 1970, `size` in
octets; `lines=kept`: its line ends are not all CRLF, and were written as they are.
"""

import re
from dataclasses import dataclass
from typing import Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail.mbox import with_crlf

_X_STATUS: Final = {
    flag_text.ANSWERED: "A",
    flag_text.FLAGGED: "F",
    flag_text.DRAFT: "T",
    flag_text.DELETED: "D",
}
_FIELDS: Final = re.compile(
    rb"(?:(?:Status|X-Status|X-Keywords): [^\n]{0,40000}\n){0,3}"
    rb"X-Pillarbox: received=(-?\d{1,16}) size=(\d{1,12}) lines=(crlf|kept) flags=([^\n]{0,40000})\n"
)


@dataclass(frozen=True, slots=True)
class Exported:
    """A message as it was exported."""

    octets: bytes
    flags: str
    received_at_ms: int


def written(octets: bytes, flags: str, received_at_ms: int) -> bytes:
    """A message with these fields, its line ends LF where they were CRLF; before any quoting."""
    lines = ["Status: RO\n" if flag_text.SEEN in flags else "Status: O\n"]
    if letters := "".join(letter for flag, letter in _X_STATUS.items() if flag in flags):
        lines.append(f"X-Status: {letters}\n")
    if keywords := flag_text.keywords(flags):
        lines.append(f"X-Keywords: {' '.join(keywords)}\n")
    text = octets.replace(b"\r\n", b"\n")
    kept = with_crlf(text) != octets
    ends = "kept" if kept else "crlf"
    lines.append(f"X-Pillarbox: received={received_at_ms} size={len(octets)} lines={ends} flags={flags}\n")
    return "".join(lines).encode() + (octets if kept else text)


def read(octets: bytes) -> Exported | None:
    """The message in what `written` made, unquoted and perhaps with a line end more; `None` where it made it not."""
    found = _FIELDS.match(octets)
    if found is None:
        return None
    text = octets[found.end() :]
    message, size = with_crlf(text) if found[3] == b"crlf" else text, int(found[2])
    if message[size:] in (b"\n", b"\r\n"):
        message = message[:size]
    flags = flag_text.known(found[4].decode("latin-1").split())
    return Exported(message, flags, int(found[1]))
