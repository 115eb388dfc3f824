"""Words of the other structured fields: ids of messages (RFC 5322 §3.6.4) and URLs (RFC 2369 §2)."""

import re
from collections.abc import Iterable
from typing import Final

from pillarbox.mail.composing.folding import NotWritable

MAX_ID_OCTETS: Final = 900
"""An id, or a URL: it has to fit on a line."""

_ID: Final = re.compile(r"[^\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]+")
_URL: Final = re.compile(r"[!-;=?-~]+")


def message_ids(ids: Iterable[str]) -> list[str]:
    """Ids without their brackets, as words. Raises `NotWritable`."""
    return [_bracketed(each, _ID, "an id") for each in ids]


def urls(given: Iterable[str]) -> list[str]:
    """URLs as words, with commas between them. Raises `NotWritable`."""
    words = [_bracketed(each, _URL, "a URL") for each in given]
    return [f"{word}," for word in words[:-1]] + words[-1:]


def location(uri: str) -> str:
    """A URI alone, as Content-Location has it (RFC 2557 §4.2). Raises `NotWritable`."""
    return _bracketed(uri, _URL, "a URI")[1:-1]


def _bracketed(value: str, pattern: re.Pattern[str], what: str) -> str:
    if len(value) > MAX_ID_OCTETS or not pattern.fullmatch(value):
        raise NotWritable(f"not {what}")
    return f"<{value}>"
