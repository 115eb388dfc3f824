"""What three answers tell of a name server."""

from typing import Any

import pytest

from pillarbox.dns import Answer, Failure, NoData, NxDomain, Outcome
from pillarbox.world.resolver.validation import Validation, judged

SIGNED, PLAIN = Answer(("192.0.2.1",), 60, True), Answer(("192.0.2.1",), 60)
REFUSED = Failure("server says SERVFAIL")


@pytest.mark.parametrize(
    ("outcomes", "validation"),
    [
        ((SIGNED, PLAIN, REFUSED), Validation.VALIDATES),
        # says it of everything
        ((SIGNED, SIGNED, SIGNED), Validation.DECEPTIVE),
        ((SIGNED, PLAIN, SIGNED), Validation.DECEPTIVE),
        ((SIGNED, SIGNED, REFUSED), Validation.DECEPTIVE),
        # passes on what another says
        ((SIGNED, PLAIN, PLAIN), Validation.NOT_VALIDATING),
        ((PLAIN, PLAIN, PLAIN), Validation.NOT_VALIDATING),
        # strips the bit
        ((PLAIN, PLAIN, REFUSED), Validation.NOT_VALIDATING),
        ((REFUSED, REFUSED, REFUSED), Validation.UNKNOWN),
        ((SIGNED, REFUSED, REFUSED), Validation.UNKNOWN),
        ((NxDomain(9), NxDomain(9), NxDomain(9)), Validation.UNKNOWN),
        ((NoData(9), PLAIN, REFUSED), Validation.UNKNOWN),
    ],
)
@pytest.mark.rfc("7672 §2.1.3", "MUST")
def test_what_three_answers_tell(outcomes: tuple[Outcome[Any], ...], validation: Validation) -> None:
    assert judged(*outcomes) is validation
