"""Whether an Authentication-Results field claims to be written by us (RFC 8601 §5).

Asked of every such field in what strangers send. In doubt the answer is yes: a field too many that goes costs less
than one that stays and is believed.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from pillarbox.mail.encoded_word import decode
from pillarbox.mail.normalization import normalize
from pillarbox.trust.authentication_results.reading import read

_NESTED_COMMENTS: Final = 3
_COMMENTS: Final = re.compile(r"\([^()]*\)").sub
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL).sub
_GOES_ON: Final = re.compile(r"\.?(?:[^\W_]|-)").match
_BEFORE_NAME: Final = re.compile(r"[\W_]*").match
_VERSION: Final = re.compile(r"[\s/][0-9]++\Z").sub
_NOT_IN_NAME: Final = re.compile(r"[^\w.\-]+").sub
_DECODED_OCTETS: Final = 4096
"""Octets of a field in which encoded words are decoded; the name stands at the beginning."""
_IDEOGRAPHIC_STOP: Final = "\u3002"
"""A dot in names, as U-labels are written in East Asia."""


def claims_to_be_by(raw: bytes, names: Collection[str]) -> bool:
    """Whether a field, with its name, is by one of these authserv-ids, perhaps after comments and in quotes.

    Names are compared without case, and as A-labels as well as as U-labels (§5); and as lenient readers may see them:
    in letters of other widths, with blanks, comments or control characters before or within, in encoded words.
    """
    value = raw.partition(b":")[2]
    spellings = [spelling for name in names for spelling in _spellings(name)]
    texts = [value.decode("utf-8", "replace")]
    if b"=?" in value:  # no grammar has them here, but filters (Sieve) decode any field
        texts.append(decode(value[:_DECODED_OCTETS]))
    if any(_is_claimed(text, spellings) for text in texts):
        return True
    found = read(value)
    return found is not None and found.authserv_id in spellings


def _is_claimed(text: str, spellings: list[str]) -> bool:
    if not text.isascii():
        text = normalize("NFKC", text).replace(_IDEOGRAPHIC_STOP, ".")
    text = text.lower()
    # By the grammar, an escaped parenthesis ends no comment; who does not know escapes sees one
    return any(_claims(reading, spellings) for reading in {text.replace("\\", ""), _ESCAPED("", text)})


def _claims(text: str, names: list[str]) -> bool:
    for _ in range(_NESTED_COMMENTS):
        text = _COMMENTS("", text)
    if "(" in text:  # where a comment ends is anybody's guess
        return any(name in text for name in names)
    start = _BEFORE_NAME(text)
    by = text[start.end() :] if start else text
    joined = _NOT_IN_NAME("", _VERSION("", by.partition(";")[0].rstrip()))
    return any(joined == name or (by.startswith(name) and not _GOES_ON(by, len(name))) for name in names)


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
