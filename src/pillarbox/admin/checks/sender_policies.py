"""Checks of what names say of themselves as senders: SPF, DMARC and TLSRPT records."""

from ipaddress import IPv4Address
from typing import Final, TypeVar

from pillarbox.admin import concerns, dns_records
from pillarbox.admin.checks.result import CheckResult, advice, ok, problem, unanswered, warning
from pillarbox.admin.dns_records import WantedRecord
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OWNER, may
from pillarbox.dns import Answer, Failure
from pillarbox.trust import spf as spf_check
from pillarbox.trust.dmarc.evaluation import evaluate
from pillarbox.trust.dmarc.mistakes import mistake
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.results import Result
from pillarbox.trust.spf import Identity
from pillarbox.trust.spf.parsing import is_record
from pillarbox.trust.spf.record import A, All, Mx, Network, Record
from pillarbox.trust.tls_report.record import read_report_record
from pillarbox.world.resolver import Resolver

NARROW_4: Final = 16
NARROW_6: Final = 32
"""Networks with a shorter prefix are of many owners."""
_NOBODY: Final = IPv4Address("192.0.2.1")
"""An address for documentation, which no record but a broad one lets send: all its terms are evaluated."""

T = TypeVar("T")


@may(OWNER)
async def of_host(resolver: Resolver, hostname: str) -> list[CheckResult]:
    """The policies of this host's name, in which reports are sent (RFC 7208 §2.4)."""
    results = await spf(resolver, dns_records.spf_of_host(hostname))
    # RFC 9989 §4.10: the record of a domain above it counts as well
    found = await _asked(evaluate(hostname, ()), resolver)
    if not found.policy_domain and found.result is not Result.TEMPERROR:
        record = dns_records.dmarc(hostname).zone_line
        what = "neither the name nor a domain above it has a DMARC record"
        results.append(warning(hostname, what, f"Set the record: {record}"))
    return results


@may(OWNER)
async def spf(resolver: Resolver, wanted: WantedRecord) -> list[CheckResult]:
    """The SPF record of a name."""
    name = wanted.name
    outcome = await resolver.txt(name)
    if isinstance(outcome, Failure):
        return [unanswered(name, outcome.reason)]
    texts = [text for text in outcome.records if is_record(text)] if isinstance(outcome, Answer) else []
    if not texts:
        return [warning(name, f"there is no SPF record; {wanted.why}", f"Set the record: {wanted.zone_line}")]
    if len(texts) > 1:
        # RFC 7208 §4.5: an error, whichever a receiver sees first
        return [problem(name, f"there are {len(texts)} SPF records", "Remove all but one.")]
    text = texts[0].decode("latin-1")
    record = spf_check.parse(text)
    if not isinstance(record, Record):
        found = "; ".join(map(str, record[:3]))
        return [problem(name, f"the SPF record is invalid: {found}", f"For example: {wanted.zone_line}")]
    if broad := _too_broad(record):
        remedy = f"Name only the hosts that send, for example: {wanted.zone_line}"
        return [problem(name, f"the SPF record lets others send as {name}: {broad}", remedy)]
    return [await _evaluated(resolver, name, text)]


def _too_broad(record: Record) -> str:
    """The term that lets many others send; empty without one."""
    for directive in record.directives:
        mechanism = directive.mechanism
        if isinstance(mechanism, All) and directive.result in (Result.PASS, Result.NEUTRAL):
            return directive.text
        if directive.result is not Result.PASS:
            continue
        if isinstance(mechanism, Network):
            width, narrow = (32, NARROW_4) if mechanism.version == 4 else (128, NARROW_6)
            if width - mechanism.shift < narrow:
                return directive.text
        elif isinstance(mechanism, A | Mx) and (mechanism.prefix4 < NARROW_4 or mechanism.prefix6 < NARROW_6):
            return directive.text
    return "its networks add up to nearly everything" if record.permits_everybody else ""


async def _evaluated(resolver: Resolver, name: str, text: str) -> CheckResult:
    """What receivers make of the record and those that it includes, with all their look-ups (RFC 7208 §4.6.4)."""
    found = await _asked(
        spf_check.check_host(
            _NOBODY,
            name,
            local="postmaster",
            helo=name,
            identity=Identity.MAIL_FROM,
            receiver="pillarbox",
            now=0,
        ),
        resolver,
    )
    if found.result is Result.PERMERROR:
        remedy = "Receivers take the record for none; remove or correct the term."
        return problem(name, f"the SPF record is in error: {found.reason}", remedy)
    if found.result is Result.TEMPERROR:
        return warning(name, f"the SPF record could not be evaluated: {found.reason}", "Check again.")
    if found.result is Result.PASS or found.allows_everybody:
        what = f"a record that the SPF record includes lets everybody send: {found.mechanism or text}"
        return problem(name, what, "Remove that term.")
    return ok(name, f"SPF: {text}")


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
async def dmarc(resolver: Resolver, domain: str) -> list[CheckResult]:
    """The DMARC record of a domain that is served here."""
    wanted = dns_records.dmarc(domain)
    outcome = await resolver.txt(wanted.name)
    if isinstance(outcome, Failure):
        return [unanswered(wanted.name, outcome.reason)]
    texts = [
        text
        for text in (outcome.records if isinstance(outcome, Answer) else ())
        if text.lower().startswith(b"v=dmarc1")
    ]
    if not texts:
        return [
            warning(domain, f"there is no DMARC record; {wanted.why}", f"Set the record: {wanted.zone_line}")
        ]
    if len(texts) > 1:
        # RFC 9989 §4.10: all of them are ignored
        return [problem(domain, f"there are {len(texts)} DMARC records", "Remove all but one.")]
    text = texts[0].decode("ascii", "replace")
    if wrong := mistake(text):
        what = f"the DMARC record means nothing to others: {wrong} ({text})"
        return [problem(domain, what, f"Correct it, for example: {wanted.zone_line}")]
    results = [ok(domain, f"DMARC: {text}")]
    if any(tag.partition("=")[0].strip().lower() == "pct" for tag in text.split(";")):
        # RFC 9989 appendix A.6
        what = (
            "pct in the DMARC record is not obeyed any more: its policy counts for all mail, or is under test"
        )
        results.append(advice(domain, what, "Remove pct; to test a policy, add t=y."))
    return results


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
async def tls_reports(resolver: Resolver, domain: str) -> list[CheckResult]:
    """Whether others are asked to report on TLS."""
    wanted = dns_records.tls_reports(domain)
    outcome = await resolver.txt(wanted.name)
    if isinstance(outcome, Failure):
        return [unanswered(wanted.name, outcome.reason)]
    texts = outcome.records if isinstance(outcome, Answer) else ()
    if read_report_record(texts):
        return [ok(domain, "TLSRPT: others report where TLS fails")]
    if any(text.startswith(b"v=TLSRPT") for text in texts):
        what = "the TLSRPT record means nothing to others, or there are several"
        return [problem(domain, what, f"Correct it: {wanted.zone_line}")]
    return [advice(domain, f"there is no TLSRPT record; {wanted.why}", f"Set the record: {wanted.zone_line}")]


async def _asked(asking: Asking[T], resolver: Resolver) -> T:
    """The result of a check that asks the DNS only."""
    answer = None
    try:
        while True:
            question = asking.send(answer)
            assert isinstance(question, Lookup), "neither SPF nor DMARC asks the web"
            answer = await resolver.lookup(question.name, question.kind)
    except StopIteration as stop:
        found: T = stop.value
        return found
