"""A passkey is a second factor: what it brings and ends when it is the first one, and what goes with the last."""

from collections.abc import Iterator

import pytest

from pillarbox.admin import second_factors
from pillarbox.app.database import SCHEMAS
from pillarbox.directory.sign_in import credential_marks, passkeys, recovery_codes
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey
from pillarbox.directory.sign_in.second_factors import has_second_factor
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.sign_in import factors
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import SeededEntropy
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, hashed, person
from tests.kit.second_factor import give


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(*SCHEMAS) as tx:
        yield tx


def add(tx: Transaction, account: AccountId, credential: bytes) -> tuple[Passkey, list[str]]:
    new = NewPasskey(
        credential=credential, public_key=b"key", sign_count=0, transports=(), aaguid=bytes(16), domain="one.example",
        verified=True, backup_eligible=False, backed_up=False,
    )  # fmt: skip
    codes = second_factors.FreshCodes(second_factors.generate(SeededEntropy(1)), bytes(32))
    return second_factors.add_passkey(tx, account, new, name="", codes=codes, now_ms=NOW_MS)


def test_the_first_one_ends_what_the_password_has_opened(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame").id
    login = (anna, mark(hashed("open sesame").argon2))
    assert not has_second_factor(tx, anna)
    first, codes = add(tx, anna, b"first")
    assert has_second_factor(tx, anna)
    assert len(codes) == recovery_codes.CODES == recovery_codes.left(tx, anna)
    assert credential_marks.withdrawn(tx, [login]) == {login}
    second, none = add(tx, anna, b"second")
    assert none == []
    assert factors.of(tx, anna).passkeys == second_factors.find(tx, "anna@one.example").passkeys == 2
    assert second_factors.remove_passkey(tx, anna, first.id) is False
    assert second_factors.remove_passkey(tx, anna, first.id) is None
    assert recovery_codes.left(tx, anna) == recovery_codes.CODES
    assert second_factors.remove_passkey(tx, anna, second.id) is True
    assert recovery_codes.left(tx, anna) == 0
    assert credential_marks.withdrawn(tx, [login]) == set()


def test_beside_one_time_codes(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example").id
    give(tx, anna, now_ms=NOW_MS)
    made, codes = add(tx, anna, b"first")
    assert codes == []
    assert second_factors.remove_passkey(tx, anna, made.id) is False
    assert has_second_factor(tx, anna)


def test_an_operator_removes_all(tx: Transaction) -> None:
    anna, bert = (person(tx, f"{name}@one.example").id for name in ("anna", "bert"))
    add(tx, anna, b"hers")
    add(tx, bert, b"his")
    assert second_factors.remove(tx, "anna@one.example").passkeys == 1
    assert not passkeys.listing(tx, anna)
    assert not has_second_factor(tx, anna)
    assert recovery_codes.left(tx, anna) == 0
    assert has_second_factor(tx, bert)
