"""The DMARC result (RFC 9989 §5.3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.dns import Failure, Kind
from pillarbox.trust.dmarc import (
    Authors,
    Evaluation,
    Identifier,
    Policy,
    described,
    evaluate,
    evaluate_message,
)
from pillarbox.trust.dmarc.evaluation import MAX_IDENTIFIERS
from pillarbox.trust.results import MethodResult, Property, Result
from tests.kit.asking import Answers
from tests.kit.dmarc import SILENT, DnsOfRecords, dkim, dns, judged, spf

REJECT = "v=DMARC1; p=reject"
STRICT = "v=DMARC1; p=reject; adkim=s; aspf=s"
PSD = "v=DMARC1; p=reject; psd=y"
VICTIM = {"victim.example": REJECT}


@pytest.mark.rfc("9989 §5.3.5", "MUST")
@pytest.mark.parametrize(
    ("author", "identifiers", "records", "result"),
    [
        ("example.com", (dkim("example.com"),), {"example.com": REJECT}, Result.PASS),
        ("example.com", (spf("mail.example.com"),), {"example.com": REJECT}, Result.PASS),
        ("mail.example.com", (spf("example.com"),), {"example.com": REJECT}, Result.PASS),
        ("a.example.com", (dkim("b.example.com"),), {"example.com": REJECT}, Result.PASS),
        ("example.com", (dkim("example.net"), spf("evil.example")), {"example.com": REJECT}, Result.FAIL),
        ("example.com", (dkim("badexample.com"),), {"example.com": REJECT}, Result.FAIL),
        ("example.com", (), {"example.com": REJECT}, Result.FAIL),
        ("example.com", (dkim("example.com"),), {}, Result.NONE),
        ("example.com", (dkim("example.com"),), {"example.com": "v=DMARC1"}, Result.PERMERROR),
        # Appendix B.1: strict
        ("example.com", (spf("child.example.com"),), {"example.com": STRICT}, Result.FAIL),
        ("sub.example.com", (dkim("example.com"),), {"example.com": STRICT}, Result.FAIL),
        ("sub.example.com", (dkim("sub.example.com"),), {"example.com": STRICT}, Result.PASS),
        ("example.com", (spf("x.example.com"),), {"example.com": "v=DMARC1; p=reject; aspf=s"}, Result.FAIL),
        ("example.com", (dkim("x.example.com"),), {"example.com": "v=DMARC1; p=reject; aspf=s"}, Result.PASS),
        ("example.com", (spf("x.example.com"),), {"example.com": "v=DMARC1; p=reject; adkim=s"}, Result.PASS),
        # A child that is an organization of its own
        (
            "example.com",
            (dkim("x.example.com"),),
            {"example.com": REJECT, "x.example.com": f"{REJECT};psd=n"},
            Result.FAIL,
        ),
        # Appendix B.4.1 and B.4.2
        (
            "a.b.c.d.e.f.g.h.i.j.k.example.com",
            (dkim("signing.example.com"),),
            {"example.com": REJECT, "signing.example.com": REJECT},
            Result.PASS,
        ),
        # Appendix B.4.3
        (
            "giant.bank.example",
            (spf("mail.giant.bank.example"),),
            {"giant.bank.example": REJECT, "bank.example": PSD},
            Result.PASS,
        ),
        (
            "giant.bank.example",
            (dkim("mail.mega.bank.example"),),
            {"giant.bank.example": REJECT, "bank.example": PSD},
            Result.FAIL,
        ),
        # Whoever is listed as a public suffix is aligned with himself
        ("city.kawasaki.jp", (dkim("city.kawasaki.jp"),), {"city.kawasaki.jp": PSD}, Result.PASS),
        # Both spellings of an international domain
        ("xn--bcher-kva.example", (dkim("bücher.example"),), {"xn--bcher-kva.example": REJECT}, Result.PASS),
        ("EXAMPLE.com", (dkim("Example.COM"),), {"example.com": REJECT}, Result.PASS),
    ],
)
def test_result(
    author: str, identifiers: tuple[Identifier, ...], records: DnsOfRecords, result: Result
) -> None:
    found = judged(author, *identifiers, records=records)
    assert found.result is result
    assert found.reason


def test_what_let_it_pass() -> None:
    found = judged("example.com", dkim("x.example.com"), spf("example.com"), records={"example.com": REJECT})
    assert found.aligned
    assert (found.aligned.identifier, found.aligned.mode) == (spf("example.com"), "strict")
    relaxed = judged("example.com", dkim("x.example.com"), records={"example.com": REJECT})
    assert relaxed.aligned
    assert (relaxed.aligned.identifier, relaxed.aligned.mode) == (dkim("x.example.com"), "relaxed")
    assert relaxed.organizational_domain == relaxed.policy_domain == "example.com"
    assert relaxed.organizational_record == relaxed.record


@pytest.mark.rfc("9989 §4.4.2", "MUST")
def test_only_the_domain_that_was_checked_counts() -> None:
    """The HELO of an attacker passed SPF; his MAIL FROM in the victim's domain did not (CVE-2019-20790)."""
    assert judged("victim.example", records=VICTIM).result is Result.FAIL
    assert judged("victim.example", spf("attacker.example"), records=VICTIM).result is Result.FAIL


