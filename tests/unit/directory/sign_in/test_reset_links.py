"""Links for a new password, and recovery addresses: what ends them, and what they cannot do."""

from collections.abc import Callable, Iterator

import pytest

from pillarbox.directory import accounts, domains
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import credentials, link_tokens, recovery_addresses, reset_links
from pillarbox.directory.sign_in.recovery_addresses import (
    CONFIRM_WITHIN_MS,
    DAY_MS,
    HOUR_MS,
    MAX_MAILS,
    Purpose,
)
from pillarbox.directory.sign_in.reset_links import MAX_TRIES, MadeBy, NewLink
from pillarbox.world.database.sqlite.transaction import SqliteTransaction as Transaction
from pillarbox.world.entropy import SeededEntropy
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, hashed, person

VALID_MS = 1000
LATER_MS = NOW_MS + VALID_MS
FAR = "anna@far.example"
ENTROPY = SeededEntropy(1)


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


def made(
    tx: Transaction, account: accounts.Account, made_by: MadeBy = MadeBy.OPERATOR, *, asks: bool = True
) -> bytes:
    _, digest = link_tokens.issue(ENTROPY)
    assert reset_links.make(tx, account.id, NewLink(digest, made_by, asks, VALID_MS), now_ms=NOW_MS)
    return digest


def is_there(tx: Transaction, digest: bytes) -> bool:
    return reset_links.find(tx, digest, now_ms=NOW_MS) is not None


def test_a_token_is_known_by_its_digest_alone() -> None:
    token, digest = link_tokens.issue(ENTROPY)
    assert len(token) == link_tokens.TOKEN_CHARACTERS
    assert link_tokens.digest_of(token) == digest
    for wrong in (
        "",
        token[:-1],
        token + "A",
        token[:-1] + "=",
        token[:-1] + "\u00e4",
        token[:-1] + "\ud800",
    ):
        assert link_tokens.digest_of(wrong) is None


