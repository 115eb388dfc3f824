"""Text of others, as it is shown to people: on a terminal, in the log, in reports.

Control characters can move a terminal's cursor, change what stands before them, or forge a line; those for writing
from right to left make a text look like another one (Unicode Technical Report 36, §2.10). Both are shown as escapes.
"""

import re
from typing import Final

_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # lone surrogates, which cannot be written at all
)
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point of Unicode 16: what is not there to be seen, such as a space of no width."""
_HIDDEN_BUT_LINES: Final = re.compile(_HIDDEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


def visible(text: str) -> str:
    r"""The text in one line, with each hidden character as an escape: `\x1b`, `\u202e`."""
    return text if text.isprintable() else _HIDDEN.sub(_escaped, text)


def visible_lines(text: str) -> str:
    """The same for lines that were put together here: line feeds and tabs stay."""
    return text if text.isprintable() else _HIDDEN_BUT_LINES.sub(_escaped, text)


def visible_json(text: str) -> str:
    r"""A JSON text with hidden characters as its own escapes: `\u009b`. Its value is the same."""
    return text if text.isascii() and "\x7f" not in text else _HIDDEN_BUT_LINES.sub(_escaped_in_json, text)


def has_hidden(text: str) -> bool:
    """Whether the text has a character that `visible` would show as an escape."""
    return not text.isprintable() and _HIDDEN.search(text) is not None


def has_ignorable(text: str) -> bool:
    """Whether the text has a character that nobody sees, so that it looks like one without it."""
    return not text.isascii() and _IGNORABLE.search(text) is not None


def is_blank(text: str) -> bool:
    """Whether there is nothing in the text to be seen."""
    return not _IGNORABLE.sub("", text).strip()


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _escaped_in_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
