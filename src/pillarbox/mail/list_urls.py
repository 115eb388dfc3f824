"""The URLs of List-Post, List-Unsubscribe and the like (RFC 2369 §2)."""

import re
from typing import Final

MAX_VALUE_OCTETS: Final = 64 * 1024
"""Octets of a field that are read."""

_BETWEEN: Final = re.compile(rb"(?:[\x00-\x20,]++|\((?:[^()\\]++|\\.)*\))*", re.DOTALL)
"""White space, commas and comments."""
_URL: Final = re.compile(rb"<([^<>]*+)>")


def urls(value: bytes) -> list[str] | None:
    """The URLs in angle brackets, in order of preference; None where there is none.

    RFC 2369 §2: a field that begins with anything else is ignored, and so is the rest of it after anything else; white
    space inside the brackets is no part of the URL.
    """
    value, at, found = value[:MAX_VALUE_OCTETS], 0, list[str]()
    while True:
        between = _BETWEEN.match(value, at)
        assert between is not None  # it may be empty
        url = _URL.match(value, between.end())
        if url is None:
            return found or None
        at = url.end()
        if text := b"".join(url[1].split()).decode("utf-8", "replace").replace("\0", ""):
            found.append(text)
