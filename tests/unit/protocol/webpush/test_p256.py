"""Keys of P-256, and what is none."""

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.webpush import p256
from pillarbox.protocol.webpush.p256 import CHANCE_OCTETS, ORDER, KeyRefused

GENERATOR = p256.point_of(p256.private_key((1).to_bytes(32, "big")))
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1


@given(st.binary(min_size=CHANCE_OCTETS, max_size=CHANCE_OCTETS))
def test_any_chance_makes_a_key(chance: bytes) -> None:
    scalar = p256.scalar_of(chance)
    assert 0 < int.from_bytes(scalar, "big") < ORDER
    point = p256.point_of(p256.private_key(scalar))
    numbers = (
        ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()).public_key().public_numbers()
    )
    assert point == b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    assert p256.public_key(point).public_numbers() == numbers


@pytest.mark.parametrize(
    "chance", [bytes(CHANCE_OCTETS), b"\xff" * CHANCE_OCTETS, (ORDER - 1).to_bytes(40, "big")]
)
def test_chance_at_the_edges_makes_a_key(chance: bytes) -> None:
    p256.private_key(p256.scalar_of(chance))


@pytest.mark.parametrize(
    "scalar", [b"", bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\1" * 31, bytes(1) + b"\1" * 32]
)
def test_what_is_no_private_key(scalar: bytes) -> None:
    with pytest.raises(KeyRefused):
        p256.private_key(scalar)


def _with(x: int, y: int) -> bytes:
    return b"\4" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


X, Y = (int.from_bytes(half, "big") for half in (GENERATOR[1:33], GENERATOR[33:]))


@pytest.mark.parametrize(
    "point",
    [
        b"",
        b"\0",  # the point at infinity (SEC 1 §2.3.3)
        bytes(65),
        b"\4" + bytes(64),
        GENERATOR[:64],
        GENERATOR + b"\0",
        b"\2" + GENERATOR[1:33],  # compressed
        b"\6" + GENERATOR[1:],  # hybrid
        _with(X, Y ^ 1),
        _with(Y, X),
        _with(X, PRIME),
        _with(2**256 - 1, Y),
        _with(X, Y + PRIME) if Y + PRIME < 2**256 else _with(PRIME, PRIME),
    ],
)
def test_what_is_no_point_of_the_curve(point: bytes) -> None:
    with pytest.raises(KeyRefused):
        p256.public_key(point)


def test_both_roots_are_points() -> None:
    assert p256.public_key(_with(X, Y)).public_numbers().y == Y
    assert p256.public_key(_with(X, PRIME - Y)).public_numbers().y == PRIME - Y


@given(st.binary(max_size=70) | st.binary(min_size=64, max_size=64).map(b"\4".__add__))
def test_octets_are_a_key_or_are_refused(point: bytes) -> None:
    with contextlib.suppress(KeyRefused):
        p256.public_key(point)
