"""Stored passwords, app passwords and SCRAM keys."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import app_passwords, credential_marks, credentials, known_clients, secrets
from pillarbox.directory.sign_in.app_passwords import AppPasswordHash, Limits, Scope
from pillarbox.directory.sign_in.password_hash import argon2_matches, hash_password
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, server_keys
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, SALT, hashed, person

SECRET = bytes(32)
CHANCE = bytes(range(13))


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


def add_app(
    tx: Transaction, account: accounts.Account, *scopes: Scope, expires_at_ms: int | None = None
) -> str:
    password = app_passwords.format_app_password(CHANCE)
    stored = app_passwords.hash_app_password(
        password, secret=SECRET, scram_salt=SALT, iterations=DEFAULT_ITERATIONS
    )
    app_passwords.add(
        tx,
        account.id,
        stored,
        name="phone",
        scopes=frozenset(scopes),
        now_ms=NOW_MS,
        expires_at_ms=expires_at_ms,
    )
    return password


def opened_by(
    tx: Transaction, account: accounts.Account, password: str, scope: Scope, now_ms: int = NOW_MS
) -> bool:
    digest = app_passwords.digest_of(password, SECRET)
    matched = app_passwords.matching(tx, digest, now_ms=now_ms) if digest else None
    if matched is None or matched.has_expired:
        return False
    return matched.account == account.id and matched.is_for(scope)


@pytest.mark.rfc("9106 §3.1", "MUST")
def test_a_password_is_hashed_as_promised() -> None:
    stored = hashed("open sesame")
    assert stored.argon2.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert argon2_matches(stored.argon2, "open sesame")
    assert not argon2_matches(stored.argon2, "open sesam")
    assert not argon2_matches("no hash", "open sesame")
    assert "open" not in repr(stored)


def test_argon2_and_scram_keys_are_written_together(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "first")
    for password in ("first", "second"):
        credentials.set_password(tx, anna.id, hashed(password), now_ms=NOW_MS)
        found = credentials.find(tx, "anna")
        assert found is not None
        assert found.argon2 == hashed(password).argon2
        keys = credentials.scram_keys(tx, "anna", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
        assert keys.pairs == (server_keys(password, SALT),)


@pytest.mark.rfc("4013 §2.5", "MUST")
@pytest.mark.parametrize("password", ["", "a\tb", "\u0221", "x" * 1025])
def test_a_password_that_could_not_be_compared_is_refused(password: str) -> None:
    with pytest.raises(NameRefused):
        hash_password(password, argon2_salt=SALT, scram_salt=SALT)


def test_a_disabled_account_has_no_credentials(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "first")
    accounts.set_enabled(tx, anna.id, enabled=False)
    assert credentials.find(tx, "anna") is None
    keys = credentials.scram_keys(tx, "anna", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
    assert server_keys("first", SALT) not in keys.pairs


def test_an_app_password_is_random_and_easy_to_copy() -> None:
    password = app_passwords.format_app_password(CHANCE)
    assert [len(part) for part in password.split("-")] == [4] * 5
    digest = app_passwords.digest_of(password, SECRET)
    assert digest == app_passwords.digest_of(password.replace("-", " ").upper(), SECRET)
    assert digest != app_passwords.digest_of(password, bytes(31) + b"1")
    assert app_passwords.digest_of("short", SECRET) is None
    assert app_passwords.digest_of("\u00e9" * 20, SECRET) is None


def test_an_app_password_opens_its_scopes_until_it_expires_or_is_revoked(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    password = add_app(tx, anna, Scope.IMAP, Scope.SMTP, expires_at_ms=NOW_MS + 10)
    assert opened_by(tx, anna, password, Scope.IMAP)
    assert opened_by(tx, anna, password, Scope.SMTP)
    assert not opened_by(tx, anna, password, Scope.POP3)
    assert not opened_by(tx, bert, password, Scope.IMAP)
    assert not opened_by(tx, anna, password, Scope.IMAP, now_ms=NOW_MS + 10)
    (listed,) = app_passwords.listing(tx, anna.id)
    assert (listed.name, listed.scopes) == ("phone", frozenset({Scope.IMAP, Scope.SMTP}))
    assert not app_passwords.revoke(tx, bert.id, listed.id)
    assert app_passwords.revoke(tx, anna.id, listed.id)
    assert not opened_by(tx, anna, password, Scope.IMAP)


def test_what_is_listed_of_an_app_password(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    hashed = AppPasswordHash(bytes(32), bytes(32), bytes(32))
    number = app_passwords.add(
        tx,
        anna.id,
        hashed,
        name="phone",
        scopes=frozenset({Scope.IMAP}),
        now_ms=1,
        limits=Limits(read_only=True, networks=("192.0.2.0/24", "2001:db8::/32")),
    )
    (listed,) = app_passwords.listing(tx, anna.id)
    assert (listed.read_only, listed.networks) == (True, ("192.0.2.0/24", "2001:db8::/32"))
    assert (listed.last_used_at_ms, listed.last_used_address, listed.last_used_scope) == (None, None, None)
    app_passwords.mark_used(tx, number, address="::ffff:192.0.2.7", scope=Scope.POP3, now_ms=5)
    (listed,) = app_passwords.listing(tx, anna.id)
    assert (listed.last_used_at_ms, listed.last_used_address, listed.last_used_scope) == (
        5,
        "192.0.2.7",
        "pop3",
    )
    with pytest.raises(NameRefused):
        app_passwords.add(
            tx,
            anna.id,
            hashed,
            name="tablet",
            scopes=frozenset({Scope.IMAP}),
            now_ms=1,
            limits=Limits(networks=("home",)),
        )
    assert len(app_passwords.listing(tx, anna.id)) == 1


def test_a_mark_tells_a_password_from_others_as_long_as_it_is_valid(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame")

    def marks(now_ms: int = NOW_MS) -> dict[str, int | None]:
        return credential_marks.valid(tx, anna.id, scope=Scope.JMAP, now_ms=now_ms)

    (own,) = marks()
    add_app(tx, anna, Scope.JMAP, expires_at_ms=NOW_MS + 10)
    (listed,) = app_passwords.listing(tx, anna.id)
    (app,) = marks().keys() - {own}
    assert marks() == {own: None, app: NOW_MS + 10}
    assert marks(NOW_MS + 10) == {own: None}
    assert credential_marks.valid(tx, anna.id, scope=Scope.IMAP, now_ms=NOW_MS) == {own: None}
    tx.execute("UPDATE passwords SET argon2 = argon2 || 'x' WHERE account = ?", (anna.id,))
    assert marks().keys() != {own, app}
    app_passwords.revoke(tx, anna.id, listed.id)
    assert app not in marks()
    accounts.set_enabled(tx, anna.id, enabled=False)
    assert not marks()


def test_mail_is_all_scopes(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    password = add_app(tx, anna, Scope.MAIL)
    assert all(opened_by(tx, anna, password, scope) for scope in Scope)


def test_app_passwords_have_scram_keys_until_they_expire(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "first")
    password = add_app(tx, anna, Scope.IMAP, expires_at_ms=NOW_MS + 10)
    keys = credentials.scram_keys(tx, "anna", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
    assert keys.pairs[0] == server_keys("first", SALT)
    own = server_keys(password, SALT)
    assert (keys.pairs[1].stored_key, keys.pairs[1].server_key) == (own.stored_key, own.server_key)
    assert keys.pairs[1].credential is not None
    assert keys.pairs[1].refusal is not None
    assert keys.pairs[1].refusal() == ""
    keys = credentials.scram_keys(tx, "anna", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS + 10)[1]
    assert keys.pairs[1].refusal is not None
    assert keys.pairs[1].refusal() == Why.EXPIRED


def test_an_unknown_login_has_plausible_keys_that_stay(tx: Transaction) -> None:
    person(tx, "anna@one.example", "first")

    def shown(login: str) -> object:
        return credentials.scram_keys(tx, login, secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]

    assert shown("nobody@one.example") == shown("nobody@one.example")
    known = credentials.scram_keys(tx, "anna", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
    unknown = credentials.scram_keys(tx, "nobody", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
    other = credentials.scram_keys(tx, "nobody2", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[1]
    assert (len(unknown.salt), unknown.iterations) == (len(known.salt), known.iterations)
    assert unknown.salt != other.salt
    assert unknown.pairs != other.pairs


def test_a_salt_is_the_same_before_and_after_the_account_is_made(tx: Transaction) -> None:
    person(tx, "anna@one.example")
    before = credentials.scram_keys(
        tx, "BERT@one.example", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS
    )[1]
    accounts.create(
        tx, "bert@one.example", scram_salt=credentials.scram_salt("bert@one.example", SECRET), now_ms=NOW_MS
    )
    after = credentials.scram_keys(tx, "bert@one.example", secret=SECRET, address="192.0.2.1", now_ms=NOW_MS)[
        1
    ]
    assert after.salt == before.salt


def test_the_installations_secret_is_made_once(tx: Transaction) -> None:
    assert secrets.ensure(tx, "a", bytes(32)) == bytes(32)
    assert secrets.ensure(tx, "a", b"x" * 32) == bytes(32)
    assert secrets.ensure(tx, "b", b"x" * 32) == b"x" * 32


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_client_is_an_address_or_its_network(address: str, key: str) -> None:
    assert known_clients.client_key(address) == key


def test_clients_are_remembered_within_bounds(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    for number in range(known_clients.MAX_PER_ACCOUNT + 1):
        known_clients.remember(tx, anna.id, f"192.0.2.{number}", now_ms=NOW_MS + number)
    later = NOW_MS + 1000
    assert known_clients.last_seen_at_ms(tx, anna.id, "192.0.2.0", now_ms=later) is None
    assert known_clients.last_seen_at_ms(tx, anna.id, "192.0.2.1", now_ms=later) == NOW_MS + 1
    forgotten = NOW_MS + 1 + known_clients.REMEMBERED_MS
    assert known_clients.last_seen_at_ms(tx, anna.id, "192.0.2.1", now_ms=forgotten) is None


def test_nothing_stored_holds_a_password(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example", "open sesame")
    password = add_app(tx, anna, Scope.MAIL)
    stored = repr([tx.rows(f"SELECT * FROM {table}") for table in ("passwords", "app_passwords", "accounts")])
    assert "sesame" not in stored
    assert password not in stored
    assert password.replace("-", "") not in stored


def test_which_logins_are_good_no_more(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example", "first"), person(tx, "bert@one.example", "third")
    add_app(tx, anna, Scope.IMAP, expires_at_ms=NOW_MS - 1)
    (phone,) = app_passwords.listing(tx, anna.id)
    matched = app_passwords.find(tx, anna.id, phone.id)
    assert matched is not None
    own, by_phone, of_bert = (
        login(tx, "anna"),
        (anna.id, credential_marks.mark(matched.digest)),
        login(tx, "bert"),
    )
    everybody = {own, by_phone, of_bert}
    assert credential_marks.withdrawn(tx, everybody) == set()
    credentials.set_password(tx, anna.id, hashed("second"), now_ms=NOW_MS)
    assert credential_marks.withdrawn(tx, everybody) == {own}
    app_passwords.revoke(tx, anna.id, phone.id)
    assert credential_marks.withdrawn(tx, everybody) == {own, by_phone}
    accounts.set_enabled(tx, bert.id, enabled=False)
    assert credential_marks.withdrawn(tx, everybody) == everybody
    accounts.set_enabled(tx, bert.id, enabled=True)
    assert of_bert not in credential_marks.withdrawn(tx, everybody)


def login(tx: Transaction, name: str) -> credential_marks.Login:
    """What a login with the account's own password is remembered as."""
    candidate = credentials.find(tx, name)
    assert candidate is not None
    assert candidate.argon2 is not None
    return candidate.account.id, credential_marks.mark(candidate.argon2)
