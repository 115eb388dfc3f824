"""The BIMI result of a message (§7): which indicator it asks for, and what is known of that."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.dns import Failure
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header
from pillarbox.trust.bimi import record
from pillarbox.trust.bimi.discovery import Found, discover
from pillarbox.trust.bimi.verdict import Verdict
from pillarbox.trust.dmarc import Evaluation, Policy
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import MethodResult, Property, Result

MAX_FROM_OCTETS: Final = 512
"""Of the author's field; the local part in a longer one asks for no indicator of its own."""
_ORGANIZATION: Final = "organization"
_HASH: Final = "indicator-hash"


class Sender(Struct, frozen=True, gc=False):
    """What a message says of its sender."""

    dmarc: Evaluation
    """Of `dmarc.evaluate_message`."""
    local_part: str
    """Of its author's address."""
    selector: str


class Image(Struct, frozen=True, gc=False):
    """Names the image of a message."""

    organization: str
    """The organizational domain."""
    digest: str
    """SHA-256 of the image without compression, in hexadecimal."""


class Bimi(Struct, frozen=True, gc=False):
    """What BIMI says of a message."""

    described: MethodResult
    """For Authentication-Results; the result is `pass`, `none`, `fail`, `temperror`, `declined` or `skipped`."""
    image: Image | None = None
    """That may be shown."""

    @property
    def kept(self) -> MethodResult:
        """The result as it is kept with the message, with what `image_of` reads.

        The hash is not for the field: it may stand there only together with BIMI-Indicator (§7.7).
        """
        if self.image is None:
            return self.described
        named = (
            Property("policy", _ORGANIZATION, self.image.organization),
            Property("policy", _HASH, self.image.digest),
        )
        return replace(self.described, properties=(*self.described.properties, *named))


def image_of(results: Iterable[MethodResult]) -> Image | None:
    """The image to show beside a message, by the results that are kept with it."""
    for each in results:
        if each.method == "bimi" and each.result is Result.PASS:
            values = {one.name: one.value for one in each.properties if one.kind == "policy"}
            if _ORGANIZATION in values and _HASH in values:
                return Image(values[_ORGANIZATION], values[_HASH])
    return None


def sender(header: Header, dmarc: Evaluation, *, selector_is_signed: bool) -> Sender:
    """The sender by a message's header.

    `selector_is_signed`: a signature that is aligned with the author covers BIMI-Selector; else it is ignored (§5.5).
    """
    values = header.all("from")
    short = len(values) == 1 and len(values[0]) <= MAX_FROM_OCTETS
    addresses = mailboxes(parse_address_list(values[0])) if short else []
    local_part = addresses[0].local.decode("utf-8", "replace") if addresses else ""
    wanted = header.all("bimi-selector") if selector_is_signed else ()
    return Sender(dmarc, local_part, record.selector(wanted))


def look(sender: Sender) -> Asking[Found | MethodResult]:
    """The assertion record for a sender, which has the location of an indicator; or the result without one."""
    reason = _not_qualified(sender.dmarc)
    if reason:
        return _described(Result.SKIPPED, reason)
    author, organization = sender.dmarc.author_domain, sender.dmarc.organizational_domain
    found = yield from discover(author, organization, sender.selector, sender.local_part)
    if isinstance(found, Failure):
        return _described(Result.TEMPERROR, f"the assertion record could not be looked up: {found.reason}")
    if found is None:
        return _described(Result.NONE, "no assertion record")
    assertion = found.assertion
    if assertion.problem:
        return _described(Result.FAIL, assertion.problem, found)
    if assertion.declined:
        return _described(Result.DECLINED, "", found)
    if not assertion.location:
        return _described(Result.FAIL, "the record has no location of an indicator", found)
    return found


def concluded(sender: Sender, found: Found, verdict: Verdict) -> Bimi:
    """The result of a message, by what is known of the indicator that its record names.

    Whether an indicator without evidence is shown is up to the caller (§7.6).
    """
    problem, authority = verdict.problem, verdict.authority
    if authority is Result.PASS and not _is_named(sender, found, verdict):
        problem, authority = "the mark certificate is for other domains", Result.FAIL
    if problem:
        return Bimi(_described(Result.FAIL, problem, found, authority))
    image = Image(sender.dmarc.organizational_domain, verdict.digest)
    return Bimi(_described(Result.PASS, "", found, authority), image)


def _is_named(sender: Sender, found: Found, verdict: Verdict) -> bool:
    """Whether the mark certificate is for a domain of the message, or for the selector there."""
    domains = {sender.dmarc.author_domain, sender.dmarc.organizational_domain}
    return any(
        name in domains or name.partition("._bimi.")[::2] in {(found.selector, domain) for domain in domains}
        for name in verdict.names
    )


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


def _described(
    result: Result, reason: str, found: Found | None = None, authority: Result | None = None
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
    if result is Result.PASS:
        pairs.append(("policy", "indicator-uri", assertion.location))
        if assertion.preference:
            pairs.append(("policy", "logo-preference", assertion.preference))
    return MethodResult("bimi", result, found.domain, reason, tuple(Property(*pair) for pair in pairs))
