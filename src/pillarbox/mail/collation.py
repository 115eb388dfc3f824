"""The order of strings in SORT and the equality of subjects in THREAD: i;unicode-casemap (RFC 5051).

RFC 5256 §6 requires this collation of every server. Collated strings compare by code points, which is also how
databases compare UTF-8 octets; they are only compared, never shown.
"""

from functools import lru_cache

from pillarbox.mail.normalization import normalize


def collate(text: str) -> str:
    """The titlecased, compatibility-decomposed form that RFC 5051 §2 compares."""
    if text.isascii():
        return text.upper()
    return normalize("NFKD", "".join(map(_titlecase, text)))


@lru_cache(maxsize=2048)
def _titlecase(character: str) -> str:
    # RFC 5051 §2 (2)(a) means the one-to-one mapping of UnicodeData.txt: "ß" has none
    title = character.title()
    return title if len(title) == 1 else character
