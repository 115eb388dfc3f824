"""What a domain says to those that fail."""

import pytest

from pillarbox.dns import Kind, Mx, NoData
from pillarbox.trust.results import Result
from pillarbox.trust.spf.explanation import MAX_EXPLANATION_OCTETS, MAX_TEMPLATE_OCTETS
from tests.kit.asking import Zone
from tests.kit.spf import SERVFAIL, Checking

_RECORD = "v=spf1 ip4:192.0.2.7 -all exp=why.%{d}"


def _explanation(template: str, sender: str = "joe@example.org", helo: str = "mail.example.org") -> str:
    found = Checking({"example.org": _RECORD, "why.example.org": template}).mail_from(sender, helo=helo)
    assert found.result is Result.FAIL
    return found.explanation


@pytest.mark.rfc("7208 §6.2", "MUST")
def test_it_is_expanded() -> None:
    assert _explanation("See http://%{d}/why?s=%{S}&i=%{I}; %{c} at %{t} to %{r}, not %{p}.") == (
        "See http://example.org/why?s=joe%40example.org&i=192.0.2.1; 192.0.2.1 at 1700000000 "
        "to mx.example.net, not unknown."
    )


@pytest.mark.rfc("7208 §6.2", "MUST")
@pytest.mark.parametrize(
    "template",
    ["%{x}", "50 % of it", "gr\xfc\xdfe", "a\r\n550 b", "a\0", "", "x" * (MAX_TEMPLATE_OCTETS + 1)],
)
def test_a_text_with_any_mistake_is_none(template: str) -> None:
    assert _explanation(template) == ""


@pytest.mark.rfc("7208 §6.2", "MUST")
@pytest.mark.parametrize("sender", ["j\xf6@example.org", "j\r\n550@example.org", "\udc80@example.org"])
def test_what_a_sender_is_called_makes_no_text_that_is_not_ascii(sender: str) -> None:
    assert _explanation("%{l} may not", sender) == ""
    assert _explanation("%{L} may not", sender).isascii()


def test_it_is_cut_to_what_a_reply_can_hold() -> None:
    assert _explanation("x" * MAX_TEMPLATE_OCTETS) == "x" * MAX_EXPLANATION_OCTETS
    long = _explanation("%{s}" * (MAX_TEMPLATE_OCTETS // 4), f"{'j' * 250}@example.org")
    assert len(long) == MAX_EXPLANATION_OCTETS


@pytest.mark.rfc("7208 §6.2", "MUST")
@pytest.mark.parametrize("found", [SERVFAIL, NoData(300), ["one", "two"]])
def test_without_one_text_there_is_none(found: object) -> None:
    checked = Checking({"example.org": _RECORD, "why.example.org": found}).mail_from()  # type: ignore[dict-item]

    assert (checked.result, checked.explanation) == (Result.FAIL, "")


@pytest.mark.rfc("7208 §6.2", "MUST")
@pytest.mark.parametrize("record", ["v=spf1 ~all exp=why.example.org", "v=spf1 +all exp=why.example.org"])
def test_it_is_asked_for_on_fail_only(record: str) -> None:
    checking = Checking({"example.org": record, "why.example.org": "because"})

    assert checking.mail_from().explanation == ""
    assert len(checking.asked) == 1


@pytest.mark.rfc("7208 §6.2", "MUST NOT")
def test_it_is_the_one_of_the_record_that_decided() -> None:
    texts = {
        "example.org": "v=spf1 include:b.example -all exp=own.example",
        "a.example": "v=spf1 redirect=b.example exp=own.example",
        "b.example": "v=spf1 -all exp=other.example",
        "own.example": "own",
        "other.example": "other, of %{d} for %{o}",
    }

    assert Checking(texts).mail_from().explanation == "own"
    assert Checking(texts).mail_from("joe@a.example").explanation == "other, of b.example for a.example"


def test_it_counts_in_no_limit() -> None:
    terms = " ".join(["mx"] * 10)
    others: Zone = {
        ("example.org", Kind.MX): [Mx(10, "mx.example.org")],
        ("mx.example.org", Kind.A): ["203.0.113.1"],
    }
    record = f"v=spf1 {terms} -all exp=%{{p}}.why.example"
    checking = Checking({"example.org": record, "unknown.why.example": "because"}, others)

    found = checking.mail_from()

    assert (found.result, found.explanation, found.lookups) == (Result.FAIL, "because", 10)


def test_a_name_that_cannot_be_asked_for_has_none() -> None:
    found = Checking({"example.org": "v=spf1 -all exp=%{l}.example"}).mail_from("j\xf6@example.org")

    assert (found.result, found.explanation) == (Result.FAIL, "")