def test_a_link_is_found_until_it_expires(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    digest = made(tx, anna, asks=False)
    for _ in range(3):  # looking uses nothing up
        found = reset_links.find(tx, digest, now_ms=LATER_MS - 1)
        assert found is not None
        assert (found.account, found.login, found.asks_factor) == (anna.id, "anna@one.example", False)
    assert reset_links.find(tx, digest, now_ms=LATER_MS) is None
    assert reset_links.find(tx, bytes(32), now_ms=NOW_MS) is None


def test_an_account_has_one_link(tx: Transaction) -> None:
    anna, bob = person(tx, "anna@one.example"), person(tx, "bob@one.example")
    first, other = made(tx, anna), made(tx, bob)
    second = made(tx, anna)
    assert [is_there(tx, one) for one in (first, second, other)] == [False, True, True]


def test_who_asks_by_mail_ends_no_link_of_an_operator(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    operators = made(tx, anna)
    by_mail = NewLink(bytes(32), MadeBy.MAIL, True, VALID_MS)
    assert not reset_links.make(tx, anna.id, by_mail, now_ms=NOW_MS)
    assert is_there(tx, operators)
    assert reset_links.make(tx, anna.id, by_mail, now_ms=LATER_MS), "it has expired by then"


@pytest.mark.parametrize(
    "ending",
    [
        lambda tx, anna: credentials.set_password(tx, anna.id, hashed("new secret"), now_ms=NOW_MS),
        lambda tx, anna: credentials.set_password(
            tx, anna.id, hashed("new secret"), now_ms=NOW_MS, keep_sessions=True
        ),
        lambda tx, anna: credentials.set_foreign(tx, anna.id, "$1$a$b", now_ms=NOW_MS),
        lambda tx, anna: accounts.set_enabled(tx, anna.id, enabled=False),
        lambda tx, anna: accounts.remove(tx, anna.id),
        lambda tx, _: reset_links.remove_all(tx),
    ],
    ids=["password", "password, sessions kept", "foreign hash", "disabled", "removed", "restored"],
)
def test_what_ends_a_link(tx: Transaction, ending: Callable[[Transaction, accounts.Account], None]) -> None:
    anna = person(tx, "anna@one.example", "old secret")
    digest = made(tx, anna)
    assert is_there(tx, digest)
    ending(tx, anna)
    assert not tx.rows("SELECT * FROM reset_links")


def test_an_upgraded_hash_is_the_same_password(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    credentials.set_foreign(tx, anna.id, "$1$a$b", now_ms=NOW_MS)
    digest = made(tx, anna)
    assert credentials.upgrade(tx, anna.id, "$1$a$b", hashed("secret"), now_ms=NOW_MS)
    assert is_there(tx, digest)


def test_codes_are_tried_a_few_times(tx: Transaction) -> None:
    digest = made(tx, person(tx, "anna@one.example"))
    tried = [reset_links.count_try(tx, digest, now_ms=NOW_MS) for _ in range(MAX_TRIES + 1)]
    assert tried == [True] * MAX_TRIES + [False]
    assert not is_there(tx, digest)


@pytest.mark.parametrize("column", ["expires_at_ms", "tries", "made_by"])
def test_a_damaged_row_lets_nobody_in(tx: Transaction, column: str) -> None:
    digest = made(tx, person(tx, "anna@one.example"))
    tx.execute(f"UPDATE reset_links SET {column} = 'zz'", ())
    assert not is_there(tx, digest)


def test_damage_does_not_take_the_second_factor_away(tx: Transaction) -> None:
    digest = made(tx, person(tx, "anna@one.example"), asks=False)
    tx.execute("UPDATE reset_links SET asks_factor = 'zz'", ())
    found = reset_links.find(tx, digest, now_ms=NOW_MS)
    assert found is not None
    assert found.asks_factor


def test_expired_links_are_removed(tx: Transaction) -> None:
    made(tx, person(tx, "anna@one.example"))
    assert not reset_links.any_expired(tx, now_ms=NOW_MS)
    assert reset_links.any_expired(tx, now_ms=LATER_MS)
    assert (
        reset_links.remove_expired(tx, now_ms=NOW_MS),
        reset_links.remove_expired(tx, now_ms=LATER_MS),
    ) == (0, 1)


# --- recovery addresses


def waits(tx: Transaction, account: accounts.Account, address: str = FAR) -> bytes:
    _, digest = link_tokens.issue(ENTROPY)
    recovery_addresses.begin(tx, account.id, address, digest, now_ms=NOW_MS)
    return digest


def test_an_address_counts_when_it_was_confirmed(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    digest = waits(tx, anna)
    before = recovery_addresses.get(tx, anna.id, now_ms=NOW_MS)
    assert (before.address, before.waiting) == (None, FAR)
    waiting = recovery_addresses.find_waiting(tx, digest, now_ms=NOW_MS)
    assert waiting is not None
    assert waiting.login == "anna@one.example"
    assert recovery_addresses.confirm(tx, digest, now_ms=NOW_MS) is not None
    assert recovery_addresses.confirm(tx, digest, now_ms=NOW_MS) is None, "once"
    after = recovery_addresses.get(tx, anna.id, now_ms=NOW_MS)
    assert (after.address, after.waiting) == (FAR, None)


def test_the_former_address_stays_until_then(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    recovery_addresses.confirm(tx, waits(tx, anna), now_ms=NOW_MS)
    first, second = waits(tx, anna, "x@far.example"), waits(tx, anna, "y@far.example")
    late_ms = NOW_MS + CONFIRM_WITHIN_MS
    assert recovery_addresses.get(tx, anna.id, now_ms=NOW_MS).address == FAR
    assert recovery_addresses.confirm(tx, first, now_ms=NOW_MS) is None, "replaced"
    assert recovery_addresses.confirm(tx, second, now_ms=late_ms) is None, "expired"
    assert recovery_addresses.get(tx, anna.id, now_ms=late_ms).waiting is None
    mailed = made(tx, anna, MadeBy.MAIL)
    assert recovery_addresses.confirm(tx, second, now_ms=NOW_MS) is not None
    assert not is_there(tx, mailed), "it was sent to the former address"


def test_links_end_with_the_address(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    recovery_addresses.confirm(tx, waits(tx, anna), now_ms=NOW_MS)
    digest, mailed = waits(tx, anna), made(tx, anna, MadeBy.MAIL)
    assert recovery_addresses.remove(tx, anna.id)
    assert not recovery_addresses.remove(tx, anna.id)
    assert recovery_addresses.confirm(tx, digest, now_ms=NOW_MS) is None
    assert not is_there(tx, mailed)
    operators = made(tx, anna)
    recovery_addresses.remove(tx, anna.id)
    assert is_there(tx, operators), "which has nothing to do with it"


@pytest.mark.parametrize("keep_sessions", [False, True])
def test_an_address_that_somebody_else_has_entered_is_not_confirmed_after_a_new_password(
    tx: Transaction, keep_sessions: bool
) -> None:
    """Whoever had the password could set another one by it."""
    anna = person(tx, "anna@one.example")
    digest = waits(tx, anna)
    credentials.set_password(tx, anna.id, hashed("new secret"), now_ms=NOW_MS, keep_sessions=keep_sessions)
    assert recovery_addresses.confirm(tx, digest, now_ms=NOW_MS) is None


def test_nor_after_the_account_was_disabled(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    digest = waits(tx, anna)
    accounts.set_enabled(tx, anna.id, enabled=False)
    accounts.set_enabled(tx, anna.id, enabled=True)
    assert recovery_addresses.confirm(tx, digest, now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    "address",
    ["anna@one.example", "x@ONE.example", "x@alias.example", "x", "x@[192.0.2.1]", "", "x@" + "y" * 300],
)
def test_addresses_that_are_no_recovery_addresses(tx: Transaction, address: str) -> None:
    anna = person(tx, "anna@one.example")
    domains.create(tx, "alias.example", alias_of="one.example", now_ms=NOW_MS)
    with pytest.raises(NameRefused):
        recovery_addresses.begin(tx, anna.id, address, bytes(32), now_ms=NOW_MS)


def test_mails_are_counted_by_account_and_by_address(tx: Transaction) -> None:
    anna, bob = person(tx, "anna@one.example"), person(tx, "bob@one.example")

    def may(
        account: accounts.Account, address: str, now_ms: int = NOW_MS, why: Purpose = Purpose.RESET
    ) -> bool:
        return recovery_addresses.may_mail(tx, account.id, address, why, now_ms=now_ms)

    assert [may(anna, FAR) for _ in range(MAX_MAILS + 1)] == [True] * MAX_MAILS + [False]
    assert not may(bob, FAR.upper()), "whoever names it"
    assert may(bob, "bob@far.example")
    assert may(anna, FAR, why=Purpose.CONFIRM), "who asks for links keeps nobody from setting an address"
    assert may(anna, FAR, NOW_MS + HOUR_MS)
    assert not recovery_addresses.any_expired(tx, now_ms=NOW_MS + DAY_MS - 1)
    assert recovery_addresses.any_expired(tx, now_ms=NOW_MS + DAY_MS)
    assert recovery_addresses.remove_expired(tx, now_ms=NOW_MS + DAY_MS) == MAX_MAILS + 2
    assert not recovery_addresses.any_expired(tx, now_ms=NOW_MS + DAY_MS)


def test_all_goes_with_the_account(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    recovery_addresses.confirm(tx, waits(tx, anna), now_ms=NOW_MS)
    waits(tx, anna)
    recovery_addresses.may_mail(tx, anna.id, FAR, Purpose.RESET, now_ms=NOW_MS)
    accounts.remove(tx, anna.id)
    for table in ("recovery_addresses", "recovery_confirmations", "recovery_mails"):
        assert not tx.rows(f"SELECT * FROM {table}")
