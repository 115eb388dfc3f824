"""Keywords from what other programs call tags, labels and keywords: they have what an IMAP keyword can't hold."""

import re
from typing import Final

from pillarbox.admin.importing.names import readable
from pillarbox.mail import mailbox_name

_WORD: Final = re.compile(r'"([^"]*)"|[^\s,]+')
_NOT_IN_KEYWORDS: Final = re.compile(r"[^!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")


def keyword_of(name: str) -> str:
    """The keyword for any name: `a b` is `a_b`, and letters beyond ASCII are in IMAP's modified UTF-7."""
    if not name.isascii():
        name = mailbox_name.encode(readable(name), utf8=False).decode("ascii")
    return _NOT_IN_KEYWORDS.sub("_", name)


def keywords_in(field: bytes) -> list[str]:
    """The keywords of a list: separated by commas or spaces; one that has these is in quotes."""
    try:
        text = field.decode()
    except UnicodeDecodeError:
        text = field.decode("latin-1")
    names = (found[1] if found[1] is not None else found[0] for found in _WORD.finditer(text))
    return [keyword_of(name) for name in names if name]
