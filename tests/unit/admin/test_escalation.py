"""What administrators of a domain try so as to have more than their domain, and owners so as to lose the provider."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pillarbox.admin import (
    accounts,
    aliases,
    app_passwords,
    browser_sessions,
    devices,
    dkim,
    domains,
    groups,
    password_reset,
    queue,
    renaming,
    reports,
    roles,
    second_factors,
)
from pillarbox.admin.accounts import NewAccount
from pillarbox.admin.domains import DomainChange
from pillarbox.admin.log_reading import LogQuery, last_entries
from pillarbox.admin.permissions import NotPermitted, act, permitted
from pillarbox.directory import quota
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.roles import Role
from pillarbox.queue.inspection import Selection
from pillarbox.world.database import Transaction
from tests.kit import roles as kit
from tests.kit.people import NOW_MS, SALT, hashed
from tests.kit.roles import HOME, OWNER, A, B

ADA, UMA, OTHER = kit.administrator(A), kit.user(A), kit.user(B)
NEW = hashed("another one")


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with kit.provider() as made:
        yield made


def by(tx: Transaction, actor: str, verb: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a page does for somebody."""
    return act(tx, kit.number(tx, actor), verb, *arguments, **keywords)


def refused(tx: Transaction, actor: str, verb: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    """Why somebody may not."""
    with pytest.raises(NotPermitted) as raised:
        by(tx, actor, verb, *arguments, **keywords)
    return str(raised.value)


def new_account(address: str, quota_octets: int | None = None) -> NewAccount:
    return NewAccount(address, "", SALT, NEW, quota_octets)


# --- power over accounts


def test_an_administrator_manages_the_people_of_the_domain(tx: Transaction) -> None:
    by(tx, ADA, accounts.create, new_account(f"new@{A}"), now_ms=NOW_MS)
    by(tx, ADA, accounts.set_password, f"new@{A}", NEW, now_ms=NOW_MS)
    by(tx, ADA, accounts.add_address, f"new@{A}", f"newer@{A}")
    by(tx, ADA, accounts.set_enabled, f"new@{A}", enabled=False)
    by(tx, ADA, renaming.rename_account, f"new@{A}", f"newest@{A}")
    by(tx, ADA, accounts.remove, f"newest@{A}")
    assert {one.login for one in by(tx, ADA, accounts.listing, domain=A)} == {UMA, ADA}


def test_the_password_of_an_owner_is_not_reset_by_who_administers_its_domain(tx: Transaction) -> None:
    roles.grant(tx, UMA, Role.OWNER, now_ms=NOW_MS)
    for verb, arguments, keywords in (
        (accounts.set_password, (UMA, NEW), {"now_ms": NOW_MS}),
        (accounts.set_enabled, (UMA,), {"enabled": False}),
        (accounts.remove, (UMA,), {}),
        (renaming.rename_account, (UMA, f"umb@{A}"), {}),
        (accounts.remove_address, (UMA, f"x@{A}"), {}),
        (app_passwords.revoke, (UMA, 1), {"now_ms": NOW_MS}),
        (second_factors.remove, (UMA,), {}),
        (browser_sessions.end_all, (UMA,), {"now_ms": NOW_MS}),
        (password_reset.make_link, (UMA, b"x"), {"valid_ms": 1, "asks_factor": False, "now_ms": NOW_MS}),
    ):
        assert (
            refused(tx, ADA, verb, *arguments, **keywords) == f"not permitted: {UMA} is not yours to manage"
        )
    by(tx, OWNER, accounts.set_password, UMA, NEW, now_ms=NOW_MS)


def test_nor_that_of_an_administrator_of_another_domain(tx: Transaction) -> None:
    roles.grant(tx, UMA, Role.DOMAIN, B, now_ms=NOW_MS)
    refused(tx, ADA, accounts.set_password, UMA, NEW, now_ms=NOW_MS)
    roles.grant(tx, ADA, Role.DOMAIN, B, now_ms=NOW_MS)
    by(tx, ADA, accounts.set_password, UMA, NEW, now_ms=NOW_MS)


def test_nor_that_of_who_has_an_address_in_another_domain_or_is_its_postmaster(tx: Transaction) -> None:
    accounts.add_address(tx, UMA, f"uma-too@{B}")
    refused(tx, ADA, accounts.set_password, UMA, NEW, now_ms=NOW_MS)
    accounts.remove_address(tx, UMA, f"uma-too@{B}")
    by(tx, ADA, accounts.set_password, UMA, NEW, now_ms=NOW_MS)
    domains.change(tx, B, DomainChange(postmaster=UMA))
    refused(tx, ADA, accounts.set_password, UMA, NEW, now_ms=NOW_MS)
    assert by(tx, ADA, accounts.profile, UMA).login == UMA  # is seen, as in the list


def test_an_address_of_the_domain_gives_no_power_over_an_account_of_another(tx: Transaction) -> None:
    accounts.add_address(tx, OTHER, f"guest@{A}")
    for login in (OTHER, f"guest@{A}"):
        refused(tx, ADA, accounts.set_password, login, NEW, now_ms=NOW_MS)
        refused(tx, ADA, accounts.remove_address, login, f"guest@{A}")


def test_administrators_of_the_same_domain_are_equals(tx: Transaction) -> None:
    kit.make(tx, f"eve@{A}")
    roles.grant(tx, f"eve@{A}", Role.DOMAIN, A, now_ms=NOW_MS)
    by(tx, ADA, accounts.set_password, f"eve@{A}", NEW, now_ms=NOW_MS)


def test_nobody_gets_an_app_password_of_somebody_else(tx: Transaction) -> None:
    for actor in (ADA, OWNER):
        with pytest.raises(NotPermitted):
            permitted(
                tx, kit.number(tx, actor), app_passwords.add, UMA, object(), name="x", scopes=(), now_ms=1
            )
    permitted(tx, kit.number(tx, UMA), app_passwords.add, UMA, object(), name="x", scopes=(), now_ms=1)


def test_nor_codes_or_a_recovery_address(tx: Transaction) -> None:
    number = kit.number(tx, UMA)
    for actor in (ADA, OWNER):
        refused(tx, actor, second_factors.new_recovery_codes, UMA, ["x"], fresh=b"x", now_ms=NOW_MS)
        refused(tx, actor, second_factors.store_recovery_codes, number, ["x"], fresh=b"x", now_ms=NOW_MS)
        refused(tx, actor, password_reset.set_recovery_address, number, "x@far.example", object())
        refused(tx, actor, devices.want_notices, UMA, wanted=False)  # who is told of a takeover decides that
    by(tx, ADA, second_factors.remove, UMA)  # for who has lost the phone


def test_what_does_not_exist_elsewhere_is_refused_as_what_does(tx: Transaction) -> None:
    there = refused(tx, ADA, accounts.profile, OTHER)
    assert refused(tx, ADA, accounts.profile, f"none@{B}") == there.replace(OTHER, f"none@{B}")
    assert refused(tx, ADA, groups.listing, domain="gone.example") == refused(
        tx, ADA, groups.listing, domain=B
    ).replace(B, "gone.example")
    refused(tx, ADA, groups.remove, "no such group")
    refused(tx, ADA, reports.details, 99)
    with pytest.raises(NameRefused, match="there is no account"):
        by(tx, ADA, accounts.profile, f"none@{A}")


# --- addresses


@pytest.mark.parametrize("domain", [B, f"also-{B}", HOME, "gone.example"])
@pytest.mark.parametrize("local", ["new", "postmaster", "abuse", ""])
def test_no_address_is_made_in_another_domain(tx: Transaction, domain: str, local: str) -> None:
    address = f"{local}@{domain}"
    refused(tx, ADA, accounts.create, new_account(address), now_ms=NOW_MS)
    refused(tx, ADA, accounts.add_address, UMA, address)
    refused(tx, ADA, aliases.add, address, [UMA])
    refused(tx, ADA, aliases.set_targets, address, [UMA])
    refused(tx, ADA, groups.add, "Mine", address)
    refused(tx, ADA, renaming.rename_account, UMA, address)
    refused(tx, ADA, renaming.rename_alias, f"info@{A}", address)
    refused(tx, ADA, renaming.rename_alias, address, f"info2@{A}")
    refused(tx, ADA, renaming.rename_group, kit.group(A), None, address)


def test_a_domain_alias_is_of_who_administers_what_it_stands_for(tx: Transaction) -> None:
    by(tx, ADA, aliases.add, f"postmaster@also-{A}", [UMA])
    by(tx, ADA, dkim.listing, f"also-{A}")
    refused(tx, ADA, dkim.listing, f"also-{B}")


def test_the_postmaster_of_the_domain_is_one_of_its_accounts(tx: Transaction) -> None:
    by(tx, ADA, domains.change, A, DomainChange(postmaster=ADA))
    refused(tx, ADA, domains.change, A, DomainChange(postmaster=OTHER))
    refused(tx, ADA, domains.change, B, DomainChange(postmaster=UMA))


def test_members_of_a_group_are_people_of_the_domain(tx: Transaction) -> None:
    by(tx, ADA, groups.join, kit.group(A), [ADA])
    refused(tx, ADA, groups.join, kit.group(A), [ADA, OTHER])
    refused(tx, ADA, groups.join, kit.group(B), [UMA])
    refused(tx, ADA, groups.add, "Both", f"both@{A}", [OTHER])


def test_aliases_of_other_domains_are_not_changed_by_a_removal(tx: Transaction) -> None:
    kit.make(tx, f"leaver@{A}")
    aliases.add(tx, f"partner@{B}", [f"leaver@{A}"])
    for detach in (False, True):
        said = refused(tx, ADA, accounts.remove, f"leaver@{A}", detach=detach)
        assert "partner" not in said
    by(tx, OWNER, accounts.remove, f"leaver@{A}", detach=True)


def test_nothing_is_told_of_addresses_of_other_domains(tx: Transaction) -> None:
    aliases.add(tx, f"secret@{B}", [f"gone@{B}"])
    aliases.add(tx, f"mine@{A}", [f"gone@{A}"])
    assert by(tx, ADA, accounts.add_address, UMA, f"more@{A}") == [
        f"alias mine@{A} leads to gone@{A}, which does not exist"
    ]
    assert by(tx, ADA, aliases.remove, f"mine@{A}") == []
    assert [one.address for one in by(tx, ADA, groups.listing, domain=A)] == [f"crew@{A}"]
    assert [one.address for one in by(tx, ADA, aliases.listing, domain=A)] == [f"info@{A}"]
    for listing in (accounts.listing, aliases.listing, groups.listing, dkim.listing, domains.listing):
        refused(tx, ADA, listing)


# --- quotas


def test_a_quota_goes_up_to_that_of_the_domain(tx: Transaction) -> None:
    by(tx, ADA, accounts.set_quota, UMA, 10**12)  # it has none yet
    domains.change(tx, A, DomainChange(quota_octets=1_000))
    by(tx, ADA, accounts.set_quota, UMA, 1_000)
    by(tx, ADA, accounts.set_quota, UMA, None)
    for octets in (1_001, quota.UNLIMITED):
        assert "above that of the domain" in refused(tx, ADA, accounts.set_quota, UMA, octets)
        refused(tx, ADA, accounts.create, new_account(f"new@{A}", octets), now_ms=NOW_MS)
        by(tx, OWNER, accounts.set_quota, UMA, octets)
    refused(tx, ADA, domains.change, A, DomainChange(quota_octets=2_000))
    refused(tx, UMA, accounts.set_quota, UMA, 10)


# --- queue, log and reports


def test_the_queue_shows_and_changes_mail_of_the_domain_only(tx: Transaction) -> None:
    mine = Selection(domains=(A,))
    (entry,) = by(tx, ADA, queue.listing, mine, now_ms=NOW_MS, limit=10)
    assert entry.sender == UMA
    assert by(tx, ADA, queue.hold, mine, now_ms=NOW_MS) == 1
    assert by(tx, ADA, queue.count, mine) == (1, 1)
    for selection in (Selection(), Selection(domains=(A, B)), Selection(messages=(1, 2))):
        for verb in (queue.hold, queue.release, queue.retry):
            refused(tx, ADA, verb, selection, now_ms=NOW_MS)
        refused(tx, ADA, queue.drop, selection, None, now_ms=NOW_MS)
        refused(tx, ADA, queue.listing, selection, now_ms=NOW_MS, limit=10)
    assert by(tx, OWNER, queue.count, Selection(domains=(A, B))) == (2, 2)
    assert by(tx, OWNER, queue.count, Selection()) == (2, 2)


def test_mail_that_no_account_has_sent_is_for_owners(tx: Transaction) -> None:
    tx.execute("UPDATE queue_messages SET account = NULL")
    assert by(tx, ADA, queue.count, Selection(domains=(A,))) == (0, 0)
    for message in (1, 99):
        refused(tx, ADA, queue.show, message, now_ms=NOW_MS)
    assert by(tx, OWNER, queue.show, 1, now_ms=NOW_MS).message.id == 1


def test_the_whole_log_is_for_owners(tx: Transaction) -> None:
    with pytest.raises(NotPermitted):
        permitted(tx, kit.number(tx, ADA), last_entries, object(), LogQuery(), limit=1)
    permitted(tx, kit.number(tx, OWNER), last_entries, object(), LogQuery(), limit=1)


# --- roles


def test_only_owners_grant_roles(tx: Transaction) -> None:
    for actor in (ADA, UMA):
        refused(tx, actor, roles.grant, actor, Role.OWNER, now_ms=NOW_MS)
        refused(tx, actor, roles.grant, UMA, Role.DOMAIN, A, now_ms=NOW_MS)
        refused(tx, actor, roles.revoke, ADA, Role.DOMAIN, A)
        refused(tx, actor, roles.listing)
        refused(tx, actor, domains.add, "new.example", now_ms=NOW_MS)
        refused(tx, actor, domains.remove, A)
    by(tx, OWNER, roles.grant, UMA, Role.DOMAIN, A, now_ms=NOW_MS)
    assert [one.domain for one in by(tx, UMA, roles.of_account, UMA)] == [A]


def test_the_last_owner_stays_one_unless_by_the_command_line(tx: Transaction) -> None:
    def attempts() -> Iterator[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]:
        yield roles.revoke, (OWNER, Role.OWNER), {}
        yield accounts.set_enabled, (OWNER,), {"enabled": False}
        yield accounts.remove, (OWNER,), {}

    for verb, arguments, keywords in attempts():
        assert "for the command line" in refused(tx, OWNER, verb, *arguments, **keywords)
    roles.grant(tx, UMA, Role.OWNER, now_ms=NOW_MS)
    accounts.set_enabled(tx, UMA, enabled=False)  # nobody can sign in as that one
    for verb, arguments, keywords in attempts():
        refused(tx, OWNER, verb, *arguments, **keywords)
    accounts.set_enabled(tx, UMA, enabled=True)
    for verb, arguments, keywords in attempts():
        permitted(tx, kit.number(tx, UMA), verb, *arguments, **keywords)
    assert by(tx, UMA, roles.revoke, OWNER, Role.OWNER) is True
    refused(tx, OWNER, roles.grant, OWNER, Role.OWNER, now_ms=NOW_MS)  # at once
    assert roles.revoke(tx, UMA, Role.OWNER) is False


def test_who_is_disabled_or_removed_may_nothing(tx: Transaction) -> None:
    number = kit.number(tx, ADA)
    accounts.set_enabled(tx, ADA, enabled=False)
    assert "disabled or removed" in refused(tx, ADA, accounts.profile, ADA)
    accounts.remove(tx, ADA)
    with pytest.raises(NotPermitted, match="disabled or removed"):
        act(tx, number, accounts.profile, UMA)


def test_a_role_that_is_revoked_permits_nothing_from_then_on(tx: Transaction) -> None:
    by(tx, ADA, accounts.profile, UMA)
    roles.revoke(tx, ADA, Role.DOMAIN, A)
    refused(tx, ADA, accounts.profile, UMA)


def test_the_matter_of_several_domains_needs_the_role_for_each(tx: Transaction) -> None:
    roles.grant(tx, ADA, Role.DOMAIN, B, now_ms=NOW_MS)
    by(tx, ADA, renaming.rename_account, UMA, f"umberto@{B}")
    by(tx, ADA, groups.join, kit.group(B), [f"umberto@{B}"])
    assert by(tx, ADA, queue.count, Selection(domains=(A, B))) == (2, 2)
