"""The scalar types of RFC 8620 §1."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.scalars import (
    DATE,
    UTC_DATE,
    UTC_DATE_OR_NULL,
    Id,
    Int,
    Reference,
    Text,
    UnsignedInt,
    fits,
    milliseconds,
    set_of,
    utc_date,
)


@pytest.mark.rfc("8620 §1.2", "MUST")
@pytest.mark.parametrize(
    "value", ["a", "A-_9", "x" * 255, "", "x" * 256, "a b", "a\n", "ä", "a=", "#a", "##a", 1, None]
)
def test_ids(value: Any) -> None:
    valid = value in ("a", "A-_9", "x" * 255)
    assert fits(value, Id) is valid
    assert fits(value, Reference) is (valid or value == "#a")


@pytest.mark.rfc("8620 §1.3", "MUST")
@pytest.mark.parametrize("value", [0, 2**53 - 1, 2**53, 1 - 2**53, -(2**53), True, 1.5, "1", None])
def test_integers(value: Any) -> None:
    assert fits(value, UnsignedInt) is (type(value) is int and value in (0, 2**53 - 1))
    assert fits(value, Int) is (type(value) is int and value in (0, 2**53 - 1, 1 - 2**53))


@pytest.mark.rfc("8620 §1.4", "MUST")
@pytest.mark.parametrize(
    ("text", "date", "utc"),
    [
        ("2014-10-30T14:12:00+08:00", True, False),
        ("2014-10-30T06:12:00Z", True, True),
        ("2014-10-30T06:12:00.5Z", True, True),
        ("2016-12-31T23:59:60Z", True, True),
        ("2014-10-30T06:12:00.0Z", False, False),
        ("2014-10-30t06:12:00Z", False, False),
        ("2014-10-30T06:12:00z", False, False),
        ("2014-10-30 06:12:00Z", False, False),
        ("2014-02-30T06:12:00Z", False, False),
        ("2014-10-30T24:12:00Z", False, False),
        ("2014-10-30T06:12Z", False, False),
        ("2014-10-30", False, False),
        ("2014-10-30T06:12:00", False, False),
        ("2014-10-30T06:12:00Z\n", False, False),
        ("2014-10-30T06:12:00+25:00", False, False),
    ],
)
def test_dates(text: str, date: bool, utc: bool) -> None:
    assert fits(text, DATE) is date
    assert fits(text, UTC_DATE) is utc
    assert fits(text, UTC_DATE_OR_NULL) is utc
    assert fits(None, UTC_DATE_OR_NULL)


def test_moments() -> None:
    assert milliseconds("1970-01-01T00:00:00Z") == 0
    assert milliseconds("1969-12-31T23:59:59.5Z") == -500
    assert milliseconds("2014-10-30T14:12:00+08:00") == milliseconds("2014-10-30T06:12:00Z")
    assert milliseconds("2016-12-31T23:59:60Z") == milliseconds("2016-12-31T23:59:59Z")
    assert milliseconds("0001-01-01T00:00:00+23:59") is not None
    assert utc_date(1_414_649_520_999) == "2014-10-30T06:12:00Z"
    assert utc_date(-(10**18)) == "0001-01-01T00:00:00Z"
    assert utc_date(10**18) == "9999-12-31T23:59:59Z"


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_moments_read_back(seconds: int) -> None:
    text = utc_date(seconds * 1000)
    assert fits(text, UTC_DATE)
    assert milliseconds(text) == seconds * 1000


def test_texts_and_sets() -> None:
    assert fits("ä\n", Text)
    assert not fits("a\0", Text)
    assert fits({"a": True}, set_of(Id))
    assert fits({}, set_of(Id))
    for value in ({"a": False}, {"a": None}, {"a": "true"}, {"a": 1}, {"a b": True}, ["a"]):
        assert not fits(value, set_of(Id))
