"""What is done with a message by its DMARC result (RFC 9989 §5.4 and §7.2)."""

import pytest

from pillarbox.dns import Failure, Kind
from pillarbox.trust.dmarc import (
    Action,
    Authors,
    Chain,
    Disposition,
    Evaluation,
    Mode,
    Policy,
    decide,
    described,
)
from pillarbox.trust.dmarc.evaluation import evaluate_message
from pillarbox.trust.results import Result
from tests.kit.asking import Answers, Zone
from tests.kit.dmarc import dkim, judged

FAILED = {
    policy: judged("example.com", records={"example.com": f"v=DMARC1; p={policy}"}) for policy in Policy
}
TESTED = judged("example.com", records={"example.com": "v=DMARC1; p=reject; t=y"})
PASSED = judged("example.com", dkim("example.com"), records={"example.com": "v=DMARC1; p=reject"})
UNKNOWN = {
    policy: judged(
        "example.com", dkim("example.com", known=False), records={"example.com": f"v=DMARC1; p={policy}"}
    )
    for policy in Policy
}
LIST = Chain(("lists.example",), dmarc_passed=True)


@pytest.mark.rfc("9989 §5.4", "MUST")
@pytest.mark.parametrize(
    ("policy", "mode", "action", "done", "override"),
    [
        (Policy.REJECT, Mode.REJECT, Action.REJECT, Policy.REJECT, ""),
        (Policy.REJECT, Mode.QUARANTINE, Action.QUARANTINE, Policy.QUARANTINE, "local_policy"),
        (Policy.REJECT, Mode.MARK, Action.ACCEPT, Policy.NONE, "local_policy"),
        (Policy.QUARANTINE, Mode.REJECT, Action.QUARANTINE, Policy.QUARANTINE, ""),
        (Policy.QUARANTINE, Mode.QUARANTINE, Action.QUARANTINE, Policy.QUARANTINE, ""),
        (Policy.QUARANTINE, Mode.MARK, Action.ACCEPT, Policy.NONE, "local_policy"),
        (Policy.NONE, Mode.REJECT, Action.ACCEPT, Policy.NONE, ""),
        (Policy.NONE, Mode.QUARANTINE, Action.ACCEPT, Policy.NONE, ""),
        (Policy.NONE, Mode.MARK, Action.ACCEPT, Policy.NONE, ""),
    ],
)
def test_a_failure(policy: Policy, mode: Mode, action: Action, done: Policy, override: str) -> None:
    found = decide(FAILED[policy], mode)
    assert (found.action, found.policy, found.override) == (action, done, override)
    assert bool(found.comment) == bool(override)


def test_the_words_of_a_refusal() -> None:
    found = decide(FAILED[Policy.REJECT], Mode.REJECT)
    assert (found.reply_code, found.status) == (550, "5.7.1")
    assert found.reply == "Email rejected per DMARC policy for example.com"


def test_a_policy_under_test() -> None:
    found = decide(TESTED, Mode.REJECT)
    assert (found.action, found.policy, found.override) == (
        Action.QUARANTINE,
        Policy.QUARANTINE,
        "policy_test_mode",
    )


def test_what_does_not_fail_is_accepted() -> None:
    none = judged("example.com", records={})
    broken = judged("example.com", records={"example.com": "v=DMARC1"})
    for evaluation in (PASSED, none, broken):
        found = decide(evaluation, Mode.REJECT, may_defer=True)
        assert (found.action, found.policy, found.override) == (Action.ACCEPT, Policy.NONE, "")


