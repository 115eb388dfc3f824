"""Email/undo against a model: without others, everything is as it was; with others, nothing of theirs is lost."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.store.invariants import INVARIANTS
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import called
from tests.property.test_jmap_email_set import Account, Emails, _actions, _boxes, _patches, _words

_imap = _actions.filter(lambda action: action[0] not in ("set", "undo"))
_which = st.integers(0, 5)
_sets = st.fixed_dictionaries(
    {
        "create": st.lists(st.tuples(_boxes, _words), max_size=2),
        "update": st.dictionaries(_which, _patches, max_size=4),
        "destroy": st.sets(_which, max_size=3),
        "state": st.just("none"),
    }
).map(lambda wanted: ("set", wanted))
_start = st.lists(st.one_of(st.tuples(st.just("deliver"), st.integers(0, 2), _words), _imap), max_size=8)

State = tuple[str, Emails, Emails]
"""A token, with what there was before its call and after it."""


class Person(Account):
    """A client that undoes."""

    def __init__(self, client: JmapClient) -> None:
        super().__init__(client)
        self.done: list[State] = []

    async def change(self, action: tuple[Any, ...]) -> None:
        """What a call changes, or another client."""
        _, before = await self.now()
        tokens = len(self.tokens)
        await self.act(action)
        _, after = await self.now()
        if len(self.tokens) > tokens:
            self.done.append((self.tokens[-1], before, after))

    async def undo_one(self, token: str, before: Emails, after: Emails) -> str | None:
        """Undo a call; its answer, and all that there is, are as the model says."""
        _, now = await self.now()
        said = await called(self.client, "Email/undo", undoToken=token)
        expected, undone, refused = _undone(now, before, after)
        _, found = await self.now()
        assert found == expected
        assert {*(said["undone"] or ())} == undone
        assert {name: one.get("properties", []) for name, one in (said["notUndone"] or {}).items()} == refused
        redo: str | None = said["undoToken"]
        assert (redo is None) == (found == now)
        return redo

    def check_rows(self) -> None:
        """All that is always true of the store's rows."""

        def verb(tx: Any) -> list[Any]:
            return [(one.name, *row) for one in INVARIANTS for row in one.find(tx)]

        assert self.client.provider.world.database.read_now(verb) == []


def _undone(now: Emails, before: Emails, after: Emails) -> tuple[Emails, set[str], dict[str, list[str]]]:
    """What there is then, what is undone, and what is not, with properties."""
    expected, undone, refused = dict(now), set[str](), dict[str, list[str]]()
    for email in before.keys() | after.keys():
        was, made, there = before.get(email), after.get(email), now.get(email)
        if was == made:
            continue
        if made is None:
            assert was is not None
            assert there is None
            expected[email] = was
            undone.add(email)
        elif was is None:
            different = [] if there is None else _different(made, there)
            if different:
                refused[email] = different
            else:
                undone.add(email)
                expected.pop(email, None)
        elif there is None:
            refused[email] = []
        else:
            parts = list(there)
            for number, name in enumerate(("mailboxIds", "keywords")):
                if was[number] == made[number]:
                    continue
                if there[number] not in (was[number], made[number]):
                    refused.setdefault(email, []).append(name)
                else:
                    parts[number] = was[number]
                    undone.add(email)
            expected[email] = (parts[0], parts[1])
    return expected, undone, refused


def _different(one: Any, other: Any) -> list[str]:
    return [name for number, name in enumerate(("mailboxIds", "keywords")) if one[number] != other[number]]


_SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@_SETTINGS
@given(_start, st.lists(_sets, min_size=1, max_size=6))
def test_in_reverse_order_everything_is_as_it_was(start: list[Any], sets: list[Any]) -> None:
    async def test(client: JmapClient) -> None:
        person = Person(client)
        for action in start:
            await person.act(action)
        for action in sets:
            await person.change(action)
        redone: list[State] = []
        for token, before, after in reversed(person.done):
            redo = await person.undo_one(token, before, after)
            assert (await person.now())[1] == before
            assert redo is not None
            redone.append((redo, after, before))
        person.check_rows()
        for token, before, after in reversed(redone):
            await person.undo_one(token, before, after)
            assert (await person.now())[1] == before
        person.check_rows()
        await person.check(None)
        assert not client.provider.telemetry.failures

    run_with_jmap(test)


@_SETTINGS
@given(
    _start,
    st.lists(st.one_of(_sets, _sets, _imap), min_size=2, max_size=8),
    st.lists(st.integers(0, 7), max_size=6),
)
def test_nothing_of_others_is_lost(start: list[Any], actions: list[Any], order: list[int]) -> None:
    async def test(client: JmapClient) -> None:
        person = Person(client)
        for action in (*start, *actions):
            await person.change(action)
        for which in order:
            if which < len(person.done):
                token, before, after = person.done.pop(which)
                _, now = await person.now()
                redo = await person.undo_one(token, before, after)
                if redo is not None:
                    person.done.append((redo, now, (await person.now())[1]))
        person.check_rows()
        await person.check(2)
        assert not client.provider.telemetry.failures

    run_with_jmap(test)
