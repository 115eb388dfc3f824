"""Email/set and Email/changes against a model, with what IMAP does in between: from every state that a client ever had,
the changes lead to what there is now."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.mail import flags as flag_text
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.store import append, flags, mailboxes, placements
from pillarbox.store.flags import Mode
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, called, draft

NAMES = ("INBOX", "Drafts", "Archive")
KEYWORDS = ("$seen", "$flagged", "work")
FLAGS = {"$seen": "\\Seen", "$flagged": "\\Flagged", "work": "work"}
SOME = 6

_boxes = st.sets(st.integers(0, 2), max_size=3)
_words = st.sets(st.sampled_from(KEYWORDS))
_patches = st.one_of(
    _boxes.map(lambda boxes: {"mailboxIds": boxes}),
    _words.map(lambda words: {"keywords": words}),
    st.tuples(st.integers(0, 2), st.booleans()).map(lambda one: {("mailboxIds", one[0]): one[1]}),
    st.dictionaries(st.sampled_from([("keywords", word) for word in KEYWORDS]), st.booleans(), min_size=1),
)
_which = st.integers(0, SOME)
_uids = st.lists(st.integers(1, 8), min_size=1, max_size=4).map(NumberSet.of)
_sets = st.fixed_dictionaries(
    {
        "create": st.lists(st.tuples(_boxes, _words), max_size=2),
        "update": st.dictionaries(_which, _patches, max_size=3),
        "destroy": st.sets(_which, max_size=2),
        "state": st.sampled_from(["none", "now", "old"]),
    }
)
_actions = st.one_of(
    st.tuples(st.just("set"), _sets),
    st.tuples(st.just("undo"), st.integers(0, 3)),
    st.tuples(st.just("deliver"), st.integers(0, 2), _words),
    st.tuples(st.just("flag"), st.integers(0, 2), _uids, st.sampled_from(Mode), _words, st.booleans()),
    st.tuples(st.just("copy"), st.integers(0, 2), _uids, st.integers(0, 2)),
    st.tuples(st.just("move"), st.integers(0, 2), _uids, st.integers(0, 2)),
    st.tuples(st.just("expunge"), st.integers(0, 2), st.booleans()),
)

Emails = dict[str, tuple[frozenset[str], frozenset[str]]]
"""Mailboxes and keywords by id."""


class Account:
    """A client with all that it has seen."""

    def __init__(self, client: JmapClient) -> None:
        self.client = client
        self.seen: dict[str, Emails] = {}
        self.ever: list[str] = []
        self.tokens: list[str] = []

    async def now(self) -> tuple[str, Emails]:
        said = await called(self.client, "Email/get", ids=None, properties=["mailboxIds", "keywords"])
        emails = {
            email["id"]: (frozenset(email["mailboxIds"]), frozenset(email["keywords"]))
            for email in said["list"]
        }
        self.ever += [email for email in emails if email not in self.ever]
        return said["state"], emails

    async def act(self, action: tuple[Any, ...]) -> None:
        state, before = await self.now()
        self.seen[state] = before
        if action[0] == "set":
            await self.set(action[1], state, before)
        elif action[0] == "undo":
            await self.undo(action[1])
        else:
            await self.client.provider.world.database.write(self.imap, *action)
        after_state, after = await self.now()
        assert (state == after_state) <= (before == after), "another state where anything is different"
        assert self.seen.setdefault(after_state, after) == after, "a state is what it was"

    # --- what IMAP does

    def imap(self, tx: Transaction, what: str, box: int, *more: Any) -> None:
        account = self.client.account.id
        mailbox = mailboxes.by_name(tx, account, NAMES[box]).id
        match what, more:
            case "deliver", (words,):
                message = append.Message(prepare(PLAIN), summarize(PLAIN))
                text = flag_text.canonical(FLAGS[word] for word in words)
                append.append(tx, account, mailbox, message, flags=text, received_at_ms=1, now_ms=1)
            case "flag", (uids, mode, words, is_deleted):
                given = [FLAGS[word] for word in words] + (["\\Deleted"] if is_deleted else [])
                flags.alter(tx, account, mailbox, uids, mode=mode, flags=flag_text.canonical(given))
            case "copy", (uids, to):
                target = mailboxes.by_name(tx, account, NAMES[to]).id
                placements.copy(tx, account, mailbox, uids, to=target, now_ms=1)
            case "move", (uids, to):
                target = mailboxes.by_name(tx, account, NAMES[to]).id
                placements.move(tx, account, mailbox, uids, to=target, now_ms=1)
            case "expunge", (is_all,):
                placements.expunge(tx, account, mailbox, deleted_only=not is_all)

    # --- what Email/set does

    async def set(self, wanted: dict[str, Any], state: str, before: Emails) -> None:
        boxes = {number: f"F{self.number(name)}" for number, name in enumerate(NAMES)}
        ids = [*self.ever, "M5", "nobody"]
        update = {
            ids[which]: {**_pointers(patch, boxes)}
            for which, patch in wanted["update"].items()
            if which < len(ids)
        }
        create = {
            f"k{number}": draft(
                self.client,
                mailboxIds={boxes[box]: True for box in where},
                keywords=dict.fromkeys(words, True),
            )
            for number, (where, words) in enumerate(wanted["create"])
        }
        destroy = [ids[which] for which in wanted["destroy"] if which < len(ids)]
        expected = {"none": None, "now": state, "old": "0"}[wanted["state"]]
        name, said = await self.client.call(
            "Email/set", create=create, update=update, destroy=destroy, ifInState=expected, undoable=True
        )
        after_state, after = await self.now()
        if expected == "0":
            assert (name, said["type"]) == ("error", "stateMismatch")
            assert (after_state, after) == (state, before)
            return
        assert name == "Email/set", said
        assert (said["oldState"], said["newState"]) == (state, after_state)
        assert (said["undoToken"] is None) <= (after == before)
        self.tokens += [said["undoToken"]] if said["undoToken"] else []
        model = dict(before)
        for key, made_of in create.items():
            if not made_of["mailboxIds"]:
                assert said["notCreated"][key]["type"] == "invalidProperties"
                continue
            model[said["created"][key]["id"]] = (
                frozenset(made_of["mailboxIds"]),
                frozenset(made_of["keywords"]),
            )
        for email, patch in update.items():
            if email in destroy:
                assert said["notUpdated"][email]["type"] in ("willDestroy", "notFound")
            elif email not in model:
                assert said["notUpdated"][email]["type"] in ("notFound", "invalidProperties")
            elif (changed := _patched(model[email], patch)) is None:
                assert said["notUpdated"][email]["type"] == "invalidProperties"
            else:
                assert said["updated"][email] is None
                model[email] = changed
        for email in destroy:
            assert (email in (said["destroyed"] or ())) == (email in model)
            assert (email in (said["notDestroyed"] or ())) == (email not in model)
            model.pop(email, None)
        assert after == model

    async def undo(self, which: int) -> None:
        if which < len(self.tokens):
            said = await called(self.client, "Email/undo", undoToken=self.tokens.pop(-1 - which))
            self.tokens += [said["undoToken"]] if said["undoToken"] else []

    def number(self, name: str) -> int:
        account = self.client.account.id
        return self.client.provider.world.database.read_now(
            lambda tx: mailboxes.by_name(tx, account, name).id
        )

    # --- changes

    async def check(self, most: int | None) -> None:
        state, now = await self.now()
        for since, emails in self.seen.items():
            known, at, steps = dict(emails), since, 0
            while True:
                said = await called(self.client, "Email/changes", sinceState=at, maxChanges=most)
                assert said["oldState"] == at
                listed = [*said["created"], *said["updated"], *said["destroyed"]]
                assert len(listed) == len({*listed}) <= (most or len(listed))
                for email in said["destroyed"]:
                    known.pop(email, None)
                found = await called(self.client, "Email/get", ids=[*said["created"], *said["updated"]])
                for email in found["list"]:
                    known[email["id"]] = (frozenset(email["mailboxIds"]), frozenset(email["keywords"]))
                for email in found["notFound"]:  # gone since, which a later part tells
                    assert said["hasMoreChanges"], email
                assert said["newState"] != at or not listed
                at, steps = said["newState"], steps + 1
                assert steps < 200
                if not said["hasMoreChanges"]:
                    break
            assert at == state
            assert known == now, f"from {since}"


def _pointers(patch: dict[Any, Any], boxes: dict[int, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in patch.items():
        if name == "mailboxIds":
            given[name] = {boxes[box]: True for box in value}
        elif name == "keywords":
            given[name] = dict.fromkeys(value, True)
        else:
            member = boxes[name[1]] if name[0] == "mailboxIds" else name[1]
            given[f"{name[0]}/{member}"] = True if value else None
    return given


def _patched(email: tuple[frozenset[str], frozenset[str]], patch: dict[str, Any]) -> Any:
    """The email then; None where it would be in no mailbox."""
    values = {"mailboxIds": {*email[0]}, "keywords": {*email[1]}}
    for pointer, value in patch.items():
        name, _, member = pointer.partition("/")
        if not member:
            values[name] = {*value}
        elif value:
            values[name].add(member)
        else:
            values[name].discard(member)
    if not values["mailboxIds"]:
        return None
    return frozenset(values["mailboxIds"]), frozenset(values["keywords"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(_actions, min_size=1, max_size=14), st.sampled_from([None, 1, 2, 3]))
def test_from_every_state_the_changes_lead_to_now(actions: list[tuple[Any, ...]], most: int | None) -> None:
    async def test(client: JmapClient) -> None:
        account = Account(client)
        for action in actions:
            await account.act(action)
        await account.check(most)
        assert not client.provider.telemetry.failures

    run_with_jmap(test)
