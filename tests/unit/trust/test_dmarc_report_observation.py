"""What a report says of a message that was judged."""

from ipaddress import IPv4Address

import pytest

from pillarbox.mail.address import Address
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc import Chain, Evaluation, Mode, Policy, decide, parse
from pillarbox.trust.dmarc.evaluation import Aligned, Identifier
from pillarbox.trust.dmarc_report import PublishedPolicy, ReportRow
from pillarbox.trust.dmarc_report.observation import published, row_of
from pillarbox.trust.judgement import Client, Judgement
from pillarbox.trust.results import Result
from pillarbox.trust.spf import SpfResult
from pillarbox.trust.spf.result import Identity

TEXT = "v=DMARC1; p=reject; rua=mailto:r@one.example"
CLIENT = Client(IPv4Address("192.0.2.1"), "mx.lists.example", Address("x", "Lists.example"))


def _spf(domain: str, result: Result) -> SpfResult:
    return SpfResult(result, Identity.MAIL_FROM, domain, "")


def row(
    *signatures: SignatureOutcome,
    spf: SpfResult,
    text: str = TEXT,
    aligned: str = "",
    chain: Chain | None = None,
) -> ReportRow | None:
    """The row of a message from one.example; `aligned`: the method by which it has passed."""
    evaluation = Evaluation(
        result=Result.PASS if aligned else Result.FAIL,
        reason="",
        author_domain="one.example",
        policy_domain="one.example",
        organizational_domain="one.example",
        record=parse(text.encode()),
        source="p",
        published=Policy.REJECT,
        aligned=Aligned(Identifier(aligned, "one.example"), "strict") if aligned else None,
    )
    judgement = Judgement(
        helo=spf, mail_from=spf, signatures=signatures, chain=ChainOutcome(Result.NONE), dmarc=evaluation
    )
    disposition = decide(evaluation, Mode.REJECT, chain=chain, trusted_sealers=("lists.example",))
    return row_of(judgement, disposition, CLIENT)


LISTS = _spf("lists.example", Result.PASS)
BROKEN = SignatureOutcome(Result.FAIL, domain="one.example", selector="s")
OTHERS = SignatureOutcome(Result.PASS, domain="lists.example", selector="k")
GOOD = SignatureOutcome(Result.PASS, domain="one.example", selector="s")


@pytest.mark.rfc("8617 §7.2.2", "SHOULD")
def test_a_believed_seal_is_no_pass_and_is_told() -> None:
    found = row(BROKEN, OTHERS, spf=LISTS, chain=Chain(("lists.example",), dmarc_passed=True))
    assert found
    assert (found.dkim, found.spf, found.disposition) == ("fail", "fail", "none")
    assert (found.override, found.comment) == (
        "local_policy",
        "arc=pass by lists.example, where dmarc=pass",
    )
    assert (found.header_from, found.envelope_from) == ("one.example", "lists.example")


@pytest.mark.rfc("9990 §3.1.3", "SHOULD")
def test_signatures_that_pass_come_first_and_nameless_ones_not_at_all() -> None:
    nameless = SignatureOutcome(Result.PERMERROR)
    found = row(BROKEN, OTHERS, nameless, GOOD, spf=LISTS, aligned="dkim")
    assert found
    assert [(one.domain, one.result) for one in found.signatures] == [
        ("one.example", "pass"),
        ("lists.example", "pass"),
        ("one.example", "fail"),
    ]


@pytest.mark.parametrize(
    ("domain", "text", "expected"),
    [
        ("one.example", TEXT, "pass"),
        ("mail.one.example", TEXT, "pass"),
        ("mail.one.example", TEXT + "; aspf=s", "fail"),
        ("someone.example", TEXT, "fail"),
    ],
)
def test_both_methods_are_told_though_one_is_enough(domain: str, text: str, expected: str) -> None:
    found = row(GOOD, spf=_spf(domain, Result.PASS), text=text, aligned="dkim")
    assert found
    assert (found.dkim, found.spf, found.disposition) == ("pass", expected, "pass")


def test_who_asks_for_no_reports_gets_no_row() -> None:
    assert row(GOOD, spf=LISTS, text="v=DMARC1; p=reject", aligned="dkim") is None


@pytest.mark.rfc("9990 §3.1.1", "MUST")
def test_the_published_policy_has_its_defaults() -> None:
    assert published("one.example", TEXT) == PublishedPolicy(
        "one.example", "reject", "reject", "reject", "r", "r", "0", "n"
    )
    assert published("one.example", "v=DMARC1; p=none; sp=reject; adkim=s; t=y; fo=1:d") == PublishedPolicy(
        "one.example", "none", "reject", "reject", "s", "r", "1:d", "y"
    )
    assert published("one.example", "nonsense") == PublishedPolicy("one.example")
