"""No input may hold anybody else: each attack, with bounds wide enough for a machine that does other work.

`python -m tests.blocking` measures the same with the bounds that are meant.
"""

import pytest

from tests.blocking.case import Case
from tests.blocking.cases import every_case
from tests.blocking.measure import measure

WIDE_MS = 3000.0
"""Most of the attacks took minutes before there was a limit."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("case", every_case(), ids=lambda case: case.name)
def test_nobody_else_waits(case: Case) -> None:
    measured = measure(case)
    assert measured.longest_ms < WIDE_MS, measured.answer
    assert measured.longest_write_ms < WIDE_MS, measured.answer
    assert measured.memory_mib < case.memory_mib, measured.answer
    assert "Traceback" not in measured.log
