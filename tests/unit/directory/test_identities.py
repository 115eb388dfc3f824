"""Identities: those that come with the addresses of an account, and those that its owner makes."""

from collections.abc import Iterator

import pytest

from pillarbox.directory import accounts, aliases, domains, groups, identities, sending_addresses
from pillarbox.directory.accounts import Account
from pillarbox.directory.identities import (
    MAX_DESTROYED,
    MAX_IDENTITIES,
    CannotCalculateChanges,
    IdentityRefused,
    NamedAddress,
    Settings,
    State,
)
from pillarbox.directory.schema import SCHEMA
from pillarbox.mail.identifiers import ModSeq
from pillarbox.server.jmap import changes_page
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW = 1_700_000_000_000


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as transaction:
        for name in ("one.example", "two.example"):
            domains.create(transaction, name, now_ms=NOW)
        yield transaction


@pytest.fixture
def anna(tx: Transaction) -> Account:
    found = accounts.create(tx, "Anna@one.example", scram_salt=bytes(16), now_ms=NOW, name="Anna B.")
    accounts.create(tx, "bert@one.example", scram_salt=b"1" * 16, now_ms=NOW)
    return found


def emails(tx: Transaction, account: Account) -> list[str]:
    return [each.email for each in identities.listing(tx, account.id)]


def refused(tx: Transaction, account: Account, email: str) -> str:
    with pytest.raises(IdentityRefused) as raised:
        identities.create(tx, account.id, email, Settings(), modseq=ModSeq(5))
    return raised.value.type


def test_an_account_has_an_identity_for_each_address_it_may_send_from(tx: Transaction, anna: Account) -> None:
    accounts.add_address(tx, anna.id, "a@two.example")
    aliases.create(tx, "info@one.example", ["ANNA@one.example", "bert@one.example"])
    aliases.create(tx, "sales@two.example", ["info@one.example"])
    aliases.create(tx, "quiet@one.example", ["anna@one.example"], may_send=False)
    aliases.create(tx, "berts@one.example", ["bert@one.example"])
    crew = groups.create(tx, "crew", "crew@one.example")
    groups.add_member(tx, crew, anna.id)
    found = identities.listing(tx, anna.id)
    assert [each.email for each in found] == [
        "Anna@one.example",
        "a@two.example",
        "crew@one.example",
        "info@one.example",
        "sales@two.example",
    ]
    assert {(each.name, each.may_delete, each.usable) for each in found} == {("Anna B.", False, True)}
    for email in sending_addresses.listing(tx, anna.id):
        assert sending_addresses.may_send_from(tx, anna.id, email)


def test_a_catch_all_stands_for_all_addresses_of_its_domain(tx: Transaction, anna: Account) -> None:
    accounts.add_address(tx, anna.id, "@two.example")
    assert emails(tx, anna) == ["Anna@one.example", "*@two.example"]
    identities.create(tx, anna.id, "anything@two.example", Settings(), modseq=ModSeq(5))
    assert refused(tx, anna, "*@one.example") == "forbiddenFrom"


def test_aliases_in_a_circle_end(tx: Transaction, anna: Account) -> None:
    aliases.create(tx, "x@one.example", ["y@one.example", "anna@one.example"])
    aliases.create(tx, "y@one.example", ["x@one.example"])
    assert emails(tx, anna) == ["Anna@one.example", "x@one.example", "y@one.example"]


@pytest.mark.rfc("8621 §6.3", "MUST")
def test_one_for_another_address_is_refused(tx: Transaction, anna: Account) -> None:
    for email in ("bert@one.example", "x@elsewhere.example", "nobody", "", "*@one.example"):
        assert refused(tx, anna, email) == "forbiddenFrom"


def test_an_identity_is_made_changed_and_deleted(tx: Transaction, anna: Account) -> None:
    reply_to = (NamedAddress("Crew", "crew@one.example"),)
    settings = Settings(name="Anna at the shop", reply_to=reply_to, text_signature="-- \nAnna")
    made = identities.create(tx, anna.id, "anna+shop@one.example", settings, modseq=ModSeq(5))
    found = identities.get(tx, anna.id, made)
    assert found is not None
    assert (found.name, found.reply_to, found.bcc, found.text_signature) == (
        "Anna at the shop",
        reply_to,
        None,
        "-- \nAnna",
    )
    assert found.may_delete
    identities.update(tx, anna.id, made, Settings(reply_to=None, html_signature="<b>A</b>"), modseq=ModSeq(6))
    changed = identities.get(tx, anna.id, made)
    assert changed is not None
    assert (changed.name, changed.reply_to, changed.html_signature) == ("Anna at the shop", None, "<b>A</b>")
    identities.destroy(tx, anna.id, made, modseq=ModSeq(7))
    assert identities.get(tx, anna.id, made) is None
    with pytest.raises(IdentityRefused, match="no such identity"):
        identities.update(tx, anna.id, made, Settings(), modseq=ModSeq(8))
    with pytest.raises(IdentityRefused, match="no such identity"):
        identities.destroy(tx, anna.id, made, modseq=ModSeq(8))


