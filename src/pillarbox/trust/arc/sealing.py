"""Adds a set to the chain of a message (RFC 8617 §5.1)."""

from typing import Final

from pillarbox.mail.header import Header
from pillarbox.trust.arc.chain import MAX_SETS, chain, newest
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.rejected import Rejected
from pillarbox.trust.signatures.signed_header import Canonicalization, SignedHeader
from pillarbox.trust.signatures.signed_names import names_to_sign
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.trust.signatures.writing import FoldedField, base64

_RELAXED = Canonicalization.RELAXED
_DKIM = b"dkim-signature"
MAX_COVERED: Final = 20
"""DKIM signatures that ours covers, from the bottom up; a field that names thousands is not read by everybody."""


def seal(
    header: Header,
    body_digest: bytes,
    key: SigningKey,
    *,
    verdict: Result,
    results: str,
    sealed_s: int,
) -> bytes:
    """The three fields to put on top of a message that leaves, last of all changes; nothing where none may be added.

    `header` has all that leaves below them, a DKIM signature of our own for instance (§5.1 (1)).

    `verdict` is what verifying the chain gave when the message came: by now its newest signature may be broken by
    ourselves, which is no reason to call the chain broken. `results` is what Authentication-Results has, from the
    authserv-id on. `body_digest` is that of the relaxed form, `sealed_s` UNIX seconds.

    A chain whose newest seal says `cv=fail` is at its end (§5.1.3), and so is one of 50 sets. A chain that failed
    here first is sealed once with `cv=fail`, covering this set alone (§5.1.2). Raises `Unsignable`.
    """
    seen = SignedHeader(header)
    highest, ended = newest(seen)
    if ended or highest >= MAX_SETS:
        return b""
    covered, verdict = _sets_before(seen, highest, verdict)
    instance = highest + 1
    own_results = _results(instance, results)
    own_signature = _message_signature(instance, seen, body_digest, key, sealed_s)
    field = FoldedField(b"ARC-Seal")
    for tag in (f"i={instance}", f"a={key.algorithm}", f"t={sealed_s}", f"cv={verdict.value}"):
        field.tag(tag)
    for tag in (f"d={key.domain}", f"s={key.selector}"):
        field.tag(tag)
    covered += seen.canonical(own_results, _RELAXED) + seen.canonical(own_signature, _RELAXED)
    return field.signed(key, covered) + own_signature + own_results


def _sets_before(seen: SignedHeader, highest: int, verdict: Result) -> tuple[bytes, Result]:
    """What the seal covers of the sets before, and its `cv=`."""
    try:
        sets = chain(seen)
    except Rejected:
        return b"", Result.FAIL
    if not sets and not highest:
        return b"", Result.NONE if verdict is not Result.FAIL else verdict
    if verdict is not Result.PASS:
        return b"", Result.FAIL
    fields = [
        field for each in sets for field in (each.results, each.message_signature.field, each.seal.field)
    ]
    return b"".join([seen.canonical(field, _RELAXED) for field in fields]), Result.PASS


def _results(instance: int, results: str) -> bytes:
    field = FoldedField(b"ARC-Authentication-Results")
    field.tag(f"i={instance}")
    for word in results.split():
        field.word(word.encode("utf-8", "replace"))
    return field.octets()


def _message_signature(
    instance: int, seen: SignedHeader, body_digest: bytes, key: SigningKey, sealed_s: int
) -> bytes:
    """§4.1.2: as DKIM signs, with the DKIM signatures that there are, without fields of ARC."""
    names = (*names_to_sign(seen), *[_DKIM] * min(MAX_COVERED, seen.count(_DKIM)))
    field = FoldedField(b"ARC-Message-Signature")
    for tag in (f"i={instance}", f"a={key.algorithm}", "c=relaxed/relaxed", f"d={key.domain}"):
        field.tag(tag)
    field.tag(f"s={key.selector}")
    field.tag(f"t={sealed_s}")
    field.names(names)
    field.tag(f"bh={base64(body_digest)}")
    return field.signed(key, seen.covered(names, _RELAXED))
