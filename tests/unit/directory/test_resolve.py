"""Address resolution, and who may send from an address."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.directory import accounts, aliases, domains, groups, resolve
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.resolve import Local, Remote, Resolution, Unknown
from pillarbox.directory.schema import SCHEMA
from pillarbox.mail.address import Address
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as opened:
        yield opened


def resolved(tx: Transaction, address: str) -> Resolution:
    return resolve.recipient(tx, Address.parse(address))


def may_send(tx: Transaction, account: accounts.Account, address: str) -> bool:
    return resolve.may_send_as(tx, account.id, Address.parse(address))


def test_an_account_by_its_address(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    assert resolved(tx, "ANNA@ONE.example") == Local((anna,))
    assert resolved(tx, "bert@one.example") == Unknown("no such address")
    assert resolved(tx, "anna@elsewhere.example") == Remote()
    assert resolved(tx, "anna@[127.0.0.1]") == Remote()


@pytest.mark.rfc("5233 §1", "MAY")
def test_a_detail_is_returned_and_an_exact_address_wins(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    assert resolved(tx, "anna+Shops+x@one.example") == Local((anna,), detail="shops+x")
    exact = person(tx, "anna+work@one.example")
    assert resolved(tx, "anna+work@one.example") == Local((exact,))
    assert resolved(tx, "+x@one.example") == Unknown("no such address")


def test_each_domain_has_its_separator(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    domains.set_separator(tx, "one.example", "-")
    assert resolved(tx, "anna-shops@one.example") == Local((anna,), detail="shops")
    assert resolved(tx, "anna+shops@one.example") == Unknown("no such address")
    domains.set_separator(tx, "one.example", "")
    assert resolved(tx, "anna-shops@one.example") == Unknown("no such address")


def test_an_alias_domain_leads_where_its_target_does(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    domains.create(tx, "eins.example", now_ms=NOW_MS, alias_of="one.example")
    assert resolved(tx, "anna+x@eins.example") == Local((anna,), detail="x")
    assert may_send(tx, anna, "anna@eins.example")


def test_an_alias_leads_to_ours_and_others(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@two.example")
    aliases.create(tx, "team@one.example", ["anna@one.example", "bert@two.example", "Carl@else.example"])
    assert resolved(tx, "team@one.example") == Local((anna, bert), (Address("Carl", "else.example"),))
    assert resolved(tx, "team+x@one.example") == Local((anna, bert), (Address("Carl", "else.example"),), "x")
    aliases.set_targets(tx, "team@one.example", ["bert@two.example"])
    assert resolved(tx, "team@one.example") == Local((bert,))
    aliases.remove(tx, "team@one.example")
    assert resolved(tx, "team@one.example") == Unknown("no such address")


def test_each_account_is_reached_once(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    aliases.create(tx, "a@one.example", ["anna@one.example", "b@one.example", "X@else.example"])
    aliases.create(tx, "b@one.example", ["ANNA@one.example", "X@ELSE.example"])
    assert resolved(tx, "a@one.example") == Local((anna,), (Address("X", "else.example"),))


def test_loops_end(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    aliases.create(tx, "a@one.example", ["b@one.example"])
    aliases.create(tx, "b@one.example", ["a@one.example", "a+again@one.example"])
    assert resolved(tx, "a@one.example") == Unknown("no target")
    aliases.create(tx, "c@one.example", ["a@one.example", "c@one.example", "anna@one.example"])
    assert resolved(tx, "c@one.example") == Local((anna,))


def test_an_alias_may_point_to_an_address_created_later(tx: Transaction) -> None:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    aliases.create(tx, "info@one.example", ["anna@one.example"])
    assert resolved(tx, "info@one.example") == Unknown("no target")
    anna = person(tx, "anna@one.example")
    assert resolved(tx, "info@one.example") == Local((anna,))


def test_a_catch_all_takes_the_rest(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    aliases.create(tx, "@one.example", ["bert@one.example"])
    assert resolved(tx, "anyone@one.example") == Local((bert,))
    assert resolved(tx, "anna+x@one.example") == Local((anna,), detail="x")
    assert may_send(tx, bert, "anyone@one.example")
    assert not may_send(tx, bert, "anna@one.example")
    assert [alias.address for alias in aliases.listing(tx, "one.example")] == ["@one.example"]


@pytest.mark.rfc("2142 §5", "MUST")
@pytest.mark.rfc("5321 §4.5.1", "MUST")
def test_postmaster_is_always_delivered(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    aliases.create(tx, "@one.example", ["bert@one.example"])
    assert resolved(tx, "Postmaster@one.example") == Local((anna,))
    assert resolved(tx, "abuse@one.example") == Local((anna,))
    domains.set_postmaster(tx, "one.example", bert.id)
    assert resolved(tx, "postmaster@one.example") == Local((bert,))
    aliases.create(tx, "postmaster@one.example", ["anna@one.example", "ops@else.example"])
    assert resolved(tx, "postmaster@one.example") == Local((anna,), (Address("ops", "else.example"),))


def test_a_disabled_account_receives_nothing(tx: Transaction) -> None:
    anna = person(tx, "anna@one.example")
    aliases.create(tx, "info@one.example", ["anna@one.example", "x@else.example"])
    accounts.set_enabled(tx, anna.id, enabled=False)
    assert resolved(tx, "anna@one.example") == Unknown("disabled")
    assert resolved(tx, "info@one.example") == Local((), (Address("x", "else.example"),))


def test_what_leads_to_many_is_not_followed_where_that_is_not_wanted(tx: Transaction) -> None:
    people = [person(tx, f"{name}@one.example") for name in ("anna", "bert", "cleo")]
    group = groups.create(tx, "board", "board@one.example")
    for member in people:
        groups.add_member(tx, group, member.id)
    aliases.create(tx, "all@one.example", ["board@one.example", "x@elsewhere.example"])

    def within(address: str, most: int) -> bool:
        try:
            found = resolve.recipient(tx, Address.parse(address), most=most)
        except resolve.LeadsToMany:
            return False
        assert found == resolved(tx, address)
        return True

    assert within("anna@one.example", 0)
    assert [within("board@one.example", most) for most in (0, 3, 4)] == [False, False, True]
    assert [within("all@one.example", most) for most in (2, 6, 7)] == [False, False, True]


def test_a_group_reaches_its_current_members(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    group = groups.create(tx, "board", "board@one.example")
    assert resolved(tx, "board@one.example") == Unknown("no target")
    groups.add_member(tx, group, anna.id)
    groups.add_member(tx, group, bert.id)
    groups.add_member(tx, group, bert.id)
    assert resolved(tx, "board@one.example") == Local((anna, bert))
    assert may_send(tx, bert, "board@one.example")
    groups.remove_member(tx, group, bert.id)
    assert resolved(tx, "board@one.example") == Local((anna,))
    assert not may_send(tx, bert, "board@one.example")
    accounts.remove(tx, anna.id)
    assert groups.members(tx, group) == []
    groups.remove(tx, group, "board@one.example")
    assert groups.by_name(tx, "board") is None


def test_an_account_may_send_as_its_addresses_and_as_those_that_deliver_to_it(tx: Transaction) -> None:
    anna, bert = person(tx, "anna@one.example"), person(tx, "bert@one.example")
    accounts.add_address(tx, anna.id, "a.nna@one.example")
    aliases.create(tx, "sales@one.example", ["info@one.example", "out@else.example"])
    aliases.create(tx, "info@one.example", ["anna@one.example"])
    aliases.create(tx, "ceo@one.example", ["anna@one.example"], may_send=False)
    for address in ("Anna@one.example", "anna+any@one.example", "a.nna@one.example", "sales@one.example"):
        assert may_send(tx, anna, address)
        assert not may_send(tx, bert, address)
    for address in ("ceo@one.example", "anna@else.example", "out@else.example", "new@one.example"):
        assert not may_send(tx, anna, address)


def test_an_alias_needs_targets_that_are_addresses(tx: Transaction) -> None:
    person(tx, "anna@one.example")
    for targets in (
        [],
        ["no address"],
        [f"u{number}@else.example" for number in range(aliases.MAX_TARGETS + 1)],
    ):
        with pytest.raises(NameRefused):
            aliases.create(tx, f"x{len(targets)}@one.example", targets)
    with pytest.raises(NameRefused, match="already in use"):
        aliases.create(tx, "anna@one.example", ["x@else.example"])
    with pytest.raises(NameRefused, match="no alias"):
        aliases.set_targets(tx, "anna@one.example", ["x@else.example"])
    with pytest.raises(NameRefused, match="no alias"):
        aliases.remove(tx, "anna@one.example")


@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 8), min_size=1, max_size=4)), max_size=6)
)
@settings(max_examples=60, deadline=None)
def test_any_web_of_aliases_reaches_what_a_plain_search_reaches(web: list[tuple[int, list[int]]]) -> None:
    """Nodes 0 to 5 may be aliases, 6 to 8 are accounts."""
    edges = dict(web)
    with open_transaction(SCHEMA) as tx:
        people = {node: person(tx, f"n{node}@one.example") for node in (6, 7, 8)}
        for node, targets in edges.items():
            aliases.create(tx, f"n{node}@one.example", [f"n{target}@one.example" for target in targets])
        for start in edges:
            seen, waiting = set(), [start]
            while waiting:
                node = waiting.pop()
                if node not in seen:
                    seen.add(node)
                    waiting += edges.get(node, [])
            outcome = resolved(tx, f"n{start}@one.example")
            reached = set(outcome.accounts) if isinstance(outcome, Local) else set()
            assert reached == {people[node] for node in seen if node in people}
