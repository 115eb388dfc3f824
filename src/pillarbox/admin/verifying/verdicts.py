"""Results as values of JSON, in the words that test suites use."""

from collections.abc import Sequence
from typing import Any, Final

from pillarbox.admin.verifying.examining import Examination
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc import Evaluation
from pillarbox.trust.results import Result
from pillarbox.trust.spf import SpfResult

_BEST_FIRST: Final = (Result.PASS, Result.TEMPERROR, Result.FAIL, Result.PERMERROR, Result.NONE)
"""A key that did not come might have let the message pass."""

Value = dict[str, Any]


def of_spf(found: SpfResult) -> Value:
    """The result for one identity."""
    return {
        "result": found.result.value,
        "explanation": found.explanation,
        "why": found.reason,
        "domain": found.domain,
        "term": found.mechanism,
        "lookups": found.lookups,
        "allows_everybody": found.allows_everybody,
    }


def of_signature(found: SignatureOutcome) -> Result:
    """The result of one signature without `policy` and `neutral`, which not everybody has.

    RFC 6376 §3.9 has two kinds of failure only. `fail` is a signature that does not cover the message as it is read;
    `permerror` one that nobody can verify, or should (RFC 8301 §3: of rsa-sha1, or of a short key). One that failed
    while its domain tests is as none (RFC 6376 §3.6.1).
    """
    match found.result:
        case Result.POLICY:
            return Result.FAIL if found.key_bits else Result.PERMERROR
        case Result.NEUTRAL:
            return Result.NONE if found.test_mode else Result.PERMERROR
        case result:
            return result


def of_signatures(found: Sequence[SignatureOutcome]) -> Value:
    """The best one decides; "signatures" has all of them, topmost first, in the words of RFC 8601."""
    ranked = [
        (_BEST_FIRST.index(result), result, each.reason) for each in found for result in [of_signature(each)]
    ]
    _, result, why = min(ranked, default=(0, Result.NONE, "message not signed"), key=lambda each: each[0])
    return {
        "result": result.value,
        "why": why,
        "signatures": [
            {
                "result": each.result.value,
                "why": each.reason,
                "domain": each.domain,
                "selector": each.selector,
                "algorithm": each.algorithm,
                "key_bits": each.key_bits,
            }
            for each in found
        ],
    }


def of_chain(found: ChainOutcome) -> Value:
    """The result of ARC."""
    return {
        "result": found.result.value,
        "why": found.reason,
        "sealers": list(found.sealers),
        "oldest_pass": found.oldest_pass,
    }


def of_dmarc(found: Evaluation) -> Value:
    """The result of DMARC. "policy" is null without a record; "applied" is one step milder while it is under test."""
    aligned = found.aligned
    return {
        "result": found.result.value,
        "policy": found.published.value if found.source else None,
        "alignment": aligned
        and {"method": aligned.identifier.method, "domain": aligned.identifier.domain, "mode": aligned.mode},
        "why": found.reason,
        "domain": found.author_domain,
        "policy_domain": found.policy_domain,
        "organizational_domain": found.organizational_domain,
        "policy_tag": found.source,
        "applied": found.applied.value if found.source else None,
    }


def of_examination(found: Examination) -> Value:
    """That of DMARC, and what it rests on; SPF is null where no client is known."""
    return {
        **of_dmarc(found.dmarc),
        "spf": found.mail_from and of_spf(found.mail_from),
        "helo": found.helo and of_spf(found.helo),
        "dkim": of_signatures(found.signatures),
        "arc": of_chain(found.chain),
    }
