"""The devices of an account, and its last sign-ins."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import devices, sign_ins
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.devices import Device, Kind, Known, Seen
from pillarbox.directory.sign_in.sign_ins import Attempt, Noted, Result, Way, plain
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person

HOME = "192.0.2.1"
DAY_MS = 86_400_000


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


@pytest.fixture
def anna(tx: Transaction) -> AccountId:
    return person(tx, "anna@one.example").id


def seen(known: Known, *, at_ms: int = NOW_MS, address: str = HOME, agent: str = "") -> Seen:
    return Seen(known, "x", at_ms, at_ms, address, Way.IMAP, agent)


def program(address: str, way: Way = Way.IMAP) -> Known:
    return devices.program(way, address)


def one(tx: Transaction, account: AccountId) -> Device:
    (found,) = devices.listing(tx, account)
    return found


def noted(
    *,
    address: str = HOME,
    result: Result = Result.SUCCEEDED,
    at_ms: int = NOW_MS,
    count: int = 1,
    agent: str = "",
) -> Noted:
    return Noted(Attempt(Way.IMAP, address, "password", "", result, ""), count, at_ms, at_ms, agent)


def test_a_program_with_the_own_password_is_known_by_its_network_and_what_it_does() -> None:
    home = program(HOME)
    same = [
        program("192.0.2.99"),
        program("::ffff:192.0.2.7"),
        program(HOME, Way.SMTP),
        program(HOME, Way.POP3),
    ]
    assert all(each == home for each in same)
    assert program("192.0.3.1") != home != program(HOME, Way.JMAP)
    assert program("2001:db8:1:2::3") == program("2001:db8:1:ff::4") != program("2001:db8:2::1")


def test_the_first_device_is_expected_and_another_is_new_once(tx: Transaction, anna: AccountId) -> None:
    phone = devices.of_app_password(3)
    assert devices.add(tx, anna, seen(program(HOME))) is None
    number = devices.add(tx, anna, seen(phone, at_ms=NOW_MS + 1))
    assert number is not None
    assert (
        devices.add(tx, anna, seen(phone, at_ms=NOW_MS + 5, address="198.51.100.1", agent="Mail 1")) is None
    )
    newest, oldest = devices.listing(tx, anna)
    assert (newest.id, newest.kind, newest.app_password) == (number, Kind.APP_PASSWORD, 3)
    assert (newest.first_seen_at_ms, newest.last_seen_at_ms) == (NOW_MS + 1, NOW_MS + 5)
    assert (newest.address, newest.agent) == ("198.51.100.1", "Mail 1")
    assert oldest.kind is Kind.PROGRAM
    devices.add(tx, anna, seen(phone, at_ms=NOW_MS + 6))
    assert devices.listing(tx, anna)[0].agent == "Mail 1", "it says so only sometimes"


def test_the_first_one_is_expected_whatever_was_switched_before(tx: Transaction, anna: AccountId) -> None:
    devices.want_notices(tx, anna, wanted=True)
    assert devices.add(tx, anna, seen(program(HOME))) is None
    # Also when all devices are forgotten: somebody else must not come unseen then
    devices.forget(tx, anna, one(tx, anna).id)
    assert devices.add(tx, anna, seen(program(HOME))) is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", ""])
def test_a_program_on_this_machine_is_no_new_device(tx: Transaction, anna: AccountId, address: str) -> None:
    devices.add(tx, anna, seen(devices.browser("aa")))
    assert devices.add(tx, anna, seen(program(address), address=address)) is None


def test_what_was_here_before_devices_were_noted_is_not_new(tx: Transaction, anna: AccountId) -> None:
    tx.execute("INSERT INTO device_notices VALUES (?, 1, 1)", (anna,))
    tx.execute(
        "INSERT INTO devices VALUES (7, ?, 'earlier', ?, NULL, '', 0, 0, ?, 'imap', '', NULL)",
        (anna, HOME, HOME),
    )
    assert devices.listing(tx, anna) == []
    assert devices.add(tx, anna, seen(program(HOME))) is None
    assert one(tx, anna).kind is Kind.PROGRAM
    assert devices.add(tx, anna, seen(program(HOME, Way.JMAP))) is not None


def test_an_owner_is_told_some_times_a_day_and_not_if_they_do_not_wish(
    tx: Transaction, anna: AccountId
) -> None:
    for number in range(devices.NOTICES_A_DAY + 2):
        devices.add(tx, anna, seen(program(f"198.51.{number}.1")))
    numbers = [each.id for each in devices.listing(tx, anna)]
    told = [devices.may_tell(tx, anna, number, now_ms=NOW_MS) for number in numbers]
    assert told == [True] * devices.NOTICES_A_DAY + [False, False]
    assert devices.may_tell(tx, anna, numbers[-1], now_ms=NOW_MS + DAY_MS)
    devices.want_notices(tx, anna, wanted=False)
    assert not devices.may_tell(tx, anna, numbers[-2], now_ms=NOW_MS + DAY_MS)
    devices.want_notices(tx, anna, wanted=True)
    assert devices.may_tell(tx, anna, numbers[-2], now_ms=NOW_MS + DAY_MS)


def test_devices_are_so_many_of_a_kind_at_most(tx: Transaction, anna: AccountId) -> None:
    devices.add(tx, anna, seen(devices.of_app_password(1), at_ms=NOW_MS - 1))
    for number in range(devices.MAX_PER_ACCOUNT + 5):
        devices.add(tx, anna, seen(devices.browser(f"{number:04x}"), at_ms=NOW_MS + number))
    found = devices.listing(tx, anna)
    assert len(found) == devices.MAX_PER_ACCOUNT + 1
    assert found[-1].kind is Kind.APP_PASSWORD, "browsers push out no program"
    assert found[-2].key == "0005"


def test_equal_sign_ins_of_a_day_are_one_row(tx: Transaction, anna: AccountId) -> None:
    sign_ins.add(tx, anna, noted(agent="Mail 1"))
    sign_ins.add(tx, anna, noted(at_ms=NOW_MS + 60_000, count=3))
    sign_ins.add(tx, anna, noted(at_ms=NOW_MS + 70_000, address="192.0.2.2"))
    other, same = sign_ins.listing(tx, anna)
    assert (same.count, same.first_at_ms, same.last_at_ms) == (4, NOW_MS, NOW_MS + 60_000)
    assert (same.agent, other.count) == ("Mail 1", 1)
    sign_ins.add(tx, anna, noted(at_ms=NOW_MS + sign_ins.TOGETHER_MS))
    assert len(sign_ins.listing(tx, anna)) == 3


def test_guesses_push_out_no_success(tx: Transaction, anna: AccountId) -> None:
    sign_ins.add(tx, anna, noted())
    for number in range(sign_ins.MAX_KEPT + 20):
        guess = noted(address=f"198.51.100.{number}", result=Result.FAILED, at_ms=NOW_MS + number)
        sign_ins.add(tx, anna, guess)
    found = sign_ins.listing(tx, anna)
    assert sum(each.has_failed for each in found) == sign_ins.MAX_KEPT
    assert not found[-1].has_failed
    assert found[-2].attempt.address == "198.51.100.20", "the oldest go"


def test_what_is_old_is_forgotten_some_at_a_time(tx: Transaction, anna: AccountId) -> None:
    for number in range(3):
        sign_ins.add(tx, anna, noted(address=f"192.0.2.{number}", at_ms=NOW_MS + number))
        devices.add(tx, anna, seen(devices.browser(str(number)), at_ms=NOW_MS + number))
    for room in (sign_ins, devices):
        assert not room.any_before(tx, NOW_MS)
        assert room.any_before(tx, NOW_MS + 2)
        assert room.forget_before(tx, NOW_MS + 2) == 2
        assert not room.any_before(tx, NOW_MS + 2)
    assert len(sign_ins.listing(tx, anna)) == len(devices.listing(tx, anna)) == 1


def test_they_go_with_their_account(tx: Transaction, anna: AccountId) -> None:
    sign_ins.add(tx, anna, noted())
    devices.add(tx, anna, seen(program(HOME)))
    accounts.remove(tx, anna)
    for table in ("sign_ins", "devices", "device_notices"):
        assert tx.value(f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Mail  \t1", "Mail 1"),
        ("a\r\nb", "a b"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202ea", "\\u202ea"),
        ("x" * 999, "x" * 200),
        ("\x1b" * 999, "\\x1b" * 50),
    ],
)
def test_what_a_client_says_of_itself_is_a_short_line(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_database_of_before_knows_what_has_signed_in(tx: Transaction) -> None:
    before = SCHEMA.migrations[: next(i for i, each in enumerate(SCHEMA.migrations) if "sign_ins" in each)]
    script = SCHEMA.migrations[len(before)]
    for table in ("sign_ins", "devices", "device_notices"):
        tx.execute(f"DROP TABLE {table}")
    anna = person(tx, "anna@one.example").id
    tx.execute("INSERT INTO known_clients VALUES (?, ?, 5)", (anna, HOME))
    tx.execute(
        "INSERT INTO app_passwords (id, account, name, scopes, digest, stored_key, server_key, created_at_ms,"
        " last_used_at_ms, last_used_address, last_used_scope) VALUES (3, ?, 'phone', 'mail', x'00', x'', x'', 1, 7,"
        " '192.0.2.9', 'pop3')",
        (anna,),
    )
    for statement in script.split(";\n"):
        tx.execute(statement)
    phone = one(tx, anna)
    assert (phone.app_password, phone.name, phone.way, phone.last_seen_at_ms) == (3, "phone", Way.POP3, 7)
    assert devices.add(tx, anna, seen(devices.of_app_password(3))) is None
    assert devices.add(tx, anna, seen(program(HOME))) is None
    assert devices.add(tx, anna, seen(program("198.51.100.1"))) is not None


def test_each_service_is_a_way_in() -> None:
    assert {*map(str, Scope)} - {"mail"} == {*map(str, Way)} - {"web"}
