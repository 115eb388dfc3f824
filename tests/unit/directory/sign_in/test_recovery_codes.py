"""Recovery codes: easy to type, hard to guess, good once."""

from collections.abc import Iterator

import pytest

from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import app_passwords, recovery_codes
from pillarbox.directory.sign_in.recovery_codes import RANDOM_OCTETS, digest_of, format_code
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person

KEY = b"S" * 32
ANNA, BERT = AccountId(1), AccountId(2)


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as tx:
        person(tx, "anna@one.example")
        person(tx, "bert@one.example")
        yield tx


def test_a_code_is_three_groups_without_what_looks_alike() -> None:
    codes = [format_code(bytes([number]) * RANDOM_OCTETS) for number in range(256)]
    for code in codes:
        assert [len(group) for group in code.split("-")] == [5, 5, 5]
        assert not set(code) & set("lo01")
        assert code == code.lower()
    assert len({*codes}) == 256


def test_it_has_75_bits_of_chance() -> None:
    """Each of the 75 lowest bits makes another code."""
    codes = {format_code((1 << bit).to_bytes(RANDOM_OCTETS)) for bit in range(75)}
    assert len(codes) == 75
    assert format_code(bytes(RANDOM_OCTETS)) not in codes


def test_it_may_be_typed_in_many_ways() -> None:
    code = format_code(bytes.fromhex("00112233445566778899"))
    right = digest_of(code, KEY)
    assert right is not None
    for typed in (code.upper(), code.replace("-", ""), code.replace("-", " "), f" {code} "):
        assert digest_of(typed, KEY) == right
    other = format_code(bytes(RANDOM_OCTETS)[:-1] + b"\x08")  # with an i
    assert "i" in other
    assert digest_of(other.replace("i", "1"), KEY) == digest_of(other.replace("i", "L"), KEY)
    assert digest_of(other, KEY) == digest_of(other.replace("i", "l"), KEY) != right
    assert digest_of(code, b"T" * 32) != right


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "123456",
        "abcde-fghij",
        "abcde-fghij-kmnpqr",
        "abcde-fghij-kmnp0",
        "abcde-fghij-kmnp\u00e9",
        "a" * 65,
        "-" * 15,
    ],
)
def test_what_is_no_code(typed: str) -> None:
    assert digest_of(typed, KEY) is None


def test_an_app_password_is_none() -> None:
    password = app_passwords.format_app_password(bytes(range(13)))
    assert digest_of(password, KEY) is None
    assert app_passwords.digest_of(format_code(bytes(RANDOM_OCTETS)), KEY) is None


def test_a_code_is_good_once(tx: Transaction) -> None:
    recovery_codes.replace(tx, ANNA, [bytes([n]) * 32 for n in range(3)], now_ms=NOW_MS)
    assert recovery_codes.left(tx, ANNA) == 3
    assert recovery_codes.exists(tx, ANNA, bytes(32))
    assert not recovery_codes.use(tx, BERT, bytes(32)), "of another account"
    assert recovery_codes.use(tx, ANNA, bytes(32))
    assert not recovery_codes.exists(tx, ANNA, bytes(32))
    assert not recovery_codes.use(tx, ANNA, bytes(32))
    assert recovery_codes.left(tx, ANNA) == 2


def test_new_ones_end_those_before(tx: Transaction) -> None:
    recovery_codes.replace(tx, ANNA, [bytes([n]) * 32 for n in range(3)], now_ms=NOW_MS)
    recovery_codes.replace(tx, BERT, [bytes(32)], now_ms=NOW_MS)
    recovery_codes.replace(tx, ANNA, [b"x" * 32], now_ms=NOW_MS)
    assert not recovery_codes.use(tx, ANNA, bytes(32))
    assert recovery_codes.use(tx, ANNA, b"x" * 32)
    assert recovery_codes.left(tx, BERT) == 1
