"""ContactCard/set, /changes, /query and /queryChanges against a model of a few lines: from every past state, in answers
of every size, what has changed brings a client to what is there now.

The model: an address book is a set of cards, a card is a name and the address books that it is in.
"""

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from tests.kit.jmap.client import JmapClient, open_jmap
from tests.kit.jmap.contacts import called, components

NAMES = ("Ann", "Bob", "Joe")
QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"filter": {"name": "o"}, "sort": [{"property": "name/given", "isAscending": False}]},
    {"filter": {"inAddressBook": "D2"}, "sort": [{"property": "name/given"}]},
    {"filter": {"operator": "NOT", "conditions": [{"inAddressBook": "D1"}]}},
)
places = st.integers(0, 5)
names = st.sampled_from(NAMES)
in_books = st.sets(st.sampled_from(["D1", "D2"]), min_size=1)


class Contacts(RuleBasedStateMachine):
    """Whatever is done, every client that asks is brought up to date."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.cards: dict[str, tuple[str, frozenset[str]]] = {}
        self.has_book = False
        self.seen: list[tuple[str, dict[str, Any], list[list[str]]]] = []

    def teardown(self) -> None:
        self.loop.run_until_complete(self.client.provider.close())
        self.loop.close()

    @initialize()
    def open(self) -> None:
        self.client: JmapClient = self.loop.run_until_complete(open_jmap())
        self.make_book()

    def call(self, method: str, **arguments: Any) -> Any:
        return self.loop.run_until_complete(called(self.client, method, **arguments))

    def make_book(self) -> None:
        self.book = self.call("AddressBook/set", create={"b": {"name": "Work"}})["created"]["b"]["id"]
        self.has_book = True

    def chosen(self, place: int) -> str:
        return sorted(self.cards)[place % len(self.cards)]

    def there(self, books: set[str]) -> frozenset[str]:
        return frozenset(self.book if book == "D2" and self.has_book else "D1" for book in books)

    @rule(cards=st.lists(st.tuples(names, in_books), min_size=1, max_size=3))
    def create(self, cards: list[tuple[str, set[str]]]) -> None:
        new = [(name, self.there(books)) for name, books in cards]
        said = self.call(
            "ContactCard/set",
            create={
                str(number): {
                    "name": components(given=name),
                    "addressBookIds": dict.fromkeys(books, True),
                }
                for number, (name, books) in enumerate(new)
            },
        )
        for key, made in said["created"].items():
            self.cards[made["id"]] = new[int(key)]

    @precondition(lambda self: self.cards)
    @rule(place=places, name=names, books=in_books)
    def change(self, place: int, name: str, books: set[str]) -> None:
        key = self.chosen(place)
        patch = {
            "name/components": components(given=name)["components"],
            "addressBookIds": dict.fromkeys(self.there(books), True),
        }
        assert key in self.call("ContactCard/set", update={key: patch})["updated"]
        self.cards[key] = (name, self.there(books))

    @precondition(lambda self: self.cards)
    @rule(places=st.lists(places, min_size=1, max_size=3))
    def destroy(self, places: list[int]) -> None:
        keys = {self.chosen(place) for place in places}
        assert set(self.call("ContactCard/set", destroy=list(keys))["destroyed"]) == keys
        for key in keys:
            del self.cards[key]

    @precondition(lambda self: self.has_book)
    @rule()
    def destroy_book(self) -> None:
        said = self.call("AddressBook/set", destroy=[self.book], onDestroyRemoveContents=True)
        assert said["destroyed"] == [self.book]
        self.has_book = False
        left = {key: (name, books - {self.book}) for key, (name, books) in self.cards.items()}
        self.cards = {key: card for key, card in left.items() if card[1]}

    @precondition(lambda self: not self.has_book)
    @rule()
    def make_another(self) -> None:
        self.make_book()

    @rule()
    def look(self) -> None:
        self.seen.append((self.state(), dict(self.cards), [self.ids(query) for query in QUERIES]))

    def state(self) -> str:
        return str(self.call("ContactCard/get", ids=[])["state"])

    def ids(self, query: dict[str, Any]) -> list[str]:
        said = self.call("ContactCard/query", **query)
        assert said["queryState"] == self.state()
        return list(said["ids"])

    @invariant()
    def what_is_there_is_what_the_model_has(self) -> None:
        if hasattr(self, "client"):
            said = self.call("ContactCard/get")
            found = {
                one["id"]: (one["name"]["components"][0]["value"], frozenset(one["addressBookIds"]))
                for one in said["list"]
            }
            assert found == self.cards

    @precondition(lambda self: self.seen)
    @rule(place=places, most=st.integers(1, 4))
    def catch_up(self, place: int, most: int) -> None:
        state, known, results = self.seen[place % len(self.seen)]
        client, since, more = dict(known), state, True
        while more:
            said = self.call("ContactCard/changes", sinceState=since, maxChanges=most)
            assert not said["hasMoreChanges"] or said["newState"] != since
            for key in (*said["created"], *said["updated"]):
                if key in self.cards:  # else it is told as destroyed later
                    client[key] = self.cards[key]
            for key in said["destroyed"]:
                client.pop(key, None)
            since, more = said["newState"], said["hasMoreChanges"]
        assert since == self.state()
        assert client == self.cards
        for query, before in zip(QUERIES, results, strict=True):
            assert self.changed(query, before, state) == self.ids(query)

    def changed(self, query: dict[str, Any], before: list[str], state: str) -> list[str]:
        """As RFC 8620 §5.6 has a client do it."""
        said = self.call("ContactCard/queryChanges", sinceQueryState=state, **query)
        now = [key for key in before if key not in said["removed"]]
        for added in said["added"]:
            now.insert(added["index"], added["id"])
        return now


def test_clients_are_brought_up_to_date() -> None:
    run(
        Contacts,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
