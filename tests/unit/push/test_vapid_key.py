"""The key by which push services know this provider."""

from collections.abc import Iterator

import pytest

from pillarbox.protocol.webpush.p256 import ORDER
from pillarbox.push import values, vapid_key
from pillarbox.push.schema import SCHEMA
from pillarbox.push.vapid_key import VAPID_KEYS
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.values import check
from tests.kit.database import open_transaction

ONE, TWO = b"\1" * 32, b"\2" * 32


@pytest.fixture
def tx() -> Iterator[SqliteTransaction]:
    with open_transaction(SCHEMA) as transaction:
        yield transaction


def test_the_first_key_stays(tx: SqliteTransaction) -> None:
    assert vapid_key.vapid_key(tx) is None
    first = vapid_key.ensure(tx, ONE, now_ms=5)
    assert (first.scalar, first.made_at_ms) == (ONE, 5)
    assert vapid_key.ensure(tx, TWO, now_ms=6) == first
    assert vapid_key.vapid_key(tx) == first


def test_a_key_that_is_replaced_is_kept_for_those_who_know_it(tx: SqliteTransaction) -> None:
    first = vapid_key.ensure(tx, ONE, now_ms=5)
    second = vapid_key.replace(tx, TWO, now_ms=6)
    assert vapid_key.vapid_key(tx) == second
    assert vapid_key.numbered(tx, first.number) == first
    assert vapid_key.numbered(tx, 77) is None


def test_the_number_of_a_key_that_is_gone_is_not_given_again(tx: SqliteTransaction) -> None:
    first = vapid_key.ensure(tx, ONE, now_ms=5)
    tx.execute("DELETE FROM vapid_keys")
    assert vapid_key.ensure(tx, TWO, now_ms=6).number > first.number


def test_a_new_key_is_announced(tx: SqliteTransaction) -> None:
    vapid_key.ensure(tx, ONE, now_ms=5)
    assert VAPID_KEYS in tx.announced


def test_what_is_printed_of_a_key_has_nothing_secret(tx: SqliteTransaction) -> None:
    assert repr(vapid_key.ensure(tx, ONE, now_ms=5)) == "VapidKey(1)"


@pytest.mark.parametrize(
    "scalar", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\1" * 31, b"\1" * 33, b""]
)
def test_what_can_be_no_key_is_damage(tx: SqliteTransaction, scalar: bytes) -> None:
    tx.execute("INSERT INTO vapid_keys VALUES (1, ?, 0)", (scalar,))
    with pytest.raises(ValuesDamaged):
        check(tx, values.TABLES, None)
    for verb in (vapid_key.vapid_key, lambda tx: vapid_key.numbered(tx, 1)):
        with pytest.raises(ValuesDamaged):
            verb(tx)
    with pytest.raises(ValuesDamaged):
        vapid_key.ensure(tx, ONE, now_ms=0)


@pytest.mark.parametrize("scalar", [1, ORDER - 1])
def test_the_least_and_the_greatest_key_are_no_damage(tx: SqliteTransaction, scalar: int) -> None:
    vapid_key.ensure(tx, scalar.to_bytes(32, "big"), now_ms=0)
    check(tx, values.TABLES, None)
