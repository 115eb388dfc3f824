"""Authentication-Results, written (RFC 8601 §2.2).

A reason or a property may repeat what a sender or the DNS said. Such text stands in quoted strings only, never in a
comment, and without the characters that end or structure anything and without a method's name before an equals sign,
so that neither a reader of the grammar nor a filter that looks for `dmarc=pass` takes it for a result. A local part
that would have to be quoted is left out; the grammar has a form for that.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from pillarbox.trust.results import MethodResult, Property

MAX_RESULTS: Final = 64
"""Results written in one field."""
MAX_PROPERTIES: Final = 16
"""Properties written of one result."""
MAX_VALUE_CHARACTERS: Final = 256
"""Length at which a value or a reason is cut: with its name it fits on a line of 998 octets."""
LINE_OCTETS: Final = 78
"""Length after which a line is folded (RFC 5322 §2.1.1)."""

# RFC 2045 §5.1
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
# RFC 5321 §4.1.2, with an underscore for names such as `remote_ip`
_KEYWORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_MAILBOX: Final = re.compile(
    r"(?:[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+(?:\.[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+)*)?"
    r"@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
)
_DOMAIN: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_UNSAFE: Final = re.compile(r"[^ !#-'*-:=?-\[\]-~]")
# What people's filters look for in the field as it is
_CLAIM: Final = re.compile(r"(spf|dkim|dmarc|arc|iprev|bimi|auth)( {0,9})=", re.IGNORECASE)
_NO_TEXT: Final = {"(": "[", ")": "]", ";": ",", '"': "'"}


def field(authserv_id: str, results: Iterable[MethodResult]) -> bytes:
    """The field with its line end. Never raises."""
    return _folded(f"Authentication-Results: {_value(authserv_id)}", _statements(results))


def arc_field(instance: int, authserv_id: str, results: Iterable[MethodResult]) -> bytes:
    """The field of an ARC set with this instance number, with its line end."""
    head = f"ARC-Authentication-Results: i={instance}; {_value(authserv_id)}"
    return _folded(head, _statements(results))


def payload(authserv_id: str, results: Iterable[MethodResult]) -> str:
    """What stands behind the name (`authres-payload`), on one line."""
    return "; ".join((_value(authserv_id), *(" ".join(words) for words in _statements(results))))


def _statements(results: Iterable[MethodResult]) -> list[tuple[str, ...]]:
    written = [_words(result) for result in results]
    return [words for words in written if words][:MAX_RESULTS] or [("none",)]


@lru_cache(maxsize=1024)
def _words(result: MethodResult) -> tuple[str, ...]:
    """A result as words; the last ones are remembered, since of one domain most messages have the same."""
    return tuple(_written(result))


def _written(result: MethodResult) -> Iterator[str]:
    if not _KEYWORD.fullmatch(result.method):
        return
    yield f"{result.method}={result.result}"
    if result.reason:
        yield f'reason="{_harmless(result.reason)}"'
    for each in result.properties[:MAX_PROPERTIES]:
        if _KEYWORD.fullmatch(each.kind) and _KEYWORD.fullmatch(each.name) and each.value:
            yield f"{each.kind}.{each.name}={_property_value(each)}"


def _property_value(each: Property) -> str:
    """RFC 8601 §2.2, `pvalue`: an address as such, anything else as a token or in quotes."""
    text = each.value
    if "@" in text and len(text) <= MAX_VALUE_CHARACTERS:
        if _MAILBOX.fullmatch(text) and not _CLAIM.search(text):
            return text
        domain = text.rpartition("@")[2]
        if _DOMAIN.fullmatch(domain):
            return domain
    return _value(text)


def _value(text: str) -> str:
    if len(text) <= MAX_VALUE_CHARACTERS and _TOKEN.fullmatch(text):
        return text
    return f'"{_harmless(text)}"'


def _harmless(text: str) -> str:
    plain = _UNSAFE.sub(lambda found: _NO_TEXT.get(found[0], "?"), text[:MAX_VALUE_CHARACTERS])
    return _CLAIM.sub(r"\1\2:", plain)


def _folded(head: str, statements: list[tuple[str, ...]]) -> bytes:
    lines = [head]
    for words in statements:
        lines[-1] += ";"
        lines.append("\t" + words[0])
        for word in words[1:]:
            if len(lines[-1]) + 1 + len(word) <= LINE_OCTETS:
                lines[-1] += " " + word
            else:
                lines.append("\t  " + word)
    return "\r\n".join((*lines, "")).encode("ascii", "replace")
