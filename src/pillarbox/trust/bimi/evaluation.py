"""The BIMI result of a message, and the fields that tell mail programs of it (§7)."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from msgspec import Struct

from pillarbox.dns import Failure
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header
from pillarbox.trust.bimi import indicator, record
from pillarbox.trust.bimi.discovery import Found, discover
from pillarbox.trust.dmarc import Evaluation, Policy
from pillarbox.trust.dmarc.authors import MAX_FROM_OCTETS
from pillarbox.trust.questions import Asking, FetchFailed, fetch
from pillarbox.trust.results import MethodResult, Property, Result

FETCH_TIMEOUT_S: Final = 10.0
_BASE64_LINE_OCTETS: Final = 76


class Sender(Struct, frozen=True, gc=False):
    """What a message says of its sender."""

    dmarc: Evaluation
    """Of `dmarc.evaluate_message`."""
    local_part: str
    """Of its author's address."""
    selector: str


class Bimi(Struct, frozen=True, gc=False, kw_only=True):
    """What BIMI says of a message."""

    described: MethodResult
    """For Authentication-Results; the result is `pass`, `none`, `fail`, `temperror`, `declined` or `skipped`."""
    image: bytes = b""
    """The SVG that may be shown."""
    location: str = ""
    evidence: str = ""
    """Where the mark certificate is; empty where it was not checked."""
    preference: str = ""
    """`brand` or `personal`: whether it goes before a picture of the person."""

    @property
    def fields(self) -> bytes:
        """The header fields for mail programs (§5.2 to §5.4); nothing without an image."""
        if not self.image:
            return b""
        uris = [f"l={self.location};"] if self.location else []
        if self.evidence:
            uris.append(f"a={self.evidence};")
        lines = ["BIMI-Location: v=BIMI1;", *(f"\t{uri}" for uri in uris), "BIMI-Indicator:"]
        lines += (f"\t{line}" for line in wrap(b64encode(self.image).decode(), _BASE64_LINE_OCTETS))
        if self.preference:
            lines.append(f"BIMI-Logo-Preference: avp={self.preference};")
        return "\r\n".join((*lines, "")).encode()


def sender(header: Header, dmarc: Evaluation, *, selector_is_signed: bool) -> Sender:
    """The sender by a message's header.

    `selector_is_signed`: a signature that is aligned with the author covers BIMI-Selector; else it is ignored (§5.5).
    """
    values = header.all("from")
    addresses = mailboxes(parse_address_list(values[0][:MAX_FROM_OCTETS])) if values else []
    local_part = addresses[0].local.decode("utf-8", "replace") if addresses else ""
    wanted = header.all("bimi-selector") if selector_is_signed else ()
    return Sender(dmarc, local_part, record.selector(wanted))


def evaluate(sender: Sender, roots: Sequence[bytes], now_s: int) -> Asking[Bimi]:
    """Look for a sender's indicator, and check it.

    `roots`: certificates (DER) of the authorities that are believed; without any, mark certificates are not looked
    at. `now_s`: UNIX seconds. Whether an indicator without evidence is shown is up to the caller (§7.6).
    """
    reason = _not_qualified(sender.dmarc)
    if reason:
        return _result(Result.SKIPPED, reason)
    author, organization = sender.dmarc.author_domain, sender.dmarc.organizational_domain
    found = yield from discover(author, organization, sender.selector, sender.local_part)
    if isinstance(found, Failure):
        return _result(Result.TEMPERROR, f"the assertion record could not be looked up: {found.reason}")
    if found is None:
        return _result(Result.NONE, "no assertion record")
    assertion = found.assertion
    if assertion.problem:
        return _result(Result.FAIL, assertion.problem, found)
    if assertion.declined:
        return _result(Result.DECLINED, "", found)
    if not assertion.location:
        return _result(Result.FAIL, "the record has no location of an indicator", found)
    proven = b""
    if assertion.evidence and roots:
        proven, problem = yield from _proof(found, author, organization, roots, now_s)
        if problem:
            return _result(Result.FAIL, problem, found, authority=Result.FAIL)
    return (yield from _with_indicator(found, proven))


