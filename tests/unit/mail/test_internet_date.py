"""Dates of RFC 3339."""

import pytest

from pillarbox.mail.internet_date import parse, written


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14t22:13:20z", 1_700_000_000_000),
        ("2023-11-14T23:13:20.25+01:00", 1_700_000_000_250),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2023-11-14T22:13:20", None),
        ("2023-11-14 22:13:20Z", None),
        ("2023-11-14", None),
        ("2023-13-14T22:13:20Z", None),
        ("2023-11-14T22:13Z", None),
        ("", None),
        ("x" * 1000, None),
        ("٢٠٢٣-11-14T22:13:20Z", None),
    ],
)
@pytest.mark.rfc("3339 §5.6", "MUST")
def test_a_date_is_read(text: str, at_ms: int | None) -> None:
    assert parse(text) == at_ms


def test_a_date_is_written() -> None:
    assert written(1_700_000_000_999) == "2023-11-14T22:13:20Z"
