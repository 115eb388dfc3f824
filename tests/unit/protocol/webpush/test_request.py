"""What a push service is sent beside a message, and what its answers mean."""

import pytest

from pillarbox.protocol.webpush import request
from pillarbox.protocol.webpush.request import MAX_WAIT_S, Meaning, Outcome, Urgency
from pillarbox.web import FetchFailed, Page
from pillarbox.web.target import UrlRefused

NOW_S = 1_445_412_480
"""Wed, 21 Oct 2015 07:28:00 GMT."""


@pytest.mark.rfc("8030 §5.2", "MUST")
def test_the_fields_of_a_request() -> None:
    assert request.fields(authorization="vapid t=a, k=b", ttl_s=0) == {
        "Authorization": "vapid t=a, k=b",
        "TTL": "0",
        "Urgency": "normal",
    }
    said = request.fields(authorization="x", ttl_s=2**31 - 1, urgency=Urgency.HIGH, topic="a-B_9" + "x" * 27)
    assert said == {"Authorization": "x", "TTL": "2147483647", "Urgency": "high", "Topic": "a-B_9" + "x" * 27}


@pytest.mark.rfc("8030 §5.4", "MUST")
@pytest.mark.parametrize("topic", ["x" * 33, "a b", "a+b", "a=", "\u00e9", "a\r\nX: y"])
def test_what_is_no_topic(topic: str) -> None:
    with pytest.raises(ValueError, match="a topic has"):
        request.fields(authorization="", ttl_s=0, topic=topic)


@pytest.mark.parametrize("ttl_s", [-1, 2**31])
def test_what_is_no_time_to_live(ttl_s: int) -> None:
    with pytest.raises(ValueError, match="worth something"):
        request.fields(authorization="", ttl_s=ttl_s)


def _failed(status: int, retry_after: str = "") -> FetchFailed:
    return FetchFailed(f"the server says {status}", "status", status, retry_after)


def test_a_message_that_was_taken() -> None:
    assert request.outcome(Page("", b""), now_s=NOW_S) == Outcome(Meaning.DELIVERED)


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        (Meaning.GONE, (404, 410)),
        (Meaning.TOO_LARGE, (413,)),
        (Meaning.SLOW_DOWN, (429,)),
        (Meaning.REFUSED, (301, 307, 308, 400, 401, 403, 405, 406, 415)),
        (Meaning.TRY_LATER, (408, 425, 500, 502, 503, 504, 599)),
    ],
)
def test_what_a_status_means(meaning: Meaning, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        outcome = request.outcome(_failed(status), now_s=NOW_S)
        assert outcome == Outcome(meaning, f"the server says {status}")


@pytest.mark.parametrize("kind", ["dns", "connect", "tls", "timeout", "too-large", "other"])
def test_who_does_not_answer_is_tried_later(kind: str) -> None:
    failure = FetchFailed("why", kind)  # type: ignore[arg-type]
    assert request.outcome(failure, now_s=NOW_S) == Outcome(Meaning.TRY_LATER, "why")


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0", 0),
        ("9" * 64, MAX_WAIT_S),
        ("Wed, 21 Oct 2015 07:30:00 GMT", 120),
        ("Wednesday, 21-Oct-15 07:30:00 GMT", 120),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT_S),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("\u0661", None),
    ],
)
def test_how_long_a_push_service_wants_to_be_left_alone(text: str, wait_s: int | None) -> None:
    for status in (429, 503):
        assert request.outcome(_failed(status, text), now_s=NOW_S).wait_s == wait_s


def test_where_a_subscription_leads() -> None:
    found = request.endpoint("https://Push.example:8443/a/b?c=d")
    assert (found.host, found.port, found.path, found.origin) == (
        "push.example", 8443, "/a/b?c=d", "https://push.example:8443",
    )  # fmt: skip
    request.endpoint("https://push.example/" + "x" * (2048 - 21))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://push.example/a",
        "wss://push.example/a",
        "https://push.example/a#b",
        "https://push.example/a#",
        "https://user@push.example/a",
        "https://user:word@push.example/a",
        "https://@push.example/a",
        "https://push.example:0/a",
        "https://push.example:65536/a",
        "https://127.0.0.1/a",
        "https://[::1]/a",
        "https://2130706433/a",
        "https://push.example/\r\nX: y",
        "https://push.example/ a",
        "https://push.example/" + "x" * 2048,
    ],
)
def test_a_url_that_no_subscription_has(url: str) -> None:
    with pytest.raises(UrlRefused):
        request.endpoint(url)
