"""Roles: they belong to the account, whatever its login, and end with it or with the domain."""

from pillarbox.admin import accounts, domains, renaming, roles
from pillarbox.directory import roles as rows
from pillarbox.directory.roles import Role
from tests.kit import roles as kit
from tests.kit.people import NOW_MS
from tests.kit.roles import A, B

ADA = kit.administrator(A)


def test_a_role_stays_when_the_login_changes() -> None:
    with kit.provider() as tx:
        renaming.rename_account(tx, ADA, f"ada@{kit.HOME}")
        assert [one.domain for one in roles.of_account(tx, f"ada@{kit.HOME}")] == [A]


def test_a_role_ends_with_the_account_and_is_not_that_of_the_next_one() -> None:
    with kit.provider() as tx:
        accounts.remove(tx, ADA)
        kit.make(tx, ADA)
        assert roles.of_account(tx, ADA) == []
        assert not tx.rows("SELECT * FROM roles WHERE account NOT IN (SELECT id FROM accounts)")


def test_a_role_ends_with_the_domain_whoever_serves_it_next() -> None:
    with kit.provider() as tx:
        domains.add(tx, "short.example", now_ms=NOW_MS)
        roles.grant(tx, ADA, Role.DOMAIN, "short.example", now_ms=NOW_MS)
        domains.remove(tx, "short.example")
        domains.add(tx, "short.example", now_ms=NOW_MS)
        assert rows.standing(tx, kit.number(tx, ADA)).domains == {A}


def test_the_role_for_a_domain_alias_is_that_for_what_it_stands_for() -> None:
    with kit.provider() as tx:
        assert roles.grant(tx, ADA, Role.DOMAIN, f"ALSO-{B}", now_ms=NOW_MS).domain == B


def test_roles_are_listed_with_owners_first() -> None:
    with kit.provider() as tx:
        assert [(one.login, one.role, one.domain) for one in roles.listing(tx)] == [
            (kit.OWNER, Role.OWNER, ""),
            (ADA, Role.DOMAIN, A),
            (kit.administrator(B), Role.DOMAIN, B),
        ]
