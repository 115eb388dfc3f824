from datetime import UTC, datetime

import pytest

from pillarbox.mail import date


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.rfc("5322 §3.3", "MUST")
@pytest.mark.parametrize(
    ("at_ms", "value"),
    [
        (ms(1997, 11, 21, 15, 55, 6), b"Fri, 21 Nov 1997 09:55:06 -0600"),
        (ms(1969, 2, 13, 23, 32, 54), b"Thu, 13 Feb 1969 23:32:54 -0000"),
        (ms(2007, 2, 14, 23, 2, 3), b"Thu, 15 Feb 2007 01:02:03 +0200 (EET (nested))"),
        (ms(2007, 2, 15, 1, 2), b"15 Feb 2007 01:02 +0000"),
        (ms(1969, 2, 14, 3, 2), b"Thu,\t13\tFeb\r\n 1969\t23:32\t-0330 (Newfoundland Time)"),
        (ms(2007, 2, 15, 1, 3, 0), b"Thu, 15 Feb 2007 01:02:60 +0000"),
    ],
)
def test_dates_of_today(at_ms: int, value: bytes) -> None:
    assert at_ms == date.parse(value)


@pytest.mark.rfc("822 §5.1", "MUST")
@pytest.mark.rfc("5322 §4.3", "MUST")
@pytest.mark.parametrize(
    ("at_ms", "value"),
    [
        (ms(1997, 11, 21, 15, 55, 6), b"21 Nov 97 09:55:06 CST"),
        (
            ms(1997, 11, 21, 9, 55, 6),
            b"Fri, 21 Nov 97 09(comment):   55  :  06 -0600".replace(
                b"(comment):   55  :  ", b":55:"
            ).replace(b"-0600", b"GMT"),
        ),
        (ms(2049, 1, 1), b"1 Jan 49 00:00:00 UT"),
        (ms(1950, 1, 1), b"1 Jan 50 00:00:00 Z"),
        (ms(2007, 1, 1), b"1 Jan 107 00:00:00 A"),
        (ms(2007, 1, 1, 4), b"1 Jan 2007 00:00:00 EDT"),
        (ms(2007, 1, 1, 8), b"1 Jan 2007 00:00:00 PST"),
        (ms(2007, 1, 1), b"1 Jan 2007 00:00:00 XYZ"),
    ],
)
def test_dates_of_old(at_ms: int, value: bytes) -> None:
    assert at_ms == date.parse(value)


@pytest.mark.parametrize(
    ("at_ms", "value"),
    [
        (ms(2007, 2, 15, 1, 2, 3), b"Thu Feb 15 01:02:03 2007"),
        (ms(2007, 2, 15, 6, 2, 3), b"Thu Feb 15 01:02:03 EST 2007"),
        (ms(2007, 2, 15, 0, 2, 3), b"Thu Feb 15 01:02:03 2007 +0100"),
        (ms(2007, 2, 15, 1, 2, 3), b"Feb 15, 2007 01:02:03"),
        (ms(2007, 2, 15, 1, 2, 3), b"2007-02-15T01:02:03Z"),
        (ms(2007, 2, 14, 23, 2, 3), b"2007-02-15 01:02:03.123+02:00"),
        (ms(2007, 2, 15, 1, 2, 3), b"Thursday, 15-February-2007 01:02:03 UTC"),
        (ms(2007, 2, 15, 1, 2, 3), b"Thu,15 Feb 2007 01.02.03 GMT"),
    ],
)
def test_dates_in_other_orders(at_ms: int, value: bytes) -> None:
    assert at_ms == date.parse(value)


@pytest.mark.rfc("5256 §2.2", "SHOULD")
@pytest.mark.parametrize(
    ("at_ms", "value"),
    [
        (ms(2007, 2, 15), b"15 Feb 2007 25:00:00 +0100".replace(b" +0100", b"")),
        (ms(2007, 2, 15), b"15 Feb 2007"),
        (ms(2007, 2, 15, 1, 2, 3), b"15 Feb 2007 01:02:03 +0299"),
        (ms(2007, 2, 15, 1, 2, 3), b"15 Feb 2007 01:02:03 +2"),
    ],
)
def test_wrong_time_is_midnight_and_wrong_zone_is_utc(at_ms: int, value: bytes) -> None:
    assert at_ms == date.parse(value)


