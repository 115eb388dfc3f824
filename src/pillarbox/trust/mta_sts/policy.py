"""A policy: its text, and the hosts that it allows (RFC 8461 §3.2, §4.1)."""

import hashlib
import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.dns import normal_name

MAX_OCTETS: Final = 64 * 1024
"""RFC 8461 §3.3."""
MAX_AGE_S: Final = 31_557_600
"""The longest life of a policy (RFC 8461 §3.2)."""
MAX_LINES: Final = 2000
MAX_PATTERNS: Final = 500

_FIELD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*")
_AGE: Final = re.compile(r"[0-9]{1,10}")
_PATTERN: Final = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,126}\.?")


class Mode(StrEnum):
    """What is done where a host does not satisfy the policy (RFC 8461 §5)."""

    __hash__ = str.__hash__

    ENFORCE = "enforce"
    """It gets no mail."""
    TESTING = "testing"
    """It gets mail; a report tells of it."""
    NONE = "none"
    """There is no policy any more."""


class StsPolicy(Struct, frozen=True):
    """What a domain says of its hosts."""

    mode: Mode
    mx: tuple[str, ...]
    """Patterns, in lower case without a final dot."""
    max_age_s: int

    def allows(self, host: str) -> bool:
        """Whether the name of an MX record matches a pattern; `*` is one whole label (RFC 8461 §4.1)."""
        wanted = normal_name(host)
        first, _, rest = wanted.partition(".")
        return wanted in self.mx or (bool(first and rest) and f"*.{rest}" in self.mx)


class InvalidPolicy(Struct, frozen=True, gc=False):
    """The text is no policy."""

    reason: str


def read_policy(octets: bytes, *, max_octets: int = MAX_OCTETS) -> StsPolicy | InvalidPolicy:
    """The policy of a text that was fetched. Lines end in LF or CRLF; what is not known is ignored."""
    if len(octets) > max_octets:
        return InvalidPolicy("too large")
    try:
        lines = octets.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return InvalidPolicy("no UTF-8")
    if len(lines) > MAX_LINES:
        return InvalidPolicy("too many lines")
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in lines:
        text = line.rstrip(" \t\r")
        if not text:
            continue
        found = _FIELD.match(text)
        if not found:
            return InvalidPolicy("a line is no field")
        name, value = found[1], text[found.end() :]
        if name == "mx":
            patterns.append(value)
        else:
            fields.setdefault(name, value)  # RFC 8461 §3.2: of what stands twice, the first counts
    return _policy(fields, patterns)


def policy_text(policy: StsPolicy) -> str:
    """The text of our own policy, which is served at `policy_url`."""
    lines = ["version: STSv1", f"mode: {policy.mode}", *(f"mx: {pattern}" for pattern in policy.mx)]
    return "".join(f"{line}\r\n" for line in (*lines, f"max_age: {policy.max_age_s}"))


def policy_id(policy: StsPolicy) -> str:
    """The `id` of our own policy: another one for each text, so that no change of it can be forgotten."""
    return hashlib.sha256(policy_text(policy).encode()).hexdigest()[:20]


def _policy(fields: dict[str, str], patterns: list[str]) -> StsPolicy | InvalidPolicy:
    if fields.get("version") != "STSv1":
        return InvalidPolicy("no version STSv1")
    mode, age = fields.get("mode"), fields.get("max_age", "")
    if mode not in tuple(Mode):
        return InvalidPolicy("no known mode")
    if not _AGE.fullmatch(age):
        return InvalidPolicy("no max_age")
    if len(patterns) > MAX_PATTERNS:
        return InvalidPolicy("too many hosts")
    if not all(map(_PATTERN.fullmatch, patterns)):
        return InvalidPolicy("an mx is no name of a host")
    if not patterns and mode != Mode.NONE:
        return InvalidPolicy("no mx")
    mx = tuple(dict.fromkeys(map(normal_name, patterns)))
    return StsPolicy(Mode(mode), mx, min(int(age), MAX_AGE_S))
