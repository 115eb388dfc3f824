"""What a second factor withdraws: every mark of the account's own password, and no other."""

from collections.abc import Iterator

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.directory import accounts
from pillarbox.directory.sign_in import app_passwords, credential_marks, credentials, totp
from pillarbox.directory.sign_in.app_passwords import AppPasswordHash, Scope
from pillarbox.directory.sign_in.credential_marks import app_password_stands, mark, own_stands
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, hashed, person
from tests.kit.second_factor import give

FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"


@pytest.fixture
def tx() -> Iterator[SqliteTransaction]:
    with open_transaction(*SCHEMAS) as tx:
        yield tx


def of_app(tx: SqliteTransaction, account: AccountId) -> str:
    """The mark of an app password."""
    keys = AppPasswordHash(b"d" * 32, bytes(32), bytes(32))
    app_passwords.add(tx, account, keys, name="phone", scopes=frozenset({Scope.JMAP}), now_ms=NOW_MS)
    return mark(b"d" * 32)


def own_marks(tx: SqliteTransaction, kind: str) -> tuple[AccountId, str]:
    """An account, and the mark of its own password or of a former one that counts."""
    if kind == "own":
        anna = person(tx, "anna@one.example", "open sesame")
        return anna.id, mark(hashed("open sesame").argon2)
    anna = person(tx, "anna@one.example")
    credentials.set_foreign(tx, anna.id, FOREIGN, now_ms=NOW_MS)
    if kind == "upgraded":
        assert credentials.upgrade(tx, anna.id, FOREIGN, hashed("password"), now_ms=NOW_MS)
    if kind == "kept":
        credentials.set_password(tx, anna.id, hashed("password"), now_ms=NOW_MS, keep_sessions=True)
    return anna.id, mark(FOREIGN)


@pytest.mark.parametrize("kind", ["own", "foreign", "upgraded", "kept"])
def test_marks_of_the_own_password_are_withdrawn(tx: SqliteTransaction, kind: str) -> None:
    account, own = own_marks(tx, kind)
    app = of_app(tx, account)
    logins = [(account, own), (account, app)]
    valid = credential_marks.valid(tx, account, scope=Scope.JMAP, now_ms=NOW_MS)
    assert credential_marks.withdrawn(tx, logins) == set()
    tx.announced.clear()
    give(tx, account, now_ms=NOW_MS)
    assert WITHDRAWN in tx.announced
    assert credential_marks.withdrawn(tx, logins) == {(account, own)}
    assert credential_marks.withdrawn(tx, logins, of_person=True) == set()
    assert credential_marks.valid(tx, account, scope=Scope.JMAP, now_ms=NOW_MS) == {app: None}
    tx.announced.clear()
    totp.remove(tx, account)
    assert WITHDRAWN not in tx.announced, "nothing ends when it is removed"
    assert credential_marks.withdrawn(tx, logins) == set()
    assert credential_marks.valid(tx, account, scope=Scope.JMAP, now_ms=NOW_MS) == valid


def test_it_is_nobody_elses(tx: SqliteTransaction) -> None:
    account, own = own_marks(tx, "own")
    give(tx, person(tx, "bert@one.example").id, now_ms=NOW_MS)
    assert credential_marks.withdrawn(tx, [(account, own)]) == set()


def test_a_secret_that_does_not_count_withdraws_nothing(tx: SqliteTransaction) -> None:
    account, own = own_marks(tx, "own")
    totp.begin(tx, account, bytes(20), now_ms=NOW_MS)
    assert credential_marks.withdrawn(tx, [(account, own)]) == set()


@pytest.mark.parametrize("kind", ["own", "foreign", "upgraded", "kept"])
def test_one_that_was_right_stands_as_its_mark_does(tx: SqliteTransaction, kind: str) -> None:
    account, _ = own_marks(tx, kind)
    bert = person(tx, "bert@one.example", "something else")
    stored = hashed("open sesame").argon2 if kind == "own" else FOREIGN
    assert own_stands(tx, account, stored)
    assert not own_stands(tx, bert.id, stored)
    give(tx, account, now_ms=NOW_MS)
    assert not own_stands(tx, account, stored)
    assert own_stands(tx, account, stored, of_person=True)
    accounts.set_enabled(tx, account, enabled=False)
    assert not own_stands(tx, account, stored, of_person=True)


def test_an_app_password_stands_until_it_is_revoked_or_its_account_disabled(tx: SqliteTransaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    of_app(tx, anna.id)
    give(tx, anna.id, now_ms=NOW_MS)
    digest = b"d" * 32
    assert app_password_stands(tx, anna.id, digest)
    assert not app_password_stands(tx, bert.id, digest)
    accounts.set_enabled(tx, anna.id, enabled=False)
    assert not app_password_stands(tx, anna.id, digest)
    accounts.set_enabled(tx, anna.id, enabled=True)
    (listed,) = app_passwords.listing(tx, anna.id)
    app_passwords.revoke(tx, anna.id, listed.id)
    assert not app_password_stands(tx, anna.id, digest)
