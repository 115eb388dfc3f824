"""The ARC sets of a message (RFC 8617 §4.1, §4.2, and the structure of §5.2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from pillarbox.trust.results import Result
from pillarbox.trust.signatures import signature, tag_list
from pillarbox.trust.signatures.rejected import Rejected
from pillarbox.trust.signatures.signature import Signature
from pillarbox.trust.signatures.signed_header import SignedHeader
from pillarbox.trust.signatures.tag_list import Malformed

MAX_SETS: Final = 50
"""RFC 8617 §4.2.1."""
SEAL: Final = b"arc-seal"
MESSAGE_SIGNATURE: Final = b"arc-message-signature"
RESULTS: Final = b"arc-authentication-results"
NAMES: Final = (RESULTS, MESSAGE_SIGNATURE, SEAL)
"""In the order in which a seal covers them (§5.1.1)."""

_INSTANCE: Final = re.compile(r"[1-9][0-9]?")
# RFC 8617 §4.1.1; what follows is text of strangers, read by nobody here
_RESULTS_INSTANCE: Final = re.compile(rb"[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([1-9][0-9]?)[ \t\r\n]*;")
_SEARCHED_OCTETS: Final = 1000


class Seal(Struct, frozen=True, gc=False):
    """An ARC-Seal field."""

    field: bytes
    domain: str
    selector: str
    algorithm: str
    value: bytes
    """`b=`."""
    verdict: str
    """`cv=`: `none`, `pass` or `fail`, what its maker found of the chain before."""

    @property
    def key_name(self) -> str:
        """Where its key is in the DNS."""
        return signature.key_name(self.selector, self.domain)


class ArcSet(Struct, frozen=True, gc=False):
    """The three fields of one instance, well-formed."""

    results: bytes
    """ARC-Authentication-Results, as received, without its last LF."""
    message_signature: Signature
    seal: Seal


def chain(header: SignedHeader) -> tuple[ArcSet, ...]:
    """The sets of a message, the first one first; none where it has no field of ARC. Raises `Rejected`."""
    fields = {name: header.fields_of(name) for name in NAMES}
    count = max(map(len, fields.values()))
    if not count:
        return ()
    if header.cut:
        raise _broken("header has too many fields to be verified")
    if count > MAX_SETS:
        raise _broken(f"more than {MAX_SETS} sets")
    try:
        seals = _by_instance(fields[SEAL], _tags)
        if seals and seals[max(seals)][1].get("cv", "").lower() == "fail":
            raise _broken("newest seal says cv=fail")  # RFC 8617 §5.2 (2)
        signatures = _by_instance(fields[MESSAGE_SIGNATURE], _tags)
        results = _by_instance(fields[RESULTS], _no_tags)
        whole = set(range(1, count + 1))
        if not set(seals) == set(signatures) == set(results) == whole:
            raise _broken("sets are not complete")
        return tuple(
            [
                ArcSet(results[place][0], message_signature(*signatures[place]), _seal(*seals[place], place))
                for place in range(1, count + 1)
            ]
        )
    except Malformed as wrong:
        raise _broken(f"syntax error: {wrong}") from None


def newest(header: SignedHeader) -> tuple[int, bool]:
    """The highest instance of any field, 0 without one, and whether a seal of that instance says `cv=fail`.

    Of a chain that may be broken in any way (§5.1).
    """
    highest, failed = 0, False
    for name in NAMES:
        for field in header.fields_of(name)[: 2 * MAX_SETS]:
            try:
                instance, tags = (_no_tags if name == RESULTS else _tags)(field)
            except Malformed:
                continue
            says_fail = name == SEAL and tags.get("cv", "").lower() == "fail"
            if instance > highest:
                highest, failed = instance, says_fail
            elif instance == highest:
                failed = failed or says_fail
    return highest, failed


def message_signature(field: bytes, tags: Mapping[str, str]) -> Signature:
    """An ARC-Message-Signature (§4.1.2), which is a DKIM signature but for `v=` and `i=`. Raises `Malformed`.

    Two things are taken as other implementations and the common test vectors take them: without `c=` the forms are
    relaxed, and `h=` may name nothing (`ChainOutcome.covers_from` tells).
    """
    if "h" not in tags:
        raise Malformed("h= is missing")
    named = ":".join([name for name in tag_list.items(tags["h"]) if name])
    names = signature.names({"h": named}) if named else ()
    if SEAL in names:
        raise Malformed("ARC-Message-Signature covers a seal")
    return signature.from_tags(field, {"c": "relaxed/relaxed", **tags}, names)


def _seal(field: bytes, tags: Mapping[str, str], instance: int) -> Seal:
    if "h" in tags:
        raise Malformed("ARC-Seal with h=")  # §4.1.3
    tag_list.number(tags, "t")
    verdict = tag_list.required(tags, "cv").lower()
    if verdict != ("none" if instance == 1 else "pass"):
        raise Malformed(f"cv= of instance {instance} is not what it has to be")
    return Seal(
        field,
        signature.domain(tags),
        signature.selector(tags),
        signature.algorithm(tags),
        signature.value(tags),
        verdict,
    )


def _by_instance(
    fields: Sequence[bytes], read: Callable[[bytes], tuple[int, Mapping[str, str]]]
) -> dict[int, tuple[bytes, Mapping[str, str]]]:
    found: dict[int, tuple[bytes, Mapping[str, str]]] = {}
    for field in fields:
        instance, tags = read(field)
        if instance in found:
            raise Malformed(f"instance {instance} occurs twice")
        found[instance] = field, tags
    return found


def _tags(field: bytes) -> tuple[int, Mapping[str, str]]:
    tags = tag_list.parse(field.partition(b":")[2])
    text = tag_list.required(tags, "i")
    return _checked(int(text) if _INSTANCE.fullmatch(text) else 0), tags


def _no_tags(field: bytes) -> tuple[int, Mapping[str, str]]:
    at = field.index(b":") + 1
    found = _RESULTS_INSTANCE.match(field, at, at + _SEARCHED_OCTETS)
    return _checked(int(found[1]) if found else 0), {}


def _checked(instance: int) -> int:
    if not 0 < instance <= MAX_SETS:
        raise Malformed(f"i= is not from 1 to {MAX_SETS}")
    return instance


def _broken(reason: str) -> Rejected:
    return Rejected(Result.FAIL, reason)
