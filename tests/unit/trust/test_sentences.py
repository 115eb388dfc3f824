"""Findings of checks in sentences."""

import pytest

from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.sentences import sentence


@pytest.mark.parametrize("method", ["spf", "dkim", "dmarc", "arc", "iprev", "bimi", "other"])
@pytest.mark.parametrize("result", Result)
def test_every_result_has_one_sentence(method: str, result: Result) -> None:
    text = sentence(MethodResult(method, result, "example.org"))
    assert text.endswith(".")
    assert "{" not in text
    assert len(text) < 200


@pytest.mark.parametrize(
    "domain", ["", "x y", "a.example. Call +1 555", "\u202eexample", "a" * 256, "{domain}"]
)
def test_only_a_domain_is_repeated(domain: str) -> None:
    text = sentence(MethodResult("spf", Result.PASS, domain, "reason"))
    assert text == "The server that sent this message may send mail for the sender's domain."


def test_a_domain_is_named() -> None:
    text = sentence(MethodResult("dkim", Result.PASS, "xn--exmple-cua.org"))
    assert text == "This message was signed by xn--exmple-cua.org and has not been changed since."