def test_equal_names_need_no_question_of_their_own() -> None:
    answers = dns({"example.com": REJECT})
    answers.to(evaluate("example.com", [dkim("example.com"), dkim("other.net"), dkim("x.example.com")]))
    assert len(answers.asked) == 2


@pytest.mark.rfc("9989 §4.10.1", "MUST")
@pytest.mark.parametrize(
    ("author", "record", "source", "policy"),
    [
        ("example.com", "v=DMARC1; p=reject; sp=none; np=none", "p", Policy.REJECT),
        ("real.example.com", "v=DMARC1; p=reject; sp=quarantine; np=none", "sp", Policy.QUARANTINE),
        ("real.example.com", "v=DMARC1; p=reject; np=none", "p", Policy.REJECT),
        ("no.example.com", "v=DMARC1; p=none; sp=quarantine; np=reject", "np", Policy.REJECT),
        ("no.example.com", "v=DMARC1; p=none; sp=quarantine", "sp", Policy.QUARANTINE),
        ("no.example.com", "v=DMARC1; p=quarantine", "p", Policy.QUARANTINE),
        # NODATA: something exists below the name (§3.2.13)
        ("above.example.com", "v=DMARC1; p=none; np=reject", "p", Policy.NONE),
    ],
)
def test_which_policy_counts(author: str, record: str, source: str, policy: Policy) -> None:
    found = judged(
        author, records={"example.com": record}, exists=("real.example.com", "x.above.example.com")
    )
    assert (found.source, found.published, found.applied) == (source, policy, policy)


def test_existence_is_asked_only_where_it_matters() -> None:
    passed = dns({"example.com": "v=DMARC1; p=none; np=reject"})
    passed.to(evaluate("x.example.com", [dkim("example.com")]))
    same = dns({"example.com": "v=DMARC1; p=reject; np=reject"})
    same.to(evaluate("x.example.com", []))
    assert all(
        question.kind is Kind.TXT
        for each in (passed, same)
        for question in each.asked
        if hasattr(question, "kind")
    )


@pytest.mark.rfc("9989 §4.7", "MUST")
@pytest.mark.parametrize(
    ("tags", "applied"),
    [
        ("p=reject; t=y", Policy.QUARANTINE),
        ("p=quarantine; t=y", Policy.NONE),
        ("p=none; t=y", Policy.NONE),
        ("p=reject; pct=0", Policy.QUARANTINE),
        ("p=quarantine; pct=0", Policy.NONE),
        ("p=reject; pct=0; t=y", Policy.QUARANTINE),
        ("p=reject; pct=0; t=n", Policy.REJECT),
        ("p=reject; pct=50", Policy.REJECT),
    ],
)
def test_a_policy_under_test_is_a_step_milder(tags: str, applied: Policy) -> None:
    assert judged("example.com", records={"example.com": f"v=DMARC1; {tags}"}).applied is applied


@pytest.mark.rfc("9989 §5.3.6", "MUST")
@pytest.mark.parametrize(
    ("author", "identifiers", "records", "result"),
    [
        # Nothing passed, and something that is aligned is not known
        ("example.com", (dkim("example.com", known=False),), {"example.com": REJECT}, Result.TEMPERROR),
        ("example.com", (spf("mail.example.com", known=False),), {"example.com": REJECT}, Result.TEMPERROR),
        (
            "example.com",
            (dkim("example.com", known=False), spf("example.com")),
            {"example.com": REJECT},
            Result.PASS,
        ),
        # What could not be aligned anyway makes no difference
        ("example.com", (dkim("silent.evil.example", known=False),), {"example.com": REJECT}, Result.FAIL),
        ("example.com", (dkim("x.example.com", known=False),), {"example.com": STRICT}, Result.FAIL),
        # The walks do not end
        (
            "a.b.example.com",
            (dkim("x.example.com"),),
            {"a.b.example.com": REJECT, "b.example.com": SILENT, "example.com": REJECT},
            Result.TEMPERROR,
        ),
        (
            "example.com",
            (dkim("x.example.com"),),
            {"example.com": REJECT, "x.example.com": SILENT},
            Result.TEMPERROR,
        ),
        ("example.com", (), {"example.com": SILENT}, Result.TEMPERROR),
        ("a.example.com", (), {"example.com": SILENT}, Result.TEMPERROR),
        (
            "a.b.example.com",
            (dkim("b.example.com"),),
            {"a.b.example.com": REJECT, "b.example.com": SILENT},
            Result.TEMPERROR,
        ),
        (
            "a.b.example.com",
            (dkim("a.b.example.com"),),
            {"a.b.example.com": REJECT, "b.example.com": SILENT},
            Result.PASS,
        ),
        ("example.com", (), {"example.com": REJECT, "com": SILENT}, Result.FAIL),
    ],
)
def test_what_is_not_known(
    author: str, identifiers: tuple[Identifier, ...], records: DnsOfRecords, result: Result
) -> None:
    found = judged(author, *identifiers, records=records)
    assert found.result is result
    assert found.reason


