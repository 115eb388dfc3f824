"""DMARC policy records (RFC 9989 §4.7 and §4.8), those written for RFC 7489 included.

Reading never fails: a TXT record either is a policy record or it is none, and what is wrong inside of one has its
default. A tag that stands twice has no valid value, since two readers would see two policies (RFC 6376 §3.2).
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from pillarbox.mail.address import Address, InvalidAddress

MAX_RECORD_OCTETS: Final = 8 * 1024
"""A longer TXT record is no policy record."""
_REMEMBERED: Final = 1024
"""Records that are read once, at most so long as follows: those of domains that send much."""
_REMEMBERED_OCTETS: Final = 512
MAX_TARGETS: Final = 10
"""Targets read of each of `rua` and `ruf`."""

_VERSION: Final = re.compile(r"[vV][ \t]*+=[ \t]*+DMARC1[ \t]*+(?:;|\Z)")
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):([!-+\--~]++)")
_SIZE: Final = re.compile(r"!([0-9]{1,9})([kmgtKMGT]?)\Z")
_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_FAILURE_OPTIONS: Final = frozenset("01ds")


class Policy(StrEnum):
    """What a domain asks for where a message fails (RFC 9989 §4.7, `p`)."""

    __hash__ = str.__hash__

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def softened(self) -> "Policy":
        """One step milder, as for a policy that is under test (RFC 9989 §4.7, `t`)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


SEVERITY: Final = {Policy.NONE: 0, Policy.QUARANTINE: 1, Policy.REJECT: 2}


class Target(Struct, frozen=True, gc=False):
    """Where reports are asked for (RFC 9989 §4.6)."""

    uri: str
    """Without a size."""
    address: str = ""
    """The mail address of a `mailto:`; empty for another scheme, which is ignored."""
    max_octets: int | None = None
    """The largest report that is wanted, of RFC 7489 §6.2; RFC 9989 §4.8 lets it be ignored."""


class Record(Struct, frozen=True, gc=False, kw_only=True):
    """A DMARC policy record."""

    text: str
    """As it stands in the DNS."""
    policy: Policy = Policy.NONE
    """`p`; none where the tag is not valid and reports are asked for (RFC 9989 §4.10.1)."""
    subdomain_policy: Policy | None = None
    """`sp`"""
    nonexistent_policy: Policy | None = None
    """`np`"""
    psd: str = "u"
    """`y`: of a public suffix; `n`: of an organization; `u`: it is not said."""
    testing: bool = False
    """The policy is under test: `t=y`, or `pct=0` in a record without `t` (RFC 9989 appendix A.6)."""
    percent: int = 100
    """`pct` of RFC 7489; only 0 means something here."""
    strict_dkim: bool = False
    strict_spf: bool = False
    aggregate_targets: tuple[Target, ...] = ()
    """`rua`"""
    failure_targets: tuple[Target, ...] = ()
    """`ruf`"""
    failure_options: str = "0"
    """`fo`, its characters in order; without a meaning where there are no `failure_targets`."""
    problem: str = ""
    """Why no policy can be taken from it: DMARC does not apply (RFC 9989 §4.10.1)."""


def parse(octets: bytes) -> Record | None:
    """The policy record in a TXT record; None where it is something else."""
    if len(octets) > MAX_RECORD_OCTETS:
        return None
    return _remembered(octets) if len(octets) <= _REMEMBERED_OCTETS else _parse(octets)


def _parse(octets: bytes) -> Record | None:
    text = octets.decode("utf-8", "replace")
    version = _VERSION.match(text)
    if not version:
        return None
    tags = _tags(text[version.end() :])
    policy, sub, nonexistent = (_policy(tags.get(name)) for name in ("p", "sp", "np"))
    aggregate = _targets(tags.get("rua"))
    invalid = [name for name in ("p", "sp", "np") if name in tags and _policy(tags[name]) is None]
    if "p" not in tags:
        invalid = ["p"]
    if invalid:
        policy = sub = nonexistent = None
    failure = _targets(tags.get("ruf"))
    percent = _percent(tags.get("pct"))
    return Record(
        text=text,
        policy=policy or Policy.NONE,
        subdomain_policy=sub,
        nonexistent_policy=nonexistent,
        psd=_one_of("ynu", tags.get("psd"), "u"),
        testing=_one_of("yn", tags.get("t"), "y" if percent == 0 else "n") == "y",
        percent=percent,
        strict_dkim=_one_of("rs", tags.get("adkim"), "r") == "s",
        strict_spf=_one_of("rs", tags.get("aspf"), "r") == "s",
        aggregate_targets=aggregate,
        failure_targets=failure,
        failure_options=_options(tags.get("fo")),
        problem=f"no valid {invalid[0]} tag in the policy record" if invalid and not aggregate else "",
    )


_remembered = lru_cache(maxsize=_REMEMBERED)(_parse)


def _tags(text: str) -> dict[str, str | None]:
    """Values by name; None for a tag that stands twice."""
    tags: dict[str, str | None] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            key = name.strip(" \t").lower()
            tags[key] = None if key in tags else value.strip(" \t")
    return tags


def _policy(value: str | None) -> Policy | None:
    # Literal text of an ABNF grammar has no case
    return next((policy for policy in Policy if policy == (value or "").lower()), None)


def _one_of(allowed: str, value: str | None, default: str) -> str:
    letter = (value or "").lower()
    return letter if len(letter) == 1 and letter in allowed else default


def _percent(value: str | None) -> int:
    return int(value) if value and len(value) <= 3 and value.isascii() and value.isdigit() else 100


def _options(value: str | None) -> str:
    options = (value or "").lower().replace(" ", "").split(":")
    valid = set(options) <= _FAILURE_OPTIONS and len(set(options)) == len(options)
    # RFC 9989 §4.7: "0" and "1" are mutually exclusive
    return "".join(sorted(options)) if valid and not {"0", "1"} <= set(options) else "0"


def _targets(value: str | None) -> tuple[Target, ...]:
    targets = (_target(each.strip(" \t")) for each in (value or "").split(",", MAX_TARGETS)[:MAX_TARGETS])
    return tuple(target for target in targets if target)


def _target(text: str) -> Target | None:
    size = _SIZE.search(text)
    uri = text[: size.start()] if size else text
    max_octets = int(size[1]) * _UNITS[size[2].lower()] if size else None
    match = _URI.fullmatch(uri)
    if not match or "!" in uri:
        return None
    if match[1].lower() != "mailto":
        return Target(uri, "", max_octets)
    try:
        # What follows "?" would be header fields
        address = Address.parse(unquote(match[2].partition("?")[0], errors="strict"))
    except (InvalidAddress, UnicodeDecodeError):
        return None
    return Target(uri, str(address), max_octets)
