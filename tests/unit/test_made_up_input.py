"""Tests of made-up input pass or fail by what they find, however slow the machine is."""

from hypothesis import HealthCheck, settings


def test_no_example_is_timed() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
