"""Push services know who sends, and one as strict as Apple's takes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.webpush import p256, subject, vapid
from pillarbox.protocol.webpush.p256 import KeyRefused
from pillarbox.protocol.webpush.subject import SubjectRefused
from pillarbox.protocol.webpush.vapid import LIFETIME_S, MAX_ORIGINS, MIN_LEFT_S, Sender
from pillarbox.web.target import UrlRefused
from tests.kit.webpush import claims, octets_of, refusal

SCALAR = b"\1" * 32
POINT = p256.point_of(p256.private_key(SCALAR))
SUBJECT = "mailto:postmaster@one.example"
NOW_S = 1_800_000_000
APPLE = "https://web.push.apple.com"


def _sender(subject: str = SUBJECT) -> Sender:
    return Sender(SCALAR, subject)


@pytest.mark.rfc("8292 §2", "MUST")
def test_a_token_says_who_sends_and_to_whom_and_for_how_long() -> None:
    said, key = claims(_sender().authorization(f"{APPLE}/QHsGW?a=b", now_s=NOW_S))
    assert said == {"aud": APPLE, "exp": NOW_S + 12 * 3600, "sub": SUBJECT}
    assert key == POINT == octets_of(_sender().application_server_key)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://web.push.apple.com:443/x", APPLE),
        ("https://WEB.push.Apple.com./x", APPLE),
        ("https://web.push.apple.com", APPLE),
        ("https://push.example:8443/x", "https://push.example:8443"),
    ],
)
def test_the_audience_is_the_origin_of_the_subscription(url: str, origin: str) -> None:
    assert claims(_sender().authorization(url, now_s=NOW_S))[0]["aud"] == origin


@pytest.mark.rfc("8292 §5", "SHOULD")
def test_a_token_is_used_again_for_its_push_service_until_it_is_nearly_over() -> None:
    sender = _sender()
    first = sender.authorization(f"{APPLE}/a", now_s=NOW_S)
    assert sender.authorization(f"{APPLE}/b", now_s=NOW_S + LIFETIME_S - MIN_LEFT_S) == first
    assert sender.authorization("https://push.example/a", now_s=NOW_S) != first
    later = NOW_S + LIFETIME_S - MIN_LEFT_S + 1
    assert claims(sender.authorization(f"{APPLE}/a", now_s=later))[0]["exp"] == later + LIFETIME_S


def test_a_clock_that_is_set_back_makes_no_token_that_lives_too_long() -> None:
    sender = _sender()
    sender.authorization(f"{APPLE}/a", now_s=NOW_S)
    field = sender.authorization(f"{APPLE}/a", now_s=NOW_S - 2 * 86_400)
    assert not refusal(field, origin=APPLE, key=POINT, now_s=NOW_S - 2 * 86_400)


def test_push_services_without_number_take_no_memory_without_end() -> None:
    sender = _sender()
    first = sender.authorization(f"{APPLE}/a", now_s=NOW_S)
    for number in range(MAX_ORIGINS - 1):
        sender.authorization(f"https://push{number}.example/", now_s=NOW_S)
    assert sender.authorization(f"{APPLE}/a", now_s=NOW_S + 1) == first
    sender.authorization("https://push.example/", now_s=NOW_S)
    assert len(sender._tokens) == MAX_ORIGINS
    assert sender.authorization(f"{APPLE}/a", now_s=NOW_S + 1) != first


def test_no_token_for_what_is_no_url() -> None:
    with pytest.raises(UrlRefused):
        _sender().authorization("http://push.example/", now_s=NOW_S)


def test_a_key_that_is_none_sends_nothing() -> None:
    with pytest.raises(KeyRefused):
        Sender(bytes(32), SUBJECT)


# --- the rules of Apple's push service


@given(now_s=st.integers(0, 2**33), after_s=st.integers(0, 2 * LIFETIME_S))
def test_a_strict_push_service_takes_whatever_we_send(now_s: int, after_s: int) -> None:
    sender = _sender()
    for at_s in (now_s, now_s + after_s):
        field = sender.authorization(f"{APPLE}/x", now_s=at_s)
        assert not refusal(field, origin=APPLE, key=POINT, now_s=at_s)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"origin": "https://push.example"}, "aud"),
        ({"origin": f"{APPLE}/"}, "aud"),
        ({"ends_s": NOW_S + 86_401}, "exp"),
        ({"ends_s": NOW_S}, "exp"),
        ({"subject": "mailto:x@localhost"}, "sub"),
        ({"subject": "x@one.example"}, "sub"),
        ({"subject": "mailto:<x@one.example>"}, "sub"),
        ({"subject": "mailto: x@one.example"}, "sub"),
    ],
)
def test_what_a_strict_push_service_refuses(changed: dict[str, object], said: str) -> None:
    """That the one in the kit is strict."""
    given = {"origin": APPLE, "ends_s": NOW_S + 3600, "subject": SUBJECT, **changed}
    token = vapid.signed(p256.private_key(SCALAR), **given)  # type: ignore[arg-type]
    field = f"vapid t={token}, k={_sender().application_server_key}"
    assert refusal(field, origin=APPLE, key=POINT, now_s=NOW_S) == f"BadJwtToken: {said}"


def test_the_key_and_the_signature_matter() -> None:
    field = _sender().authorization(APPLE, now_s=NOW_S)
    other = Sender(b"\2" * 32, SUBJECT)
    key = octets_of(other.application_server_key)
    assert refusal(field, origin=APPLE, key=key, now_s=NOW_S) == "VapidPkHashMismatch"
    forged = field.replace(_sender().application_server_key, other.application_server_key)
    assert refusal(forged, origin=APPLE, key=key, now_s=NOW_S) == "BadJwtToken: signature"


# --- subjects


@pytest.mark.parametrize(
    "text",
    [
        SUBJECT,
        "mailto:a.b+c@mail.one.example",
        "mailto:postmaster@xn--bcher-kva.example",
        "https://one.example",
        "https://one.example/contact?about=push",
    ],
)
def test_subjects_that_are_taken(text: str) -> None:
    subject.check(text)
    field = _sender(text).authorization(APPLE, now_s=NOW_S)
    assert not refusal(field, origin=APPLE, key=POINT, now_s=NOW_S)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is neither a mailto: nor an https: URL"),
        ("postmaster@one.example", "is neither a mailto: nor an https: URL"),
        ("http://one.example", "is neither a mailto: nor an https: URL"),
        ("tel:+15550100", "is neither a mailto: nor an https: URL"),
        ("MAILTO:x@one.example", "is neither a mailto: nor an https: URL"),
        ("mailto:", "has no address: "),
        ("mailto:one.example", "has no address: "),
        ("mailto:<x@one.example>", "has no address: "),
        ("mailto: x@one.example", "has blanks or letters that are not ASCII"),
        ("mailto:x@one.example\r\nX: y", "has blanks or letters that are not ASCII"),
        ("mailto:x@b\u00fccher.example", "has blanks or letters that are not ASCII"),
        ("mailto:x@localhost", "has a host that is known here only: localhost"),
        ("mailto:x@LocalHost", "has a host that is known here only: localhost"),
        ("mailto:x@mail.localhost", "has a host that is known here only: mail.localhost"),
        ("mailto:x@mail", "has a host that is known here only: mail"),
        ("mailto:x@mail.corp.internal", "has a host that is known here only: mail.corp.internal"),
        ("mailto:x@[192.0.2.1]", "has an address without a domain"),
        ("mailto:x@192.0.2.1", "has "),
        ("mailto:x@one.example?subject=push", "has no address: "),
        ("https://localhost/", "has a host that is known here only: localhost"),
        ("https://127.0.0.1/", "cannot be followed: the URL has no host name"),
        ("https://a:b@one.example/", "cannot be followed: the URL has a user name"),
        ("https:", "cannot be followed: the URL has no host name"),
        (f"mailto:{'x' * 60}@{'x.' * 100}example", "has more than 254 octets"),
    ],
)
def test_subjects_that_push_services_would_refuse(text: str, said: str) -> None:
    with pytest.raises(SubjectRefused) as refused:
        subject.check(text)
    assert str(refused.value).startswith(said)
