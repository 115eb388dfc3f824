"""The DMARC result (RFC 9989 §5.3).

A message passes if one identifier that SPF or DKIM confirmed is aligned with the author's domain. Where nothing
aligned has passed, but the DNS did not answer for something that would be aligned, nothing is known: temperror, and
no policy applies (§5.3.6). An identifier that could not be aligned anyway makes no difference, so that nobody turns a
failure into an uncertainty with a signature whose key cannot be fetched.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from pillarbox.dns import Failure, Kind, NxDomain
from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.trust.dmarc.authors import Authors
from pillarbox.trust.dmarc.record import SEVERITY, Policy, Record
from pillarbox.trust.dmarc.tree_walk import Found, Walk, Walker
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import Result

MAX_IDENTIFIERS: Final = 10
"""Different identifiers that are compared with the author's domain, those with its very name first."""


class Identifier(Struct, frozen=True, gc=False):
    """A domain that SPF or DKIM confirmed, or could not find out about."""

    method: str
    """`dkim`; or `spf`, of the MAIL FROM identity only: never of HELO (RFC 9989 §4.4.2)."""
    domain: str
    """The very domain that was checked, as A-labels: `d=`, or the domain of MAIL FROM."""
    known: bool = True
    """It has passed; False where it might have passed, had the DNS answered."""


class Aligned(Struct, frozen=True, gc=False):
    """The identifier that let the message pass."""

    identifier: Identifier
    mode: str
    """`strict` where the names are equal, else `relaxed`."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """What DMARC says of a message."""

    result: Result
    """`pass`, `fail`, `none`, `temperror` or `permerror`."""
    reason: str
    author_domain: str = ""
    policy_domain: str = ""
    """The domain whose record counts; empty where there is none."""
    organizational_domain: str = ""
    """Of the author's domain; empty where it is not known."""
    record: Record | None = None
    organizational_record: Record | None = None
    """The record of the organizational domain, which may be the same."""
    source: str = ""
    """The tag that the policy is from: `p`, `sp` or `np`."""
    published: Policy = Policy.NONE
    """The policy for this author's domain as published."""
    aligned: Aligned | None = None
    authors: Authors | None = None

    @property
    def applied(self) -> Policy:
        """The policy that is asked for, one step milder where it is under test."""
        return self.published.softened if self.record and self.record.testing else self.published


def look_up_policies(authors: Authors, walker: Walker) -> Asking[None]:
    """Ask what the author domains publish, so that `evaluate_message` with the same walker need not.

    What SPF and DKIM ask is up to who sends the message: names whose servers stall until the time of all is over. Who
    asks for the policy afterwards only does not find that of a forged author.
    """
    for each in authors.domains:
        domain = each.lower()
        walk = yield from walker.walk(domain)
        if walk.applied:
            yield from _policy(walker, domain, walk.applied, ask=True)


def evaluate_message(
    authors: Authors, identifiers: Iterable[Identifier], walker: Walker | None = None
) -> Asking[Evaluation]:
    """Judge a message by each of its author domains; the worst result counts (RFC 9989 §11.5).

    `walker`: the one of `look_up_policies`.
    """
    if not authors.domains:
        reason = authors.problem or "no author domain"
        result = Result.PERMERROR if authors.problem else Result.NONE
        return Evaluation(result=result, reason=reason, authors=authors)
    walker, identifiers = walker or Walker(), tuple(identifiers)
    evaluations: list[Evaluation] = []
    for domain in authors.domains:
        evaluations.append((yield from _evaluate(walker, domain, identifiers, authors)))  # noqa: PERF401
    return max(evaluations, key=_badness)


def evaluate(author_domain: str, identifiers: Iterable[Identifier]) -> Asking[Evaluation]:
    """Judge by one author domain (A-labels)."""
    return (yield from _evaluate(Walker(), author_domain, tuple(identifiers), None))


def _badness(evaluation: Evaluation) -> tuple[int, int]:
    """A failure without consequences must not hide what another domain may ask for."""
    order = (Result.PASS, Result.NONE, Result.PERMERROR, Result.FAIL, Result.TEMPERROR)
    severity = SEVERITY[evaluation.applied]
    if evaluation.result is Result.FAIL and severity:
        return len(order), severity
    return order.index(evaluation.result), severity


