"""The DMARC result as a method of Authentication-Results (RFC 9989 §9.1 and §9.2)."""

from pillarbox.trust.dmarc.evaluation import Evaluation
from pillarbox.trust.results import MethodResult, Property


def described(evaluation: Evaluation) -> MethodResult:
    """The result with the author domain and the policy, after its options have been applied."""
    properties: list[Property] = []
    if evaluation.author_domain:
        properties.append(Property("header", "from", evaluation.author_domain))
    if evaluation.source:
        properties.append(Property("policy", "dmarc", str(evaluation.applied)))
    return MethodResult(
        "dmarc", evaluation.result, evaluation.author_domain, evaluation.reason, tuple(properties)
    )
