"""BIMI assertion records (§4.3) and selectors (§4.4, §4.5, §5.1).

Records are read strictly, as the draft demands: capitals matter, and what is not well-formed is an error.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

MAX_RECORD_OCTETS: Final = 4 * 1024
"""A longer TXT record is no assertion record."""
MAX_URI_CHARACTERS: Final = 900
"""So that it fits on a line of a header field."""
MAX_PREFIXES: Final = 20
"""Prefixes of local parts read of one record."""
MAX_SELECTOR_CHARACTERS: Final = 126
MAX_LOCAL_PART_CHARACTERS: Final = 256
"""Of a local part that a selector is made of."""
DEFAULT_SELECTOR: Final = "default"

_VERSION: Final = re.compile(r"v[ \t]*+=[ \t]*+BIMI1[ \t]*+(?:;|\Z)")
_URI: Final = re.compile(
    r"https://[A-Za-z0-9._~:/?#\[\]@!$&'(+)=*%-]+", re.IGNORECASE
)  # a comma has to be encoded
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PREFIX: Final = re.compile(r"[A-Za-z0-9-]{1,63}")
_SEPARATORS: Final = re.compile(r"[._-]+")
_OTHER_IMAGES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ico", ".tif", ".tiff", ".avif")


class Assertion(Struct, frozen=True, gc=False, kw_only=True):
    """An assertion record."""

    location: str = ""
    """`l`: where the indicator is."""
    evidence: str = ""
    """`a`: where the mark certificate is."""
    prefixes: tuple[str, ...] | None = None
    """`lps`: local parts that have records of their own, by their beginning; empty for all, None for none."""
    preference: str = "brand"
    """`avp`: `brand` or `personal`; empty where the record has another value."""
    problem: str = ""
    """Why the record is in error."""

    @property
    def declined(self) -> bool:
        """The domain wants no indicator to be shown (§4.3.1)."""
        return not (self.problem or self.location or self.evidence)


def parse(octets: bytes) -> Assertion | None:
    """The assertion record in a TXT record; None where it is something else."""
    text = octets.decode("utf-8", "replace")
    version = _VERSION.match(text) if len(octets) <= MAX_RECORD_OCTETS else None
    if not version:
        return None
    tags = _tags(text[version.end() :])
    if tags is None:
        return Assertion(problem="the record has a tag twice or what is no tag")
    if "l" not in tags:
        return Assertion(problem="the record has no l= tag")
    location, evidence = tags["l"], tags.get("a", "")
    prefixes = None if "lps" not in tags else _prefixes(tags["lps"])
    if location and not is_uri(location):
        problem = "l= is no https URI"
    elif evidence and not is_uri(evidence):
        problem = "a= is no https URI"
    elif location and urlsplit(location).path.lower().endswith(_OTHER_IMAGES):
        problem = "the indicator is no SVG"
    elif "lps" in tags and prefixes is None:
        problem = "lps= has what is no prefix of a local part"
    else:
        preference = tags.get("avp", "brand")
        return Assertion(
            location=location,
            evidence=evidence,
            prefixes=prefixes,
            preference=preference if preference in ("brand", "personal") else "",
        )
    return Assertion(problem=problem)


def is_uri(text: str) -> bool:
    """Whether it is an https URI with a fully qualified name."""
    if len(text) > MAX_URI_CHARACTERS or not _URI.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        host, userinfo = parts.hostname or "", parts.username
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return False
    return "." in host.strip(".") and userinfo is None


def selector(values: Sequence[bytes]) -> str:
    """The selector of a message's BIMI-Selector fields (§5.1); the default where there is not one valid field."""
    if len(values) != 1 or len(values[0]) > MAX_RECORD_OCTETS:
        return DEFAULT_SELECTOR
    text = values[0].decode("utf-8", "replace")
    version = _VERSION.match(text)
    tags = _tags(text[version.end() :]) if version else None
    name = (tags or {}).get("s", "")
    return name.lower() if _is_selector(name) else DEFAULT_SELECTOR


def local_part_selector(local_part: str, prefixes: Sequence[str]) -> str:
    """The selector made of a local part (§4.5); empty where none can be, or no prefix fits."""
    name = _SEPARATORS.sub("-", local_part[:MAX_LOCAL_PART_CHARACTERS].partition("+")[0]).strip("-").lower()
    if not _PREFIX.fullmatch(name):
        return ""
    return name if not prefixes or name.startswith(tuple(prefixes)) else ""


def _is_selector(name: str) -> bool:
    return 0 < len(name) <= MAX_SELECTOR_CHARACTERS and bool(_SELECTOR.fullmatch(name))


def _tags(text: str) -> dict[str, str] | None:
    tags: dict[str, str] = {}
    for piece in text.split(";"):
        if not piece.strip(" \t"):
            continue
        name, equals, value = piece.partition("=")
        name = name.strip(" \t")
        if not equals or name in tags:
            return None
        tags[name] = value.strip(" \t\r\n")
    return tags


def _prefixes(value: str) -> tuple[str, ...] | None:
    if not value:
        return ()
    prefixes = [each.strip(" \t") for each in value.split(",", MAX_PREFIXES)]
    if len(prefixes) > MAX_PREFIXES or not all(_PREFIX.fullmatch(each) for each in prefixes):
        return None
    return tuple(prefix.lower() for prefix in prefixes)
