"""The test suite of RFC 7208, whole."""

import pytest

from pillarbox.trust.spf import check_mail_from
from tests.kit.asking import Answers
from tests.kit.spf_suite import SUITE, Case, cases

pytestmark = pytest.mark.skipif(not SUITE.is_file(), reason=f"no test suite of SPF at {SUITE}")


@pytest.mark.rfc("7208 §4", "MUST")
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_result_of_the_suite(case: Case) -> None:
    found = Answers(case.zone).to(
        check_mail_from(case.ip, case.mail_from, case.helo, receiver="mx.example.net", now=1_396_000_000)
    )

    # Where it allows several, ours is the one it prefers
    assert found.result == case.results[0], found.reason
    if case.explanation is not None:
        assert found.explanation == case.explanation


def test_the_suite_has_all_its_cases() -> None:
    assert len(cases()) == 203
