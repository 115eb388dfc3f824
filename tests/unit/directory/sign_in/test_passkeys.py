"""Passkeys as rows: names, limits, counters, and what goes with an account."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts, domains
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import passkeys
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey, PasskeyTaken, TooManyPasskeys, Use
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction
from tests.kit.database import open_transaction

ANNA, BERT = AccountId(1), AccountId(2)


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as tx:
        domains.create(tx, "one.example", now_ms=0)
        accounts.create(tx, "anna@one.example", scram_salt=bytes(16), now_ms=0)
        accounts.create(tx, "bert@one.example", scram_salt=bytes(16), now_ms=0)
        yield tx


def add(
    tx: Transaction,
    credential: bytes,
    *,
    account: AccountId = ANNA,
    name: str = "",
    count: int = 0,
    key: bytes = b"key",
    **fields: object,
) -> Passkey:
    given = {"transports": ("internal",), "verified": True, **fields}
    new = NewPasskey(
        credential=credential, public_key=key, sign_count=count, aaguid=bytes(16), domain="one.example",
        backup_eligible=False, backed_up=False, **given,  # type: ignore[arg-type]
    )  # fmt: skip
    return passkeys.add(tx, account, new, name=name, now_ms=5)


def use(passkey: Passkey, count: int, *, verified: bool = True, after_password: bool = False) -> Use:
    return Use(
        id=passkey.id, account=passkey.account, sign_count=count, verified=verified, backed_up=True,
        after_password=after_password,
    )  # fmt: skip


def test_what_is_kept(tx: Transaction) -> None:
    made = add(tx, b"one", name="Anna's phone", transports=("internal", "hybrid", "carrier-pigeon"), count=7)
    (found,) = passkeys.listing(tx, ANNA)
    assert (found.name, found.transports, found.sign_count) == ("Anna's phone", "hybrid internal", 7)
    assert (found.created_at_ms, found.last_used_at_ms, found.last_used_address) == (5, None, None)
    assert made.id == found.id
    by_id = passkeys.by_credential(tx, b"one")
    assert by_id is not None
    assert by_id.account == ANNA
    assert passkeys.by_credential(tx, b"two") is None


def test_names(tx: Transaction) -> None:
    for number, transports in enumerate([("internal",), ("internal", "hybrid"), ("usb", "nfc"), ("nfc",)]):
        add(tx, b"%d" % number, transports=transports)
    names = [one.name for one in passkeys.listing(tx, ANNA)]
    assert names == ["Passkey", "Passkey 2", "Security key", "Security key 2"]
    for name in ("Passkey 2", " ", "a\nb", "x" * 65):
        with pytest.raises(NameRefused):
            add(tx, b"another", name=name)
        with pytest.raises(NameRefused):
            passkeys.rename(tx, ANNA, 1, name)
    assert passkeys.rename(tx, ANNA, 1, "Passkey")
    assert passkeys.rename(tx, ANNA, 1, "The one in the drawer")
    assert not passkeys.rename(tx, BERT, 1, "mine")
    assert passkeys.listing(tx, ANNA)[0].name == "The one in the drawer"


def test_an_id_is_used_once_and_an_account_has_a_limit(tx: Transaction) -> None:
    add(tx, b"one", account=BERT)
    with pytest.raises(PasskeyTaken):
        add(tx, b"one")
    for number in range(passkeys.MAX_PER_ACCOUNT):
        add(tx, b"%d" % number)
    with pytest.raises(TooManyPasskeys):
        add(tx, b"one more")
    assert passkeys.count(tx, ANNA) == passkeys.MAX_PER_ACCOUNT
    with pytest.raises(NameRefused):
        add(tx, bytes(1024), account=BERT)
    with pytest.raises(NameRefused):
        add(tx, b"long key", account=BERT, key=bytes(2049))


@pytest.mark.parametrize(
    ("before", "after", "fine", "kept"),
    [(0, 0, True, 0), (5, 6, True, 6), (6, 6, False, 6), (6, 0, False, 6)],
)
def test_counters(tx: Transaction, before: int, after: int, fine: bool, kept: int) -> None:
    made = add(tx, b"one", count=before)
    assert passkeys.record_use(tx, use(made, after), address="192.0.2.1", now_ms=9) is fine
    (found,) = passkeys.listing(tx, ANNA)
    assert found.sign_count == kept
    assert found.warned_at_ms == (None if fine else 9)
    assert (found.last_used_at_ms, found.last_used_address, found.backed_up) == (9, "192.0.2.1", True)
    passkeys.record_use(tx, use(made, 100), address="192.0.2.1", now_ms=20)
    assert passkeys.listing(tx, ANNA)[0].warned_at_ms == (None if fine else 9), "the warning stays"


def test_alone_only_once_its_holder_was_verified_together_with_the_password(tx: Transaction) -> None:
    made = add(tx, b"one", verified=False)
    for verified, after_password, expected in (
        (True, False, False),
        (False, True, False),
        (True, True, True),
    ):
        shown = use(made, 0, verified=verified, after_password=after_password)
        passkeys.record_use(tx, shown, address="", now_ms=9)
        assert passkeys.listing(tx, ANNA)[0].verified is expected


def test_one_that_was_removed_completes_nothing(tx: Transaction) -> None:
    made = add(tx, b"one")
    assert not passkeys.remove(tx, BERT, made.id)
    assert passkeys.remove(tx, ANNA, made.id)
    assert passkeys.record_use(tx, use(made, 1), address="", now_ms=9) is None


def test_handles(tx: Transaction) -> None:
    assert passkeys.handle_of(tx, ANNA) is None
    first = passkeys.ensure_handle(tx, ANNA, b"a" * 64)
    assert passkeys.ensure_handle(tx, ANNA, b"b" * 64) == first == passkeys.handle_of(tx, ANNA)


def test_a_disabled_account_has_none_that_counts_and_a_removed_one_has_none(tx: Transaction) -> None:
    add(tx, b"one")
    passkeys.ensure_handle(tx, ANNA, b"a" * 64)
    accounts.set_enabled(tx, ANNA, enabled=False)
    assert passkeys.by_credential(tx, b"one") is None
    accounts.set_enabled(tx, ANNA, enabled=True)
    assert passkeys.by_credential(tx, b"one") is not None
    accounts.remove(tx, ANNA)
    assert passkeys.by_credential(tx, b"one") is None
    assert not passkeys.listing(tx, ANNA)
    assert passkeys.handle_of(tx, ANNA) is None


def test_passkeys_of_other_domains(tx: Transaction) -> None:
    add(tx, b"one")
    assert (passkeys.of_other_domains(tx, "one.example"), passkeys.of_other_domains(tx, "two.example")) == (
        0,
        1,
    )
