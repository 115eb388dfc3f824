"""Organizational domains by the public suffix list, against the list's own cases."""

import pytest

from pillarbox.mail.address import domain_key
from pillarbox.trust import public_suffixes
from pillarbox.trust.public_suffixes import organizational_domain
from tests.kit.paths import VECTORS

CASES_FILE = VECTORS / "psl" / "tests.txt"
CASES = [
    line.split()
    for line in (CASES_FILE.read_text("utf-8").splitlines() if CASES_FILE.is_file() else ())
    if line and not line.startswith("//")
]


@pytest.mark.skipif(not CASES, reason=f"no cases at {CASES_FILE}")
def test_there_are_cases() -> None:
    assert len(CASES) >= 77


@pytest.mark.parametrize(("domain", "expected"), CASES)
def test_cases_of_the_list(domain: str, expected: str) -> None:
    found = organizational_domain("" if domain == "null" else domain)
    assert found == (None if expected == "null" else domain_key(expected))


@pytest.mark.parametrize("domain", ["", ".", "..", "a..b", "[192.0.2.1]", "a b", "x" * 300, "\ud800"])
def test_what_is_no_domain_has_none(domain: str) -> None:
    assert organizational_domain(domain) is None


def test_the_list_is_not_read_before_it_is_asked() -> None:
    assert not hasattr(public_suffixes, "PublicSuffixList")
