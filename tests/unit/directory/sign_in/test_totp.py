"""One-time codes: as the RFCs compute them, each good once, counted from their first code on."""

from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import recovery_codes, second_factors, totp
from pillarbox.directory.sign_in.totp import STEP_MS, Secret, code_of, matching_step, read_code
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person

OF_THE_RFCS = b"12345678901234567890"
SECRET = bytes(range(20))
ANNA = AccountId(1)


@pytest.fixture
def tx() -> Iterator[SqliteTransaction]:
    with open_transaction(SCHEMA) as tx:
        person(tx, "anna@one.example")
        yield tx


@pytest.mark.rfc("4226 §5.3", "MUST")
def test_codes_of_counters() -> None:
    """RFC 4226 appendix D."""
    codes = [
        "755224",
        "287082",
        "359152",
        "969429",
        "338314",
        "254676",
        "287922",
        "162583",
        "399871",
        "520489",
    ]
    assert [code_of(OF_THE_RFCS, counter) for counter in range(10)] == codes


@pytest.mark.rfc("6238 §4.2", "MUST")
@pytest.mark.parametrize(
    ("second", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_of_times(second: int, eight_digits: str) -> None:
    """RFC 6238 appendix B, where codes have eight digits: six are the last of them."""
    assert code_of(OF_THE_RFCS, totp.step_at(second * 1000)) == eight_digits[2:]


@pytest.mark.rfc("6238 §5.2", "RECOMMENDED")
def test_a_code_of_one_step_before_or_after_is_taken() -> None:
    now = totp.step_at(NOW_MS)
    for off in range(-12, 13):
        found = matching_step(SECRET, code_of(SECRET, now + off), NOW_MS)
        assert found == (now + off if abs(off) <= 1 else None)
    assert matching_step(SECRET, code_of(SECRET, now - 9), NOW_MS, tolerated=10) == now - 9
    assert matching_step(SECRET, code_of(SECRET, 0), 0) == 0  # a clock at its beginning


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("000000", "000000"),
        ("12345", None),
        ("1234567", None),
        ("", None),
        ("12345a", None),
        ("+12345", None),
        ("12 34.56", None),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", None),
        ("\uff11\uff12\uff13\uff14\uff15\uff16", None),
        ("12345\u00b2", None),
        ("123456\x00", None),
        ("123456" + " " * 26, "123456"),
        ("123456" + " " * 27, None),
    ],
)
def test_what_somebody_types(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


def test_a_secret_counts_from_its_first_code_on(tx: SqliteTransaction) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    assert totp.begun(tx, ANNA, now_ms=NOW_MS) == SECRET
    assert totp.find(tx, ANNA) is None
    assert not second_factors.has_second_factor(tx, ANNA)
    assert WITHDRAWN not in tx.announced
    assert totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    assert totp.find(tx, ANNA) == Secret(SECRET, 7)
    assert (totp.confirmed_at_ms(tx, ANNA), totp.has(tx, ANNA)) == (NOW_MS, True)
    assert second_factors.has_second_factor(tx, ANNA)
    assert WITHDRAWN in tx.announced
    assert not totp.confirm(tx, ANNA, SECRET, 8, now_ms=NOW_MS), "once"


def test_another_secret_waits_beside_the_one_that_counts(tx: SqliteTransaction) -> None:
    other = bytes(20)
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    totp.begin(tx, ANNA, bytes(range(1, 21)), now_ms=NOW_MS)
    totp.begin(tx, ANNA, other, now_ms=NOW_MS)
    assert not totp.confirm(tx, ANNA, bytes(range(1, 21)), 9, now_ms=NOW_MS), "it was forgotten"
    assert totp.find(tx, ANNA) == Secret(SECRET, 7)
    assert totp.confirm(tx, ANNA, other, 9, now_ms=NOW_MS)
    assert totp.find(tx, ANNA) == Secret(other, 9)
    assert not totp.use(tx, ANNA, SECRET, 10), "of the secret before"


def test_a_secret_waits_for_an_hour(tx: SqliteTransaction) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    late = NOW_MS + totp.SETUP_MS
    assert totp.begun(tx, ANNA, now_ms=late - 1) == SECRET
    assert totp.begun(tx, ANNA, now_ms=late) is None
    assert not totp.confirm(tx, ANNA, SECRET, 7, now_ms=late)
    assert not totp.any_forgotten(tx, now_ms=late - 1)
    assert totp.any_forgotten(tx, now_ms=late)
    assert totp.drop_forgotten(tx, now_ms=late, limit=5) == 1
    assert not totp.any_forgotten(tx, now_ms=late)


@pytest.mark.rfc("6238 §5.2", "MUST NOT")
def test_a_code_is_good_once_and_none_before_it_is(tx: SqliteTransaction) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    used = [(step, totp.use(tx, ANNA, SECRET, step)) for step in (7, 6, 8, 8, 7, 10, 9, 11)]
    assert [step for step, right in used if right] == [8, 10, 11]


@pytest.mark.parametrize("octets", ["x''", "x'00'", "zeroblob(19)", "zeroblob(21)", "'zz'", "12"])
def test_a_damaged_secret_lets_nobody_in_and_still_asks_for_a_code(
    tx: SqliteTransaction, octets: str
) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    tx.execute(f"UPDATE totp_setups SET secret = {octets}")
    assert totp.begun(tx, ANNA, now_ms=NOW_MS) is None
    tx.execute(f"INSERT INTO totp_secrets VALUES (1, {octets}, 0, {NOW_MS})")
    assert totp.find(tx, ANNA) is None
    assert second_factors.has_second_factor(tx, ANNA)


@pytest.mark.parametrize("step", ["'zz'", "x'ff'"])
def test_a_damaged_step_takes_no_code(tx: SqliteTransaction, step: str) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    tx.execute(f"UPDATE totp_secrets SET last_step = {step}, confirmed_at_ms = {step}")
    assert totp.find(tx, ANNA) is None
    assert not totp.use(tx, ANNA, SECRET, 9)
    assert totp.confirmed_at_ms(tx, ANNA) is None
    assert second_factors.has_second_factor(tx, ANNA)


def test_recovery_codes_go_with_the_last_factor(tx: SqliteTransaction) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    totp.begin(tx, ANNA, bytes(20), now_ms=NOW_MS)
    recovery_codes.replace(tx, ANNA, [bytes(32)], now_ms=NOW_MS)
    assert totp.remove(tx, ANNA)
    assert recovery_codes.left(tx, ANNA) == 0
    assert not second_factors.has_second_factor(tx, ANNA)
    assert totp.begun(tx, ANNA, now_ms=NOW_MS) is None
    assert not totp.remove(tx, ANNA)


def test_they_go_with_the_account(tx: SqliteTransaction) -> None:
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    totp.confirm(tx, ANNA, SECRET, 7, now_ms=NOW_MS)
    totp.begin(tx, ANNA, SECRET, now_ms=NOW_MS)
    recovery_codes.replace(tx, ANNA, [bytes(32)], now_ms=NOW_MS)
    accounts.remove(tx, ANNA)
    for table in ("totp_secrets", "totp_setups", "recovery_codes"):
        assert tx.row(f"SELECT 1 FROM {table}") is None


@pytest.mark.parametrize(
    "label", ["anna@one.example", "a/b?c#d&e=f%20:g h+i@one.example", "\u00e4@one.example"]
)
def test_what_a_qr_code_has(label: str) -> None:
    uri = totp.uri_of(SECRET, issuer="mail.one.example", label=label)
    assert uri.isascii()
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path.removeprefix("/")) == f"mail.one.example:{label}"
    assert parse_qs(parts.query) == {"secret": [totp.text_of(SECRET)], "issuer": ["mail.one.example"]}
    assert totp.text_of(SECRET) == "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT"


def test_nobody_is_shown_a_secret_by_a_log() -> None:
    assert "octets" not in repr(Secret(SECRET, 1))
    assert STEP_MS == 30_000