@pytest.mark.rfc("8621 §6", "MUST")
def test_one_that_comes_with_an_address_keeps_its_id_and_is_not_deleted(
    tx: Transaction, anna: Account
) -> None:
    (before,) = identities.listing(tx, anna.id)
    identities.update(tx, anna.id, before.id, Settings(name="A."), modseq=ModSeq(5))
    (after,) = identities.listing(tx, anna.id)
    assert (after.id, after.name, after.email) == (before.id, "A.", before.email)
    with pytest.raises(IdentityRefused) as raised:
        identities.destroy(tx, anna.id, after.id, modseq=ModSeq(6))
    assert raised.value.type == "forbidden"


def test_an_address_that_is_lost_cannot_be_used_until_it_comes_back(tx: Transaction, anna: Account) -> None:
    accounts.add_address(tx, anna.id, "a@two.example")
    own = identities.listing(tx, anna.id)[1]
    identities.update(tx, anna.id, own.id, Settings(name="A."), modseq=ModSeq(5))
    made = identities.create(tx, anna.id, "a@two.example", Settings(), modseq=ModSeq(6))
    accounts.remove_address(tx, anna.id, "a@two.example")
    assert [(each.id, each.usable) for each in identities.listing(tx, anna.id)][1:] == [(made, False)]
    accounts.add_address(tx, anna.id, "a@two.example")
    assert [(each.id, each.name, each.usable) for each in identities.listing(tx, anna.id)][1:] == [
        (own.id, "A.", True),
        (made, "", True),
    ]


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(name="x" * 201), "name"),
        (Settings(name="a\r\nBcc: b"), "name"),
        (Settings(text_signature="x" * 65_537), "textSignature"),
        (Settings(html_signature="\0"), "htmlSignature"),
        (Settings(reply_to=(NamedAddress(None, "nobody"),)), "replyTo"),
        (Settings(bcc=(NamedAddress("a\nb", "a@x.example"),)), "bcc"),
        (Settings(bcc=(NamedAddress(None, "a@x.example"),) * 51), "bcc"),
    ],
)
def test_what_is_no_setting_is_refused(tx: Transaction, anna: Account, settings: Settings, name: str) -> None:
    with pytest.raises(IdentityRefused) as raised:
        identities.create(tx, anna.id, anna.login, settings, modseq=ModSeq(5))
    assert (raised.value.type, raised.value.properties) == ("invalidProperties", (name,))


def test_there_is_a_limit(tx: Transaction, anna: Account) -> None:
    for _ in range(MAX_IDENTITIES):
        identities.create(tx, anna.id, anna.login, Settings(), modseq=ModSeq(5))
    assert refused(tx, anna, anna.login) == "overQuota"


def test_changes_since_a_state(tx: Transaction, anna: Account) -> None:
    def changes(since: State) -> tuple[list[str], list[str], list[str]]:
        found = changes_page.page(identities.changes(tx, anna.id, since), since.modseq, 100)
        return found.created, found.updated, found.destroyed

    (own,) = identities.listing(tx, anna.id)
    empty = identities.state(tx, anna.id)
    assert changes(empty) == ([], [], [])
    made = identities.create(tx, anna.id, anna.login, Settings(), modseq=ModSeq(5))
    one = identities.state(tx, anna.id)
    identities.update(tx, anna.id, own.id, Settings(name="A."), modseq=ModSeq(6))
    assert changes(empty) == ([made], [own.id], [])
    assert changes(one) == ([], [own.id], [])
    identities.destroy(tx, anna.id, made, modseq=ModSeq(7))
    assert changes(one) == ([], [own.id], [made])
    assert changes(empty) == ([], [own.id], [])
    states = {empty, one, identities.state(tx, anna.id)}
    assert len(states) == 3
    accounts.add_address(tx, anna.id, "a@two.example")
    assert identities.state(tx, anna.id) not in states
    now = identities.state(tx, anna.id)
    for since in (one, State(ModSeq(99), "x"), State(ModSeq(8), now.addresses)):
        with pytest.raises(CannotCalculateChanges):
            identities.changes(tx, anna.id, since)


@pytest.mark.parametrize("text", ["", "x", "-x", "x-1", "-1-x", "٣-x", "9" * 19 + "-x"])
def test_what_is_no_state(text: str) -> None:
    assert identities.read_state(text) is None


def test_a_state_is_read_from_its_text(tx: Transaction, anna: Account) -> None:
    state = identities.state(tx, anna.id)
    assert identities.read_state(state.text) == state


def test_what_was_deleted_long_ago_is_not_remembered(tx: Transaction, anna: Account) -> None:
    first = identities.state(tx, anna.id)
    for number in range(MAX_DESTROYED + 1):
        made = identities.create(tx, anna.id, anna.login, Settings(), modseq=ModSeq(5 + 2 * number))
        identities.destroy(tx, anna.id, made, modseq=ModSeq(6 + 2 * number))
    with pytest.raises(CannotCalculateChanges):
        identities.changes(tx, anna.id, first)


def test_nothing_stays_of_an_account_that_is_removed(tx: Transaction, anna: Account) -> None:
    identities.create(tx, anna.id, anna.login, Settings(), modseq=ModSeq(5))
    accounts.remove(tx, anna.id)
    assert tx.rows("SELECT * FROM identities") == tx.rows("SELECT * FROM identity_counters") == []
