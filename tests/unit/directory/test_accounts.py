"""Accounts, their logins and addresses, and domains."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts, domains, quota
from pillarbox.directory.naming import NameRefused, local_key
from pillarbox.directory.schema import SCHEMA
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, SALT, person


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


def create(tx: Transaction, address: str) -> accounts.Account:
    return accounts.create(tx, address, scram_salt=SALT, now_ms=NOW_MS)


@pytest.mark.parametrize(
    "login", ["anna@one.example", "ANNA@One.Example", "anna", "Anna", "anna@ONE.example"]
)
def test_a_login_is_an_address_or_an_unambiguous_local_part(tx: Transaction, login: str) -> None:
    anna = person(tx, "Anna@one.example")
    assert accounts.by_login(tx, login) == anna
    assert (anna.login, anna.address) == ("anna@one.example", "Anna@one.example")


@pytest.mark.parametrize(
    "login", ["", "@one.example", "ann", "anna@two.example", "anna@", "a@b@c", "x@[", "@", "\0"]
)
def test_invalid_logins_find_no_account(tx: Transaction, login: str) -> None:
    anna = person(tx, "anna@one.example")
    accounts.add_address(tx, anna.id, "@one.example")
    assert accounts.by_login(tx, login) is None


def test_a_local_part_in_two_domains_is_no_login(tx: Transaction) -> None:
    person(tx, "anna@one.example")
    other = person(tx, "anna@two.example")
    assert accounts.by_login(tx, "anna") is None
    assert accounts.by_login(tx, "anna@two.example") == other


def test_an_alias_domain_is_good_for_logging_in(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    domains.create(tx, "eins.example", now_ms=NOW_MS, alias_of="one.example")
    assert accounts.by_login(tx, "anna@eins.example") == anna


def test_names_in_other_scripts(tx: Transaction) -> None:
    assert local_key("STRASSE") == local_key("stra\u00dfe")
    assert local_key("J\u00fcrgen") == local_key("JU\u0308RGEN")
    domains.create(tx, "b\u00fccher.example", now_ms=NOW_MS)
    jürgen = create(tx, "J\u00fcrgen@b\u00fccher.example")
    assert jürgen.login == "j\u00fcrgen@xn--bcher-kva.example"
    assert accounts.by_login(tx, "JU\u0308RGEN@xn--BCHER-kva.example") == jürgen


def test_a_quoted_local_part(tx: Transaction) -> None:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    odd = create(tx, '"Odd name"@one.example')
    assert odd.login == '"odd name"@one.example'
    assert accounts.by_login(tx, '"ODD name"@one.example') == odd
    assert accounts.addresses_of(tx, odd.id) == ['"Odd name"@one.example']


def test_an_address_is_claimed_once(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    bert = person(tx, "bert@one.example")
    for taken in ("anna@one.example", "ANNA@one.example"):
        with pytest.raises(NameRefused, match="already in use"):
            create(tx, taken)
        with pytest.raises(NameRefused, match="already in use"):
            accounts.add_address(tx, bert.id, taken)
    assert accounts.addresses_of(tx, anna.id) == ["anna@one.example"]


@pytest.mark.parametrize(
    "address", ["anna@other.example", "anna", "anna@", "@one.example", "a b@one.example"]
)
def test_addresses_that_cannot_be_accounts(tx: Transaction, address: str) -> None:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    with pytest.raises(NameRefused):
        create(tx, address)
    assert accounts.listing(tx) == []


def test_further_addresses_come_and_go_but_the_login_stays(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    accounts.add_address(tx, anna.id, "A.Example@one.example")
    assert accounts.addresses_of(tx, anna.id) == ["anna@one.example", "A.Example@one.example"]
    assert accounts.by_login(tx, "a.example@one.example") == anna
    accounts.remove_address(tx, anna.id, "a.example@one.example")
    assert accounts.addresses_of(tx, anna.id) == ["anna@one.example"]
    with pytest.raises(NameRefused, match="login"):
        accounts.remove_address(tx, anna.id, "anna@one.example")


def test_one_cannot_remove_the_address_of_another(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    with pytest.raises(NameRefused, match="not an address of the account"):
        accounts.remove_address(tx, bert.id, "anna@one.example")
    assert accounts.by_login(tx, "anna") == anna


def test_numbers_are_never_given_twice(tx: Transaction) -> None:
    first = person(tx, "anna@one.example")
    accounts.remove(tx, first.id)
    assert accounts.by_login(tx, "anna") is None
    assert create(tx, "anna@one.example").id > first.id


def test_listing_goes_on_where_it_stopped(tx: Transaction) -> None:
    people = [person(tx, f"u{number}@one.example") for number in range(5)]
    assert accounts.listing(tx, limit=3) == people[:3]
    assert accounts.listing(tx, after=people[2].id) == people[3:]


def test_domains_are_served_once_and_leave_last(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    with pytest.raises(NameRefused, match="already served"):
        domains.create(tx, "ONE.example.", now_ms=NOW_MS)
    with pytest.raises(
        NameRefused, match=r"still has addresses: anna@one.example \(account\). Remove them first"
    ):
        domains.remove(tx, "one.example")
    domains.create(tx, "eins.example", now_ms=NOW_MS, alias_of="one.example")
    with pytest.raises(NameRefused, match="itself an alias"):
        domains.create(tx, "uno.example", now_ms=NOW_MS, alias_of="eins.example")
    accounts.remove(tx, anna.id)
    with pytest.raises(NameRefused, match="alias domains"):
        domains.remove(tx, "one.example")
    domains.remove(tx, "eins.example")
    domains.remove(tx, "one.example")
    assert domains.listing(tx) == []


@pytest.mark.parametrize("name", ["", "[127.0.0.1]", "a..b", "-", "one example", "x" * 64 + ".example"])
def test_names_that_cannot_be_domains(tx: Transaction, name: str) -> None:
    with pytest.raises(NameRefused):
        domains.create(tx, name, now_ms=NOW_MS)


def test_a_quota_is_the_accounts_or_else_the_domains(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    assert quota.effective(tx, anna.id) is None
    quota.set_domain_quota(tx, "one.example", 1000)
    assert quota.effective(tx, anna.id) == 1000
    quota.set_account_quota(tx, anna.id, 5000)
    assert quota.effective(tx, anna.id) == 5000
    quota.set_account_quota(tx, anna.id, quota.UNLIMITED)
    assert quota.effective(tx, anna.id) is None
    with pytest.raises(NameRefused):
        quota.set_account_quota(tx, anna.id, -1)
