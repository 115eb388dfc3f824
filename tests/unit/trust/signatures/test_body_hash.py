"""The body in canonical form, hashed as it comes (RFC 6376 §3.4.3, §3.4.4)."""

import hashlib
import re
from base64 import b64encode
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.slices import SLICE_OCTETS
from pillarbox.trust.signatures.body_hash import BodyHash, BodyHashes, body_digest
from pillarbox.trust.signatures.signed_header import Canonicalization
from tests.kit.linear import assert_linear

SIMPLE, RELAXED = Canonicalization.SIMPLE, Canonicalization.RELAXED


def hashed(pieces: list[bytes], form: Canonicalization, limit: int | None = None) -> BodyHash:
    bodies = BodyHashes()
    bodies.add(RELAXED if form is SIMPLE else SIMPLE)
    wanted = bodies.add(form, limit)
    for piece in pieces:
        bodies.update(piece)
    bodies.finish()
    return wanted


def by_the_rules(body: bytes, form: Canonicalization) -> bytes:
    """§3.4.3 and §3.4.4, a line at a time."""
    lines = body.split(b"\r\n")
    if form is RELAXED:
        lines = [re.sub(rb"[ \t]+", b" ", line).removesuffix(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    text = b"".join(line + b"\r\n" for line in lines)
    return text or (b"\r\n" if form is SIMPLE else b"")


@pytest.mark.rfc("6376 §3.4.3", "MUST")
@pytest.mark.rfc("6376 §3.4.4", "MUST")
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (SIMPLE, "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="),
        (RELAXED, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ],
)
def test_no_body(form: Canonicalization, expected: str) -> None:
    assert b64encode(hashed([], form).digest()).decode() == expected
    assert b64encode(hashed([b"\r\n\r", b"\n"], form).digest()).decode() == expected


@pytest.mark.rfc("6376 §3.4.4", "MUST")
def test_lines_of_white_space_at_the_end_do_not_count() -> None:
    body = b"Hello!\r\n  \r\n\t\r\n\r\n"
    for at in range(len(body)):
        assert hashed([body[:at], body[at:]], RELAXED).digest() == hashlib.sha256(b"Hello!\r\n").digest()
    assert hashed([body], SIMPLE).digest() == hashlib.sha256(b"Hello!\r\n  \r\n\t\r\n").digest()


@pytest.mark.parametrize("form", Canonicalization)
def test_a_body_without_a_line_end_has_one(form: Canonicalization) -> None:
    assert hashed([b"x"], form).digest() == hashed([b"x\r\n"], form).digest()


def test_the_example() -> None:
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert hashed([body], RELAXED).digest() == hashlib.sha256(b" C\r\nD E\r\n").digest()
    assert hashed([body], SIMPLE).digest() == hashlib.sha256(b" C \r\nD \t E\r\n").digest()


pieces_of_bodies = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"\n", b"x", b"  ", b"\r\n\r\n", b"word", b"\xe9"]),
    max_size=30,
)


@pytest.mark.parametrize("form", Canonicalization)
@given(pieces=pieces_of_bodies, cuts=st.lists(st.integers(0, 60), max_size=6), limit=st.integers(0, 30))
@settings(max_examples=300)
def test_where_it_is_cut_makes_no_difference(
    form: Canonicalization, pieces: list[bytes], cuts: list[int], limit: int
) -> None:
    body = b"".join(pieces)
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    cut = [body[start:end] for start, end in pairwise(edges)]
    expected = by_the_rules(body, form)
    assert hashed(cut, form).digest() == hashlib.sha256(expected).digest()
    limited = hashed(cut, form, limit)
    assert limited.digest() == hashlib.sha256(expected[:limit]).digest()
    assert limited.octets == len(expected)
    assert limited.covers_all is (limit >= len(expected))
    assert limited.lacks is (limit > len(expected))


def test_one_form_is_made_for_all_that_need_it() -> None:
    bodies = BodyHashes()
    whole, again, part = bodies.add(RELAXED), bodies.add(RELAXED), bodies.add(RELAXED, 1)
    assert whole is again
    bodies.update(b"ab")
    bodies.finish()
    assert whole.digest() == hashlib.sha256(b"ab\r\n").digest()
    assert part.digest() == hashlib.sha256(b"a").digest()


def test_a_large_piece_is_hashed_in_slices() -> None:
    body = b"x \r\n" * (SLICE_OCTETS // 2) + b"\r\n" * SLICE_OCTETS
    assert body_digest(body) == hashlib.sha256(b"x\r\n" * (SLICE_OCTETS // 2)).digest()


@pytest.mark.parametrize(
    "line", [b" ", b"\t ", b"\r\n", b"x  \r\n", b"  x", b"\r", b"\n", b"\r\n \r\n", b"a \t"]
)
def test_it_takes_time_in_proportion(line: bytes) -> None:
    assert_linear(body_digest, lambda size: line * (size // len(line)), 2**22)


def test_lines_that_may_be_the_last_take_no_memory() -> None:
    bodies = BodyHashes()
    wanted = bodies.add(RELAXED)
    for _ in range(64):
        bodies.update(b"\r\n" * 1000)
    bodies.update(b"x")
    bodies.finish()
    assert wanted.digest() == hashlib.sha256(b"\r\n" * 64_000 + b"x\r\n").digest()
