"""Whether an Authentication-Results field claims to be written by us (RFC 8601 §5).

Asked of every such field in what strangers send. In doubt the answer is yes: a field too many that goes costs less
than one that stays and is believed.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

_NESTED_COMMENTS: Final = 3
_COMMENTS: Final = re.compile(r"\([^()]*\)").sub
_GOES_ON: Final = re.compile(r"\.?(?:[^\W_]|-)").match


def claims_to_be_by(raw: bytes, names: Collection[str]) -> bool:
    """Whether a field, with its name, is by one of these authserv-ids, perhaps after comments and in quotes.

    Names are compared without case, and as A-labels as well as as U-labels (§5).
    """
    plain = raw.replace(b"\\", b"").decode("utf-8", "replace").lower()
    named = [spelling for name in names for spelling in _spellings(name) if spelling in plain]
    return bool(named) and _claims(plain, named)


def _claims(plain: str, names: list[str]) -> bool:
    for _ in range(_NESTED_COMMENTS):
        plain = _COMMENTS("", plain)
    if "(" in plain:
        return True  # where a comment ends is anybody's guess
    by = plain.partition(":")[2].lstrip(' \t\r\n"')
    return any(by.startswith(name) and not _GOES_ON(by, len(name)) for name in names)


@lru_cache(maxsize=256)
def _spellings(name: str) -> tuple[str, ...]:
    name = name.lower().removesuffix(".")
    if "xn--" not in name and name.isascii():
        return (name,)
    import idna  # its tables are large and seldom needed

    try:
        return tuple({name, idna.encode(name, uts46=True).decode(), idna.decode(name)})
    except (idna.IDNAError, UnicodeError):
        return (name,)