def test_existence_that_is_not_known() -> None:
    answers = dns({"example.com": "v=DMARC1; p=none; np=reject"})
    answers.zone["x.example.com", Kind.A] = Failure("SERVFAIL")
    found = answers.to(evaluate("x.example.com", []))
    assert (found.result, found.published) == (Result.TEMPERROR, Policy.NONE)


def message(authors: Authors, *identifiers: Identifier, records: DnsOfRecords) -> Evaluation:
    return dns(records).to(evaluate_message(authors, identifiers))


@pytest.mark.rfc("9989 §11.5", "SHOULD")
def test_several_authors_are_each_judged() -> None:
    records = {"victim.example": "v=DMARC1; p=quarantine", "bank.example": REJECT, "evil.example": REJECT}
    for domains in (("victim.example", "evil.example"), ("evil.example", "victim.example")):
        found = message(Authors(domains, 1, 2), dkim("evil.example"), records=records)
        assert (found.result, found.author_domain) == (Result.FAIL, "victim.example")
    strictest = message(Authors(("victim.example", "bank.example"), 1, 2), records=records)
    assert (strictest.result, strictest.author_domain) == (Result.FAIL, "bank.example")
    both = message(
        Authors(("bank.example", "evil.example"), 1, 2),
        dkim("evil.example"),
        dkim("bank.example"),
        records=records,
    )
    assert both.result is Result.PASS
    unsure = message(Authors(("evil.example", "no.example"), 1, 2), dkim("evil.example"), records=records)
    assert (unsure.result, unsure.author_domain) == (Result.NONE, "no.example")


def test_no_author() -> None:
    assert message(Authors((), 1, 0), records={}).result is Result.NONE
    assert message(Authors((), 1, 1, "an author is strange"), records={}).result is Result.PERMERROR


def test_described() -> None:
    failed = judged("x.example.com", records={"example.com": "v=DMARC1; p=reject; t=y"})
    assert described(failed) == MethodResult(
        "dmarc",
        Result.FAIL,
        "x.example.com",
        "no aligned identifier: neither SPF nor DKIM passed",
        (Property("header", "from", "x.example.com"), Property("policy", "dmarc", "quarantine")),
    )
    assert described(judged("example.com", records={})).properties == (
        Property("header", "from", "example.com"),
    )


def test_questions_have_a_limit() -> None:
    deep = ".".join("abcdefgh") + ".example.com"
    identifiers = [dkim(f"{n}.{m}.{deep}") for n in range(9) for m in range(9)]
    answers = dns({"example.com": REJECT})
    answers.to(evaluate(deep, identifiers))
    assert len(answers.asked) <= 8 + 8 * MAX_IDENTIFIERS


DOMAINS = st.sampled_from(
    ["", "com", "a.com", "b.a.com", "c.b.a.com", "x.com", "..", "a..com", "[1]", "é.com", "a." * 200]
)
OUTCOMES = st.sampled_from(
    [SILENT, REJECT, STRICT, PSD, "v=DMARC1; psd=n", (REJECT, PSD), "x", "v=DMARC1; p=none; np=reject"]
)


@settings(deadline=None)
@given(
    DOMAINS,
    st.lists(st.builds(Identifier, st.sampled_from(["dkim", "spf"]), DOMAINS | st.text(), st.booleans())),
    st.dictionaries(DOMAINS, OUTCOMES),
)
def test_no_answers_are_an_error(author: str, identifiers: list[Identifier], records: DnsOfRecords) -> None:
    found = judged(author, *identifiers, records=records)
    described(found)
    assert (found.aligned is not None) == (found.result is Result.PASS)
    if found.result is Result.PASS:
        assert any(each.known and each.domain for each in identifiers)


def test_answers_of_a_wrong_kind() -> None:
    answers = Answers({("_dmarc.example.com", Kind.TXT): ("text", 1)})  # type: ignore[dict-item]
    assert answers.to(evaluate("example.com", [])).result is Result.NONE