@pytest.mark.rfc("9989 §5.3.6", "MUST")
def test_an_uncertainty_defers_only_what_would_be_refused_and_not_for_ever() -> None:
    deferred = decide(UNKNOWN[Policy.REJECT], Mode.REJECT, may_defer=True)
    assert (deferred.action, deferred.reply_code, deferred.status) == (Action.DEFER, 451, "4.7.1")
    assert "DMARC" in deferred.reply
    for found in (
        decide(UNKNOWN[Policy.REJECT], Mode.REJECT),
        decide(UNKNOWN[Policy.REJECT], Mode.QUARANTINE, may_defer=True),
        decide(UNKNOWN[Policy.QUARANTINE], Mode.REJECT, may_defer=True),
        decide(UNKNOWN[Policy.NONE], Mode.REJECT, may_defer=True),
    ):
        assert (found.action, found.policy) == (Action.ACCEPT, Policy.NONE)


@pytest.mark.rfc("8617 §7.2.1", "MAY")
def test_a_believed_chain_changes_what_is_done_and_not_the_result() -> None:
    evaluation = FAILED[Policy.REJECT]
    found = decide(evaluation, Mode.REJECT, chain=LIST, trusted_sealers={"lists.example"})
    assert (found.action, found.policy, found.override) == (Action.ACCEPT, Policy.NONE, "local_policy")
    assert found.comment == "arc=pass by lists.example, where dmarc=pass"
    assert described(evaluation).result is Result.FAIL


@pytest.mark.parametrize(
    ("chain", "trusted"),
    [
        (LIST, ()),
        (Chain(("lists.example",), dmarc_passed=False), {"lists.example"}),
        (Chain(("evil.example", "lists.example"), dmarc_passed=True), {"lists.example"}),
        (Chain((), dmarc_passed=True), {"lists.example"}),
        (None, {"lists.example"}),
    ],
)
def test_a_chain_that_is_not_believed(chain: Chain | None, trusted: set[str]) -> None:
    found = decide(FAILED[Policy.REJECT], Mode.REJECT, chain=chain, trusted_sealers=trusted)
    assert found.action is Action.REJECT


def test_a_chain_is_no_override_where_nothing_is_asked_for() -> None:
    found = decide(FAILED[Policy.NONE], Mode.REJECT, chain=LIST, trusted_sealers={"lists.example"})
    assert found.override == ""


@pytest.mark.rfc("9989 §11.5", "MUST")
def test_an_author_who_is_not_clear() -> None:
    authors = Authors(("example.com", "evil.example"), 2, 2, "2 From fields")
    evaluation = Evaluation(result=Result.PASS, reason="", author_domain="example.com", authors=authors)
    refused = decide(evaluation, Mode.REJECT)
    assert (refused.action, refused.reply) == (Action.REJECT, "DMARC cannot be evaluated: 2 From fields")
    assert decide(evaluation, Mode.QUARANTINE).action is Action.QUARANTINE
    assert decide(evaluation, Mode.MARK) == Disposition(action=Action.ACCEPT, comment="2 From fields")


@pytest.mark.rfc("9989 §11.5", "MUST")
@pytest.mark.parametrize(
    ("mode", "may_defer", "action"),
    [
        (Mode.REJECT, True, Action.DEFER),
        (Mode.REJECT, False, Action.REJECT),
        (Mode.QUARANTINE, True, Action.QUARANTINE),
        (Mode.MARK, True, Action.ACCEPT),
    ],
)
@pytest.mark.parametrize("other", ["v=DMARC1; p=none", ""])
def test_one_of_several_authors_that_is_unknown_does_not_let_the_others_pass(
    mode: Mode, may_defer: bool, action: Action, other: str
) -> None:
    zone: Zone = {
        ("_dmarc.evil.example", Kind.TXT): (other.encode(),),
        ("_dmarc.victim.example", Kind.TXT): Failure("timeout"),
    }
    for domains in (("evil.example", "victim.example"), ("victim.example", "evil.example")):
        found = Answers(zone).to(evaluate_message(Authors(domains, 1, 2), ()))
        decided = decide(found, mode, may_defer=may_defer)
        assert (found.result, found.author_domain) == (Result.TEMPERROR, "victim.example")
        assert decided.action is action
