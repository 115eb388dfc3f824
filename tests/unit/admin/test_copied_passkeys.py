"""The mail to the owner of a passkey whose counter has fallen: once for each, few in a day, none if not wanted."""

from collections.abc import Iterator

import pytest

from pillarbox.admin import second_factors
from pillarbox.app.database import SCHEMAS
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import devices, passkeys
from pillarbox.directory.sign_in.devices import DAY_MS, NOTICES_A_DAY
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey, Use
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(*SCHEMAS) as opened:
        yield opened


@pytest.fixture
def anna(tx: Transaction) -> Account:
    account = person(tx, "anna@one.example")
    mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)
    return account


def made(tx: Transaction, account: Account, number: int) -> Passkey:
    new = NewPasskey(
        credential=b"%d" % number, public_key=b"key", sign_count=7, aaguid=bytes(16), domain="one.example",
        transports=(), verified=True, backup_eligible=False, backed_up=False,
    )  # fmt: skip
    return passkeys.add(tx, account.id, new, name=f"phone {number}", now_ms=NOW_MS)


def used(tx: Transaction, passkey: Passkey, count: int, *, now_ms: int = NOW_MS) -> bool | None:
    shown = Use(
        id=passkey.id, account=passkey.account, sign_count=count, verified=True, backed_up=False, after_password=False
    )  # fmt: skip
    return second_factors.use_passkey(tx, shown, address="192.0.2.1", identity=f"x{now_ms}", now_ms=now_ms)


def mails(tx: Transaction, account: Account) -> int:
    return mailboxes.by_name(tx, account.id, "INBOX").messages


def test_the_owner_is_told_once_of_each(tx: Transaction, anna: Account) -> None:
    passkey = made(tx, anna, 1)
    assert used(tx, passkey, 8) is True
    assert mails(tx, anna) == 0
    assert used(tx, passkey, 3, now_ms=NOW_MS + 1) is False
    assert mails(tx, anna) == 1
    assert used(tx, passkey, 3, now_ms=NOW_MS + 2) is False
    assert mails(tx, anna) == 1
    (octets,) = (octets for (octets,) in tx.rows("SELECT octets FROM blob_octets"))
    for told in (b'"phone 1"', b"192.0.2.1", b"anna@one.example", b"Auto-Submitted: auto-generated"):
        assert told in octets
    assert b"http" not in octets


def test_no_more_than_a_few_in_a_day(tx: Transaction, anna: Account) -> None:
    several = [made(tx, anna, number) for number in range(NOTICES_A_DAY + 2)]
    for number, passkey in enumerate(several[:-1]):
        assert used(tx, passkey, 3, now_ms=NOW_MS + number) is False
    assert mails(tx, anna) == NOTICES_A_DAY
    assert used(tx, several[-1], 3, now_ms=NOW_MS + DAY_MS + NOTICES_A_DAY + 2) is False
    assert mails(tx, anna) == NOTICES_A_DAY + 1


def test_not_where_it_is_switched_off(tx: Transaction, anna: Account) -> None:
    devices.want_notices(tx, anna.id, wanted=False)
    assert used(tx, made(tx, anna, 1), 3) is False
    assert mails(tx, anna) == 0


def test_one_that_was_removed_tells_nothing(tx: Transaction, anna: Account) -> None:
    passkey = made(tx, anna, 1)
    passkeys.remove(tx, anna.id, passkey.id)
    assert used(tx, passkey, 3) is None
    assert mails(tx, anna) == 0
