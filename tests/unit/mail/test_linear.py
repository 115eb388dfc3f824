"""Every expression and parser of text costs no more than its input deserves, whatever the input."""

import pytest

from tests.kit.linear import assert_linear


def test_what_is_quadratic_is_noticed() -> None:
    with pytest.raises(AssertionError, match="cost"):
        assert_linear(lambda text: [text.count(each) for each in text], "x".__mul__, 8_000, within_s=60)
    with pytest.raises(AssertionError, match="bound"):
        assert_linear(lambda text: [text.count(each) for each in text], "x".__mul__, 8_000, within_s=0.001)
