"""Keys that clients give for their subscriptions."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.webpush import base64url
from pillarbox.protocol.webpush.client_keys import ClientKeys, client_keys
from pillarbox.protocol.webpush.p256 import KeyRefused
from tests.kit.webpush import octets_of

P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
KEYS = ClientKeys(octets_of(P256DH), octets_of(AUTH))


def test_keys_come_with_padding_or_without() -> None:
    assert client_keys(P256DH, AUTH) == KEYS
    assert client_keys(P256DH + "=", AUTH + "==") == KEYS


@pytest.mark.parametrize(
    ("p256dh", "auth", "said"),
    [
        ("", AUTH, "p256dh is not an uncompressed point of 65 octets"),
        ("AA", AUTH, "p256dh is not an uncompressed point of 65 octets"),  # infinity
        (
            base64url.encoded(b"\2" + KEYS.p256dh[1:33]),
            AUTH,
            "p256dh is not an uncompressed point of 65 octets",
        ),
        (base64url.encoded(KEYS.p256dh[:-1]), AUTH, "p256dh is not an uncompressed point of 65 octets"),
        (base64url.encoded(KEYS.p256dh + b"\0"), AUTH, "p256dh is not an uncompressed point of 65 octets"),
        (base64url.encoded(KEYS.p256dh[:-1] + b"\0"), AUTH, "p256dh is not a point on the curve P-256"),
        (base64url.encoded(b"\4" + bytes(64)), AUTH, "p256dh is not a point on the curve P-256"),
        (base64url.encoded(b"\4" + b"\xff" * 64), AUTH, "p256dh is not a point on the curve P-256"),
        (P256DH.replace("-", "+"), AUTH, "p256dh is not base64url"),
        (P256DH[:-3] + "====", AUTH, "p256dh is not base64url"),
        (P256DH[:-2] + "\u0661w", AUTH, "p256dh is not base64url"),
        (P256DH + "\n", AUTH, "p256dh is not base64url"),
        (P256DH + "==", AUTH, "p256dh is too long"),
        (P256DH, "", "auth has not 16 octets"),
        (P256DH, AUTH[:-2], "auth has not 16 octets"),
        (P256DH, P256DH, "auth has not 16 octets"),
        (P256DH, "A", "auth is not base64url"),
        (P256DH, AUTH + "=", "auth is not base64url"),
        (P256DH, "=", "auth is not base64url"),
        (P256DH, "A" * 89, "auth is too long"),
    ],
)
def test_keys_that_are_none_are_refused_with_a_reason(p256dh: str, auth: str, said: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        client_keys(p256dh, auth)
    assert str(refused.value) == said


def test_nothing_of_keys_is_printed() -> None:
    assert repr(KEYS) == "ClientKeys()"


@given(st.binary())
def test_octets_are_the_same_after_base64url(octets: bytes) -> None:
    text = base64url.encoded(octets)
    assert "=" not in text
    assert base64url.decoded(text) == octets
    assert base64url.decoded(text + "=" * (-len(text) % 4)) == octets


@given(st.text(max_size=100), st.text(max_size=100))
def test_any_text_is_a_key_or_is_refused(p256dh: str, auth: str) -> None:
    with contextlib.suppress(KeyRefused):
        client_keys(p256dh, auth)
