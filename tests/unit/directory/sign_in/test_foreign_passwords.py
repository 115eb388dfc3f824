"""Hashes of another server in the place of a password, until the first login; and whose sessions end with a change."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import credential_marks, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.directory.sign_in.password_hash import argon2_matches
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.world.database.sqlite.transaction import SqliteTransaction as Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, hashed, person

SECRET = b"S" * secrets.SECRET_OCTETS
FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
OTHER = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as tx:
        yield tx


def found(tx: Transaction, login: str = "anna") -> tuple[str | None, str | None]:
    candidate = credentials.find(tx, login)
    assert candidate is not None
    return candidate.argon2, candidate.foreign


def marks(tx: Transaction, account: Account) -> set[str]:
    return set(credential_marks.valid(tx, account.id, scope=Scope.IMAP, now_ms=NOW_MS))


def ended(tx: Transaction, account: Account, *opened: str) -> set[str]:
    pairs = [(account.id, one) for one in opened]
    return {one for _, one in credential_marks.withdrawn(tx, pairs)}


def scram(tx: Transaction, login: str = "anna") -> object:
    return credentials.scram_keys(tx, login, secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)


def test_a_foreign_hash_takes_the_place_of_the_password_and_the_other_way_round(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame")
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    assert found(tx) == (None, FOREIGN)
    credentials.set_foreign(tx, anna.id, OTHER, now_ms=NOW_MS)
    assert found(tx) == (None, OTHER)
    credentials.set_password(tx, anna.id, hashed("open sesame"), now_ms=NOW_MS)
    assert found(tx) == (hashed("open sesame").argon2, None)
    assert not tx.rows("SELECT * FROM foreign_passwords")


def test_scram_answers_as_for_an_account_without_a_password(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    before = scram(tx)
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    assert scram(tx) == before


def test_an_upgrade_replaces_the_hash_that_was_checked_and_no_other(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    credentials.set_foreign(tx, anna.id, OTHER, now_ms=NOW_MS)
    assert not credentials.upgrade(tx, anna.id, FOREIGN, hashed("password"), now_ms=NOW_MS)
    assert found(tx) == (None, OTHER)
    before = scram(tx)
    assert credentials.upgrade(tx, anna.id, OTHER, hashed("password"), now_ms=NOW_MS)
    argon2, foreign = found(tx)
    assert foreign is None
    assert argon2_matches(argon2 or "", "password")
    assert scram(tx) != before
    assert not credentials.upgrade(tx, anna.id, OTHER, hashed("another"), now_ms=NOW_MS)
    credentials.set_password(tx, anna.id, hashed("newer"), now_ms=NOW_MS)
    assert not credentials.upgrade(tx, anna.id, OTHER, hashed("password"), now_ms=NOW_MS)
    assert found(tx) == (hashed("newer").argon2, None)


def test_an_account_that_is_gone_is_not_upgraded(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    credentials.set_foreign(tx, anna.id, OTHER, now_ms=NOW_MS)
    accounts.remove(tx, anna.id)
    assert not tx.rows("SELECT * FROM foreign_passwords")
    assert not credentials.upgrade(tx, anna.id, OTHER, hashed("password"), now_ms=NOW_MS)
    assert not tx.rows("SELECT * FROM passwords")
    assert credentials.find_salt(tx, anna.id) is None


def test_an_upgraded_password_is_the_same_password(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    assert marks(tx, anna) == {mark(FOREIGN)}
    credentials.upgrade(tx, anna.id, FOREIGN, hashed("password"), now_ms=NOW_MS)
    own = mark(hashed("password").argon2)
    assert marks(tx, anna) == {mark(FOREIGN), own}
    assert not ended(tx, anna, mark(FOREIGN), own)
    credentials.set_password(tx, anna.id, hashed("newer"), now_ms=NOW_MS)
    assert marks(tx, anna) == {mark(hashed("newer").argon2)}
    assert ended(tx, anna, mark(FOREIGN), own) == {mark(FOREIGN), own}


@pytest.mark.parametrize("foreign", [False, True])
def test_a_change_ends_sessions_of_the_account_unless_they_are_kept(
    tx: Transaction, *, foreign: bool
) -> None:
    anna, bert = (person(tx, f"{name}@one.example", name) for name in ("anna", "bert"))
    first, of_bert = mark(hashed("anna").argon2), mark(hashed("bert").argon2)

    def change(word: str, *, keep_sessions: bool) -> str:
        if foreign:
            credentials.set_foreign(tx, anna.id, word, now_ms=NOW_MS, keep_sessions=keep_sessions)
            return mark(word)
        credentials.set_password(tx, anna.id, hashed(word), now_ms=NOW_MS, keep_sessions=keep_sessions)
        return mark(hashed(word).argon2)

    second = change("second", keep_sessions=True)
    assert not ended(tx, anna, first, second)
    assert marks(tx, anna) == {second}, "nothing else is kept"
    third = change("third", keep_sessions=True)
    assert not ended(tx, anna, first, second, third)
    fourth = change("fourth", keep_sessions=False)
    assert ended(tx, anna, first, second, third, fourth) == {first, second, third}
    assert not ended(tx, bert, of_bert)
    accounts.remove(tx, anna.id)
    assert ended(tx, anna, fourth) == {fourth}
    assert not tx.rows("SELECT * FROM former_marks")


def test_only_a_change_that_ends_sessions_is_announced(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    credentials.set_password(tx, anna.id, hashed("second"), now_ms=NOW_MS, keep_sessions=True)
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS, keep_sessions=True)
    credentials.upgrade(tx, anna.id, FOREIGN, hashed("password"), now_ms=NOW_MS)
    assert WITHDRAWN not in tx.announced
    credentials.set_password(tx, anna.id, hashed("second"), now_ms=NOW_MS)
    assert WITHDRAWN in tx.announced


def test_a_foreign_hash_ends_sessions_too(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame")
    assert WITHDRAWN not in tx.announced
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    assert WITHDRAWN in tx.announced


def test_what_was_imported_is_known_also_when_it_was_upgraded(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "anna")
    assert not credentials.has_imported(tx, anna.id, FOREIGN)
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    assert credentials.has_imported(tx, anna.id, FOREIGN)
    assert not credentials.has_imported(tx, anna.id, OTHER)
    credentials.upgrade(tx, anna.id, FOREIGN, hashed("password"), now_ms=NOW_MS)
    assert credentials.has_imported(tx, anna.id, FOREIGN)
    credentials.set_password(tx, anna.id, hashed("newer"), now_ms=NOW_MS)
    assert not credentials.has_imported(tx, anna.id, FOREIGN)


def test_unknown_logins_stand_for_accounts_as_they_are(tx: Transaction) -> None:
    """Which of them does the login decide; and each kind of hash is as common among unknown logins as among known."""
    people = []
    for number in range(8):
        person(tx, f"p{number}@one.example", "open sesame")
        account = accounts.by_login(tx, f"p{number}")
        assert account is not None
        salt = credentials.scram_salt(account.login, SECRET)
        tx.execute("UPDATE accounts SET scram_salt = ? WHERE id = ?", (salt, account.id))
        people.append(account)
    strangers = [f"nobody{number}@one.example" for number in range(200)]

    def stand_ins() -> list[str | None]:
        return [credentials.stand_in(tx, login, secret=SECRET) for login in strangers]

    assert set(stand_ins()) == {None}, "all cost the same"
    for account in people[:4]:
        credentials.set_foreign(tx, account.id, FOREIGN, now_ms=NOW_MS)
    before = stand_ins()
    assert set(before) == {None, FOREIGN}
    assert stand_ins() == before
    assert 20 < before.count(FOREIGN) < 180
    person(tx, "new@one.example", "open sesame")
    assert sum(one != other for one, other in zip(before, stand_ins(), strict=True)) < 100
    for account in people:
        credentials.set_foreign(tx, account.id, OTHER, now_ms=NOW_MS)
    assert stand_ins().count(OTHER) > 100


def test_a_disabled_account_stands_for_itself(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame")
    bert = person(tx, "bert@one.example")
    credentials.set_foreign(tx, bert.id, FOREIGN, now_ms=NOW_MS)
    accounts.set_enabled(tx, anna.id, enabled=False)
    accounts.set_enabled(tx, bert.id, enabled=False)
    assert credentials.stand_in(tx, "anna", secret=SECRET) is None
    assert credentials.stand_in(tx, "bert", secret=SECRET) == FOREIGN