@pytest.mark.parametrize(
    "value", [b"", b"now", b"30 Feb 2007 00:00:00", b"0 Jan 2007", b"1 Foo 2007", b"1 Jan 0000"]
)
def test_no_date(value: bytes) -> None:
    assert date.parse(value) is None


@pytest.mark.rfc("9051 §6.4.4", "MUST")
def test_the_day_as_written() -> None:
    sent = date.parse_sent(b"Fri, 1 Jan 2010 00:30:00 +0200")
    assert sent is not None
    assert sent.day == ms(2010, 1, 1) // 86_400_000
    assert sent.at_ms == ms(2009, 12, 31, 22, 30)


@pytest.mark.rfc("9051 §9", "MUST")
@pytest.mark.parametrize(
    ("wire", "at_ms"),
    [
        (b'" 1-Feb-2007 03:04:05 +0000"', ms(2007, 2, 1, 3, 4, 5)),
        (b'"17-Jul-1996 09:44:25 +0000"', ms(1996, 7, 17, 9, 44, 25) + 999),
        (b'"31-Dec-1969 23:59:59 +0000"', -1),
    ],
)
def test_internal_date(wire: bytes, at_ms: int) -> None:
    assert wire == date.imap_date_time(at_ms)


def test_years_that_four_digits_cannot_say() -> None:
    assert len(date.imap_date_time(10**15)) == 28
    assert len(date.imap_date_time(-(10**15))) == 28


def test_written_and_read_again() -> None:
    at_ms = ms(2024, 2, 29, 13, 14, 15)
    assert date.rfc5322(at_ms) == "Thu, 29 Feb 2024 13:14:15 +0000"
    assert date.parse(date.rfc5322(at_ms).encode()) == at_ms
    for zone, written in (
        (60, "Thu, 29 Feb 2024 14:14:15 +0100"),
        (-13 * 60 - 15, "Wed, 28 Feb 2024 23:59:15 -1315"),
        (-30, "Thu, 29 Feb 2024 12:44:15 -0030"),
    ):
        assert date.rfc5322(at_ms, zone) == written
        assert date.parse(written.encode()) == at_ms


def test_time_is_linear() -> None:
    assert date.parse(b"(" * 100_000 + b"1 Jan 2007") is None


def test_many_internal_dates_are_rendered_as_each_by_itself() -> None:
    moments = [0, 1, 86_399, 86_400, 1_171_501_323, 4_102_444_799, -1, *range(10_000, 30_000)]
    for _ in range(2):
        assert list(date.imap_date_times(moments)) == [date.imap_date_time(at * 1000) for at in moments]


@pytest.mark.rfc("3339 §5.6", "MUST")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"Thu, 15 Feb 2007 01:02:03 +0200", "2007-02-15T01:02:03+02:00", id="zone"),
        pytest.param(
            b"Thu, 13 Feb 1969 23:32 -0330 (Newfoundland)", "1969-02-13T23:32:00-03:30", id="half an hour"
        ),
        pytest.param(b"Thu, 15 Feb 2007 01:02:03 +0000", "2007-02-15T01:02:03Z", id="UTC"),
        pytest.param(b"15 Feb 2007 01:02:03 EST", "2007-02-15T01:02:03-05:00", id="named zone"),
        pytest.param(b"15 Feb 2007 23:59:60 +0000", "2007-02-16T00:00:00Z", id="leap second"),
        pytest.param(b"15 Feb 2007 01:02:03 +9900", "2007-02-10T22:02:03Z", id="no zone has days"),
        pytest.param(b"1 Jan 0001 00:00:00 +0100", "0001-01-01T00:00:00+01:00", id="first year"),
        pytest.param(b"31 Dec 9999 23:59:60 -0100", "9999-12-31T00:00:00-01:00", id="last year"),
    ],
)
def test_a_date_is_written_in_its_own_zone(value: bytes, text: str) -> None:
    sent = date.parse_sent(value)

    assert sent is not None
    assert date.rfc3339(sent.at_ms, sent.zone_minutes) == text


def test_a_time_is_rounded_down_to_seconds() -> None:
    assert date.rfc3339(1_700_000_000_999) == "2023-11-14T22:13:20Z"
