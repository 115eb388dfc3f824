"""Where a person goes on after signing in: a path of this server, and of no other."""

from typing import Final
from urllib.parse import urlencode, urlsplit

MAX_CHARACTERS: Final = 2000


def local_path(to: str, *, otherwise: str) -> str:
    """The path that a link or form names, if it leads nowhere but here.

    Browsers read a backslash as a slash, remove tabs and line ends, and take `//host` as another server (WHATWG URL).
    So nothing is taken that does not begin with one slash, or has any of these.
    """
    if not to.startswith("/") or len(to) > MAX_CHARACTERS or not to.isascii() or not to.isprintable():
        return otherwise
    if to.startswith("//") or "\\" in to or " " in to:
        return otherwise
    try:
        parts = urlsplit(to)
    except ValueError:
        return otherwise
    return otherwise if parts.scheme or parts.netloc else to


def with_query(path: str, **values: str) -> str:
    """The path with these values that are not empty, as a query."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{path}?{query}" if query else path
