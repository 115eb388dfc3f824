"""What a report will say of a message that was judged."""

from typing import Final

from pillarbox.trust.dmarc.evaluation import Evaluation
from pillarbox.trust.dmarc.handling import Disposition
from pillarbox.trust.dmarc.record import Policy, parse
from pillarbox.trust.dmarc_report.report import PublishedPolicy, ReportRow, SignatureResult
from pillarbox.trust.judgement import Client, Judgement
from pillarbox.trust.results import Result

MAX_SIGNATURES: Final = 10
"""Of one message that are told (RFC 9990 §3.1.3 has 100 as its limit), those that passed first."""
MAX_COMMENT: Final = 200


def row_of(judgement: Judgement, disposition: Disposition, client: Client) -> ReportRow | None:
    """The row that counts a message; None where nobody asks for reports on it."""
    dmarc = judgement.dmarc
    if dmarc.record is None or not dmarc.record.aggregate_targets or not dmarc.policy_domain:
        return None
    sender = client.mail_from
    return ReportRow(
        source_ip=str(client.ip),
        header_from=dmarc.author_domain,
        disposition=_disposition(dmarc, disposition),
        dkim=_aligned(dmarc, "dkim", _passed(judgement)),
        spf=_aligned(dmarc, "spf", _sender(judgement)),
        envelope_from=sender.domain.lower() if sender else "",
        override=disposition.override,
        comment=disposition.comment[:MAX_COMMENT] if disposition.override else "",
        signatures=_signatures(judgement),
        spf_domain=judgement.mail_from.domain,
        spf_result=judgement.mail_from.result.value,
    )


def published(domain: str, record: str) -> PublishedPolicy:
    """The policy that a report repeats; `record`: as it stands in the DNS."""
    found = parse(record.encode())
    if found is None:
        return PublishedPolicy(domain)
    sub, nonexistent = found.subdomain_policy, found.nonexistent_policy
    return PublishedPolicy(
        domain,
        found.policy.value,
        (sub or found.policy).value,
        (nonexistent or sub or found.policy).value,
        "s" if found.strict_dkim else "r",
        "s" if found.strict_spf else "r",
        ":".join(found.failure_options),
        "y" if found.testing else "n",
    )


def _disposition(dmarc: Evaluation, disposition: Disposition) -> str:
    if dmarc.result is Result.PASS and dmarc.published is not Policy.NONE:
        return "pass"
    return disposition.policy.value


def _passed(judgement: Judgement) -> list[str]:
    return [each.domain for each in judgement.signatures if each.result is Result.PASS]


def _sender(judgement: Judgement) -> list[str]:
    found = judgement.mail_from
    return [found.domain] if found.result is Result.PASS else []


def _aligned(dmarc: Evaluation, method: str, passed: list[str]) -> str:
    """Whether one of these is aligned. DMARC has looked for one of both methods only, so the other is told here."""
    if dmarc.aligned and dmarc.aligned.identifier.method == method:
        return "pass"
    record, organization = dmarc.record, dmarc.organizational_domain
    strict = record is None or (record.strict_dkim if method == "dkim" else record.strict_spf)
    for domain in map(str.lower, passed):
        related = organization and f".{domain}".endswith(f".{organization}")
        if domain == dmarc.author_domain or (related and not strict):
            return "pass"
    return "fail"


def _signatures(judgement: Judgement) -> tuple[SignatureResult, ...]:
    # RFC 9990 §3.1.3: those that pass with the author's domain, then others that pass
    author = judgement.dmarc.author_domain
    ordered = sorted(
        judgement.signatures, key=lambda each: (each.result is not Result.PASS, each.domain != author)
    )
    named = [each for each in ordered if each.domain and each.selector]
    return tuple(
        [SignatureResult(each.domain, each.selector, each.result.value) for each in named[:MAX_SIGNATURES]]
    )
