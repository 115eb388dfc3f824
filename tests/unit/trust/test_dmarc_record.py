"""DMARC policy records (RFC 9989 §4.7 and §4.8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.dmarc.record import MAX_RECORD_OCTETS, MAX_TARGETS, Policy, Record, Target, parse


def record(text: str) -> Record:
    found = parse(text.encode())
    assert found
    return found


@pytest.mark.rfc("9989 §4.7", "MUST")
@pytest.mark.parametrize(
    "text",
    ["v=DMARC1", "v=DMARC1;", "v=DMARC1; p=none", "V = DMARC1 ;p=none", "v=DMARC1;p=none;x=y;; ;=;z"],
)
def test_the_version_comes_first(text: str) -> None:
    assert parse(text.encode())


@pytest.mark.rfc("9989 §4.7", "MUST")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "p=none; v=DMARC1",
        "v=dmarc1; p=none",
        "v=DMARC12; p=none",
        "v=DMARC1 p=none",
        " v=DMARC1; p=none",
        "v=spf1 -all",
        "v=DMARC2; p=none",
        '"v=DMARC1; p=none"',
        "v=DMARC1;" + "x" * MAX_RECORD_OCTETS,
    ],
)
def test_other_texts_are_no_records(text: str) -> None:
    assert parse(text.encode()) is None


def test_a_whole_record() -> None:
    text = (
        "v=DMARC1; p=Reject; sp = quarantine; np=none; psd=n; t=y; adkim=s; aspf=S; fo=1:d:s;"
        "rua=mailto:a@example.org!10m, mailto:b@example.net?subject=x ,https://example.org/r!1g;"
        " ruf=mailto:c%2Bd@example.org"
    )
    assert record(text) == Record(
        text=text,
        policy=Policy.REJECT,
        subdomain_policy=Policy.QUARANTINE,
        nonexistent_policy=Policy.NONE,
        psd="n",
        testing=True,
        strict_dkim=True,
        strict_spf=True,
        failure_options="1ds",
        aggregate_targets=(
            Target("mailto:a@example.org", "a@example.org", 10 * 1024**2),
            Target("mailto:b@example.net?subject=x", "b@example.net"),
            Target("https://example.org/r", "", 1024**3),
        ),
        failure_targets=(Target("mailto:c%2Bd@example.org", "c+d@example.org"),),
    )


@pytest.mark.rfc("9989 §4.8", "MUST")
def test_what_is_wrong_has_its_default() -> None:
    found = record(
        "v=DMARC1; p=none; psd=x; t=yes; adkim=; aspf=relaxed; fo=0:1; pct=200; rua=,x,mailto:a; y"
    )
    assert found == Record(text=found.text, policy=Policy.NONE, percent=200)


@pytest.mark.parametrize("options", ["0:1", "d:d", "x", "", "1,d"])
def test_wrong_options_of_failure_reports(options: str) -> None:
    assert record(f"v=DMARC1; p=none; fo={options}").failure_options == "0"


@pytest.mark.rfc("9989 §4.10.1", "MUST")
@pytest.mark.parametrize("tags", ["", "p=foo", "p=reject; sp=foo", "p=reject; np=", "p=reject; p=none", "p="])
def test_without_a_valid_policy_it_is_none_if_reports_are_asked_for(tags: str) -> None:
    with_reports = record(f"v=DMARC1; {tags}; rua=mailto:a@example.org")
    assert (with_reports.problem, with_reports.policy) == ("", Policy.NONE)
    assert with_reports.subdomain_policy is with_reports.nonexistent_policy is None
    assert "in the policy record" in record(f"v=DMARC1; {tags}; rua=x").problem
    assert "in the policy record" in record(f"v=DMARC1; {tags}").problem


@pytest.mark.rfc("9989 §A.6", "SHOULD")
@pytest.mark.parametrize(
    ("tags", "testing"),
    [
        ("pct=0", True),
        ("t=y", True),
        ("t=y; pct=0", True),
        ("t=n; pct=0", False),
        ("t=n", False),
        ("pct=1", False),
        ("pct=100", False),
        ("pct=00", True),
        ("pct=-0", False),
        ("t=y; pct=100", True),
    ],
)
def test_pct_0_means_under_test(tags: str, testing: bool) -> None:
    assert record(f"v=DMARC1; p=reject; {tags}").testing is testing


def test_targets_have_a_limit() -> None:
    targets = ",".join(f"mailto:a{n}@example.org" for n in range(2 * MAX_TARGETS))
    assert len(record(f"v=DMARC1; p=none; rua={targets}").aggregate_targets) == MAX_TARGETS


@pytest.mark.parametrize(
    "uri",
    [
        "mailto:",
        "mailto:a@b@c",
        "mailto:a b@example.org",
        "example.org",
        "mailto:%ff@example.org",
        "mailto:a@x!y",
    ],
)
def test_wrong_targets_are_left_out(uri: str) -> None:
    assert record(f"v=DMARC1; p=none; rua={uri}").aggregate_targets == ()


TAGS = st.sampled_from(["p", "sp", "np", "t", "psd", "rua", "ruf", "fo", "adkim", "pct", "x", ""])
VALUES = st.sampled_from(["none", "reject", "y", "s", "0", "mailto:a@b!1k", "mailto:", "!"]) | st.text(
    max_size=20
)


@given(st.lists(st.tuples(TAGS, VALUES)))
def test_any_tags_are_read(tags: list[tuple[str, str]]) -> None:
    assert parse(("v=DMARC1;" + ";".join(f"{name}={value}" for name, value in tags)).encode())


@given(st.binary())
def test_no_octets_are_an_error(octets: bytes) -> None:
    parse(b"v=DMARC1;" + octets)
    parse(octets)