def _evaluate(
    walker: Walker, domain: str, identifiers: Sequence[Identifier], authors: Authors | None
) -> Asking[Evaluation]:
    domain = domain.lower()
    walk = yield from walker.walk(domain)
    applied = walk.applied
    if walk.failed_at_start or (walk.failure and not applied):
        reason = f"the policy record could not be looked up: {walk.failure}"
        return Evaluation(result=Result.TEMPERROR, reason=reason, author_domain=domain, authors=authors)
    if applied is None:
        reason = "no policy record"
        return Evaluation(
            result=Result.NONE,
            reason=reason,
            author_domain=domain,
            organizational_domain=walk.organization,
            authors=authors,
        )
    record = applied.record
    if record.problem:
        result, reason, aligned = Result.PERMERROR, record.problem, None
    else:
        result, reason, aligned = yield from _aligned(walker, walk, record, identifiers)
    source, published = yield from _policy(walker, domain, applied, ask=result is Result.FAIL)
    if not source:
        result, reason = Result.TEMPERROR, "whether the author's domain exists could not be looked up"
    organization = walk.organization
    return Evaluation(
        result=result,
        reason=reason,
        author_domain=domain,
        policy_domain=applied.domain,
        organizational_domain=organization,
        record=record,
        organizational_record=next(
            (found.record for found in walk.found if found.domain == organization), None
        ),
        source=source,
        published=published,
        aligned=aligned,
        authors=authors,
    )


def _policy(walker: Walker, domain: str, applied: Found, *, ask: bool) -> Asking[tuple[str, Policy]]:
    """The tag that counts and its policy; no tag where the DNS did not say whether the domain exists.

    `ask`: whether that it asked at all; without that, a domain is taken for one that exists.
    """
    record = applied.record
    if applied.domain == domain:
        return "p", record.policy
    existing = ("sp", record.subdomain_policy) if record.subdomain_policy else ("p", record.policy)
    if ask and record.nonexistent_policy and record.nonexistent_policy != existing[1]:
        # RFC 9989 §3.2.13: only NXDOMAIN says that a domain does not exist
        outcome = yield from walker.look_up(domain, Kind.A)
        if isinstance(outcome, Failure):
            return "", Policy.NONE
        if isinstance(outcome, NxDomain):
            return "np", record.nonexistent_policy
    return existing


def _aligned(
    walker: Walker, author: Walk, record: Record, identifiers: Sequence[Identifier]
) -> Asking[tuple[Result, str, Aligned | None]]:
    distinct = _compared(author.start, identifiers)
    doubt = ""
    for identifier in distinct:
        method, domain = identifier.method, identifier.domain
        mode: str | None
        if domain == author.start:
            mode = "strict"
        elif record.strict_spf if method == "spf" else record.strict_dkim:
            mode = ""
        else:
            mode = yield from _relaxed(walker, author, domain)
        if mode and identifier.known:
            return Result.PASS, f"{method} of {domain} is aligned ({mode})", Aligned(identifier, mode)
        if mode is None:
            doubt = doubt or f"the organization of {domain} could not be looked up"
        elif mode:
            doubt = doubt or f"{method} of {domain} could not be checked"
    if doubt:
        return Result.TEMPERROR, doubt, None
    passed = [f"{each.method} of {each.domain}" for each in distinct if each.known]
    what = f"only {', '.join(passed)} passed" if passed else "neither SPF nor DKIM passed"
    return Result.FAIL, f"no aligned identifier: {what}", None


def _compared(author: str, identifiers: Sequence[Identifier]) -> list[Identifier]:
    """Those that are compared: what has passed first, and of it what has the author's own name."""
    distinct: dict[Identifier, None] = {}
    for each in identifiers:
        try:
            domain = domain_key(each.domain)
        except InvalidAddress:
            continue
        distinct[Identifier(each.method, domain, each.known)] = None
    ordered = sorted(distinct, key=lambda each: (not each.known, each.domain != author))
    return ordered[:MAX_IDENTIFIERS]


def _relaxed(walker: Walker, author: Walk, domain: str) -> Asking[str | None]:
    """`relaxed` where both have one organization, empty where they have not, None where that is not known."""
    if not _related(author.start, domain):
        return ""
    organization = author.organization
    if organization and domain != organization and not domain.endswith(f".{organization}"):
        return ""  # an organization is a suffix of all its domains
    walk = yield from walker.walk(domain)
    if not organization or not walk.organization:
        return None
    return "relaxed" if walk.organization == organization else ""


def _related(one: str, other: str) -> bool:
    return one.rpartition(".")[2] == other.rpartition(".")[2]
