"""A directory that an earlier version made is used as it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from pillarbox.directory import accounts, dkim_keys, domains, identities, vacation
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import app_passwords
from pillarbox.directory.sign_in.app_passwords import AppPassword, Scope
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import SchemaTooNew, Transaction
from pillarbox.world.database.sqlite import open_database

KEY = DkimKey("one.example", "s1", "rsa-sha256", "pem", KeyState.ACTIVE, 1, 1)


def test_a_directory_without_signing_keys_gets_a_table_for_them(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:1], compatible_back_to=1)
    after = replace(SCHEMA, migrations=SCHEMA.migrations[:4], compatible_back_to=1)
    database = open_database(tmp_path / "db", [before], create=True)
    database.write_now(domains.create, "one.example", now_ms=0)
    database.close_now()
    database = open_database(tmp_path / "db", [after])
    try:
        assert database.read_now(dkim_keys.listing) == []
        database.write_now(dkim_keys.add, KEY)
        assert database.read_now(dkim_keys.active, "one.example") == [KEY]
        assert database.read_now(domains.names) == ["one.example"]
    finally:
        database.close_now()
    # What was there before reads it still: it knows nothing of keys
    database = open_database(tmp_path / "db", [before])
    try:
        assert database.read_now(accounts.listing) == []
    finally:
        database.close_now()


def account_as_before(tx: Transaction) -> AccountId:
    tx.execute(
        "INSERT INTO accounts VALUES (1, 'anna@one.example', 'one.example', 'anna@one.example', '', NULL, 1,"
        " zeroblob(16), 4096, 0)"
    )
    tx.execute("INSERT INTO addresses VALUES ('anna', 'one.example', 'anna', 'account', 1, NULL, 1)")
    return AccountId(1)


def test_a_directory_without_identities_gets_tables_for_them(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:2])
    database = open_database(tmp_path / "db", [before], create=True)
    database.write_now(domains.create, "one.example", now_ms=0)
    anna = database.write_now(account_as_before)
    database.close_now()
    database = open_database(tmp_path / "db", [SCHEMA])
    try:
        (own,) = database.read_now(identities.listing, anna)
        assert own.email == "anna@one.example"
        assert not database.read_now(vacation.get, anna).is_enabled
        found = database.read_now(accounts.get, anna)
        assert found is not None
        assert not found.responds
    finally:
        database.close_now()


def test_app_passwords_of_before_have_no_limits(tmp_path: Path) -> None:
    """And a version that knows of none does not open what has some: it would let them do what they may not."""
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:4], compatible_back_to=1)
    database = open_database(tmp_path / "db", [before], create=True)
    database.write_now(
        lambda tx: tx.execute(
            "INSERT INTO app_passwords VALUES (1, 1, 'phone', 'imap', x'01', zeroblob(32), zeroblob(32), 5, NULL, 7)"
        )
    )
    database.close_now()
    database = open_database(tmp_path / "db", [SCHEMA])
    try:
        assert database.read_now(app_passwords.listing, AccountId(1)) == [
            AppPassword(1, "phone", frozenset({Scope.IMAP}), 5, None, False, (), 7, None, None)
        ]
    finally:
        database.close_now()
    with pytest.raises(SchemaTooNew):
        open_database(tmp_path / "db", [before])
