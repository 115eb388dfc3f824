"""What is wrong with the text of a DMARC record (RFC 9989 §4.7), for the domain that publishes it.

`record` reads leniently what others wrote; here is told whatever some reader may not understand.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

_FLAG: Final = re.compile(r"[rs]", re.IGNORECASE).fullmatch
_POLICY: Final = re.compile(r"none|quarantine|reject", re.IGNORECASE).fullmatch
_NUMBER: Final = re.compile(r"[0-9]{1,10}").fullmatch
_PERCENT: Final = re.compile(r"[0-9]|[1-9][0-9]|100").fullmatch
# A size may follow the address: mailto:reports@example.org!10m
_URI: Final = re.compile(r"mailto:[^\s@,!]+@[^\s@,!]+(?:![0-9]+[kmgt]?)?", re.IGNORECASE).fullmatch


def _uris(value: str) -> bool:
    return all(_URI(uri.strip()) for uri in value.split(","))


_VALUES: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "p": (_POLICY, "none, quarantine or reject"),
    "sp": (_POLICY, "none, quarantine or reject"),
    "np": (_POLICY, "none, quarantine or reject"),
    "adkim": (_FLAG, "r or s"),
    "aspf": (_FLAG, "r or s"),
    "pct": (_PERCENT, "a number up to 100"),
    "ri": (_NUMBER, "a number of seconds"),
    "rua": (_uris, "mailto: and an address"),
    "ruf": (_uris, "mailto: and an address"),
}
"""The values of tags; others are ignored (RFC 7489 §6.3)."""


def mistake(text: str) -> str | None:
    """What is wrong with a DMARC record; `None` if nothing."""
    version, *tags = text.split(";")
    if "".join(version.split()) != "v=DMARC1":
        return f"'{version.strip()}' should be v=DMARC1, and a semicolon"
    seen = set[str]()
    for place, tag in enumerate(tags):
        name, equals, value = (part.strip() for part in tag.partition("="))
        if not name and not equals and place == len(tags) - 1:
            break  # the last semicolon
        if not (name and equals and value):
            return f"'{tag.strip()}' is no tag of the form name=value"
        if name.lower() in seen:
            return f"'{name}' stands in it twice"
        seen.add(name.lower())
        allowed = _VALUES.get(name.lower())
        if allowed and not allowed[0](value):
            return f"'{name}={value}' should be {allowed[1]}"
    return None if "p" in seen else "it has no policy (p=)"