def _with_indicator(found: Found, proven: bytes) -> Asking[Bimi]:
    assertion, authority = found.assertion, Result.PASS if proven else Result.NONE
    page = yield from fetch(assertion.location, max_octets=indicator.MAX_OCTETS, timeout_s=FETCH_TIMEOUT_S)
    if isinstance(page, FetchFailed):
        return _result(Result.FAIL, f"the indicator could not be fetched: {page.reason}", found, authority)
    image = indicator.unpacked(page.octets)
    reason = "the indicator is too large or no gzip file" if image is None else indicator.problem(image)
    if not reason and proven and proven != image:
        reason = "the indicator is not the one of the mark certificate"
    if reason or image is None:
        return _result(Result.FAIL, reason, found, authority)
    return Bimi(
        described=_described(Result.PASS, "", found, authority, image),
        image=image,
        location=assertion.location,
        evidence=assertion.evidence if proven else "",
        preference=assertion.preference,
    )


def _proof(
    found: Found, author: str, organization: str, roots: Sequence[bytes], now_s: int
) -> Asking[tuple[bytes, str]]:
    """The image of the mark certificate, or why it proves nothing."""
    from pillarbox.trust.bimi import evidence  # X.509 is large and seldom needed

    page = yield from fetch(
        found.assertion.evidence, max_octets=evidence.MAX_OCTETS, timeout_s=FETCH_TIMEOUT_S
    )
    if isinstance(page, FetchFailed):
        return b"", f"the mark certificate could not be fetched: {page.reason}"
    names = {author, organization} - {""}
    names |= {f"{found.selector}._bimi.{name}" for name in names}
    proof = evidence.check(page.octets, names, roots, now_s)
    return proof.image, proof.problem


def _not_qualified(dmarc: Evaluation) -> str:
    """Why BIMI is not looked at (§7.1); empty for a message that it is looked at for."""
    authors = dmarc.authors
    if not authors or authors.problem or authors.fields != 1 or authors.mailboxes != 1:
        return "the message has not one author"
    if dmarc.result is not Result.PASS:
        return "DMARC has not passed"
    for policy in (dmarc.record, dmarc.organizational_record):
        if policy is None:
            return "the organizational domain has no DMARC policy"
        if policy.policy is Policy.NONE or policy.subdomain_policy is Policy.NONE:
            return "the DMARC policy is none"
        if policy.policy is Policy.QUARANTINE and (policy.percent != 100 or policy.testing):
            return "the DMARC policy is not for all messages"
    return ""


def _result(result: Result, reason: str, found: Found | None = None, authority: Result | None = None) -> Bimi:
    return Bimi(described=_described(result, reason, found, authority))


def _described(
    result: Result, reason: str, found: Found | None, authority: Result | None, image: bytes = b""
) -> MethodResult:
    """As a method of Authentication-Results (§7.7)."""
    if not found:
        return MethodResult("bimi", result, "", reason)
    assertion = found.assertion
    pairs = [("header", "d", found.domain), ("header", "selector", found.selector)]
    if authority:
        pairs.append(("policy", "authority", str(authority)))
        if authority is not Result.NONE:
            pairs.append(("policy", "authority-uri", assertion.evidence))
    if image:
        pairs.append(("policy", "indicator-uri", assertion.location))
        # The end of the hash is enough: it tells whether the field BIMI-Indicator was changed
        pairs.append(("policy", "indicator-hash", hashlib.sha256(image).hexdigest()[-8:]))
        if assertion.preference:
            pairs.append(("policy", "logo-preference", assertion.preference))
    return MethodResult("bimi", result, found.domain, reason, tuple(Property(*pair) for pair in pairs))
