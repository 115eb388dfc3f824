"""Mailbox/set, /changes and /queryChanges against a model of a few lines, with IMAP changing the same mailboxes.

The model is a client: it applies what it has sent and been told, and must have what Mailbox/get returns. It knows by
itself which trees may be: where all of a call leads to such trees, all of it is done. From every past state, the
changes bring a client to what is there now, and its results of queries to the results of now.
"""

import asyncio
import unicodedata
from collections.abc import Awaitable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from pillarbox.mail.mailbox_name import InvalidMailboxName
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import flags, mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Role
from pillarbox.store.mailboxes import CannotDeleteInbox, MailboxExists, NestedInItself
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, open_jmap
from tests.kit.stored_mail import ANNA

T = TypeVar("T")
Record = dict[str, Any]

NAMES = ("a", "b", "\u00e4", "a\u0308", "inbox")
"""The third in NFC, the fourth in NFD."""
PATHS = ("a", "b", "a/b", "b/a", "a/b/a", "INBOX/a", "c/a", "c/a/b", "c")
MESSAGES = [
    b"Subject: %b\r\nMessage-ID: <%d@x>\r\nReferences: <r@x>\r\n\r\n" % (subject, number)
    for number, subject in enumerate((b"one", b"two", b"one"))
]
QUERIES: tuple[Record, ...] = (
    {},
    {"sort": [{"property": "sortOrder", "isAscending": False}, {"property": "name"}], "sortAsTree": True},
    {"filter": {"isSubscribed": True}, "filterAsTree": True, "sortAsTree": True},
    {"filter": {"operator": "OR", "conditions": [{"parentId": None}, {"hasAnyRole": True}]}},
    {"filter": {"operator": "NOT", "conditions": [{"name": "A"}, {"role": "trash"}]}, "filterAsTree": True},
)
COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]
SETTABLE = ("name", "parentId", "role", "sortOrder", "isSubscribed")

places = st.integers(0, 9)
"""A mailbox by its place among those that there are."""
parents = st.none() | places | st.sampled_from(["#x", "#y", "#z"])
values = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "parentId": parents,
        "role": st.sampled_from([None, "trash", "junk", "important"]),
        "sortOrder": st.sampled_from([0, 5, 99]),
        "isSubscribed": st.booleans(),
    },
)


class MailboxesMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.client: JmapClient = self.run_now(open_jmap())
        self.past: list[Record] = []
        for name in ("Drafts", "Sent", "Archive"):  # so that others are met more often
            self.write(lambda tx, name=name: mailboxes.delete(tx, ANNA, self.at(tx, name)))
        self.known = self.all()

    def teardown(self) -> None:
        if hasattr(self, "client"):
            for number, seen in enumerate(self.past):
                self.catches_up(seen, 1 + number % 3)
                self.catches_up(seen, None)
            self.run_now(self.client.provider.close())
            self.loop.close()

    def run_now(self, waiting: Awaitable[T]) -> T:
        async def run() -> T:
            return await waiting

        return self.loop.run_until_complete(run())

    def call(self, method: str, **arguments: Any) -> Record:
        name, said = self.run_now(self.client.call(method, **arguments))
        assert name == method, said
        return dict(said)

    def write(self, verb: Any) -> Any:
        return self.client.provider.world.database.write_now(verb)

    @staticmethod
    def at(tx: Transaction, name: str) -> Any:
        return mailboxes.by_name(tx, ANNA, name).id

    def get(self, **arguments: Any) -> Record:
        return self.call("Mailbox/get", **arguments)

    def all(self) -> dict[str, Record]:
        return {record["id"]: record for record in self.get(ids=None)["list"]}

    def there(self, place: int) -> str:
        return sorted(self.known)[place % len(self.known)]

    # --- what IMAP does

    def imap(self, verb: Any) -> None:
        try:
            self.write(verb)
        except (MailboxExists, NestedInItself, NoSuchMailbox, CannotDeleteInbox, InvalidMailboxName):
            return
        self.known = self.all()

    @rule(path=st.sampled_from(PATHS))
    def imap_creates(self, path: str) -> None:
        self.imap(lambda tx: mailboxes.create(tx, ANNA, path, now_ms=0))

    @rule(path=st.sampled_from(PATHS))
    def imap_deletes(self, path: str) -> None:
        self.imap(lambda tx: mailboxes.delete(tx, ANNA, self.at(tx, path)))

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(PATHS))
    def imap_renames(self, path: str, to: str) -> None:
        self.imap(lambda tx: mailboxes.rename(tx, ANNA, self.at(tx, path), to, now_ms=0))

    @rule(path=st.sampled_from(PATHS), subscribed=st.booleans())
    def imap_subscribes(self, path: str, subscribed: bool) -> None:
        self.imap(lambda tx: mailboxes.subscribe(tx, ANNA, path, subscribed=subscribed))

    @rule(path=st.sampled_from(PATHS))
    def imap_gives_a_role(self, path: str) -> None:
        self.imap(lambda tx: mailboxes.set_role(tx, ANNA, self.at(tx, path), Role.TRASH))

    @rule(path=st.sampled_from(("INBOX", *PATHS)), number=st.integers(0, 2))
    def mail_arrives(self, path: str, number: int) -> None:
        try:
            self.run_now(self.client.provider.deliver(0, MESSAGES[number], mailbox=path))
        except NoSuchMailbox:
            return
        self.known = self.all()

    @rule(path=st.sampled_from(PATHS), flag=st.sampled_from(["\\Seen", "\\Deleted"]))
    def imap_stores(self, path: str, flag: str) -> None:
        self.imap(lambda tx: flags.alter(tx, ANNA, self.at(tx, path), EVERYTHING, mode=Mode.ADD, flags=flag))

    @rule(path=st.sampled_from(PATHS), to=st.sampled_from(PATHS))
    def imap_copies(self, path: str, to: str) -> None:
        self.imap(
            lambda tx: placements.copy(tx, ANNA, self.at(tx, path), EVERYTHING, to=self.at(tx, to), now_ms=0)
        )

    # --- what a client of JMAP does

    @rule(
        create=st.dictionaries(st.sampled_from(["x", "y", "z"]), values, max_size=2),
        update=st.dictionaries(places, values, max_size=3),
        destroy=st.lists(places, max_size=2),
        emails_too=st.booleans(),
    )
    def sets(
        self,
        create: dict[str, Record],
        update: dict[int, Record],
        destroy: list[int],
        emails_too: bool,
    ) -> None:
        creates = {key: self.with_ids({"name": "a", **record}) for key, record in create.items()}
        updates = {self.there(place): self.with_ids(patch) for place, patch in update.items()}
        destroys = [self.there(place) for place in dict.fromkeys(destroy)]
        wanted = self.all_done(creates, updates, destroys)
        said = self.call(
            "Mailbox/set",
            create=creates,
            update=updates,
            destroy=destroys,
            onDestroyRemoveEmails=emails_too,
        )
        refused = [said["notCreated"], said["notUpdated"], said["notDestroyed"]]
        if self.may_be(wanted, creates, updates, destroys, emails_too):
            assert refused == [None] * 3, said
        self.told(creates, updates, said)

    def with_ids(self, given: Record) -> Record:
        parent = given.get("parentId")
        return {**given, "parentId": self.there(parent)} if isinstance(parent, int) else given

    def told(self, creates: Record, updates: Record, said: Record) -> None:
        """What was done, as the client knows it; and that it is so."""
        ids = {f"#{key}": record["id"] for key, record in (said["created"] or {}).items()}
        for key, record in (said["created"] or {}).items():
            self.known[record["id"]] = resolved({**creates[key], **record}, ids)
        for key, other in (said["updated"] or {}).items():
            self.known[key] = resolved({**self.known[key], **updates[key], **(other or {})}, ids)
        for key in said["destroyed"] or ():
            del self.known[key]
        now = self.get(ids=None)
        assert now["state"] == said["newState"]
        truth = {record["id"]: record for record in now["list"]}
        assert self.known.keys() == truth.keys()
        for key, record in self.known.items():
            for name in SETTABLE:
                # A mailbox that comes where IMAP shows a name without one gets what is below it
                if name not in ("name", "parentId") or "/" not in record["name"]:
                    assert record[name] == truth[key][name], (key, name, record, truth[key])
        self.known = truth
        self.is_sound()

    def is_sound(self) -> None:
        siblings = [(record["parentId"], record["name"]) for record in self.known.values()]
        assert len({*siblings}) == len(siblings)
        roles = [record["role"] for record in self.known.values() if record["role"]]
        assert len({*roles}) == len(roles)
        assert len(paths_of(self.known)) == len(self.known)

    def all_done(
        self, creates: dict[str, Record], updates: dict[str, Record], destroys: list[str]
    ) -> dict[str, Record]:
        wanted = {key: record.copy() for key, record in self.known.items()}
        for key, record in creates.items():
            wanted[f"#{key}"] = {"parentId": None, "role": None, **record}
        for key, patch in updates.items():
            wanted[key] |= patch
        return {key: record for key, record in wanted.items() if key not in destroys}

    def may_be(
        self,
        wanted: dict[str, Record],
        creates: dict[str, Record],
        updates: dict[str, Record],
        destroys: list[str],
        emails_too: bool,
    ) -> bool:
        """Whether all of a call can be done."""
        paths = paths_of(wanted)
        roles = [record["role"] for record in wanted.values() if record["role"]]
        inbox = next(key for key, record in self.known.items() if record["role"] == "inbox")
        stays = inbox not in destroys and not {"role", "parentId"} & updates.get(inbox, {}).keys()
        return (
            len(paths) == len(wanted)
            and len({*paths.values()}) == len(paths)
            and len({*roles}) == len(roles)
            and stays
            and paths[inbox] == "INBOX"
            and not updates.keys() & {*destroys}
            and (emails_too or not any(self.known[key]["totalEmails"] for key in destroys))
            and all("/" not in patch.get("name", "") for patch in (*creates.values(), *updates.values()))
        )

    # --- what has changed

    @rule()
    def a_client_reads_everything(self) -> None:
        now = self.get(ids=None)
        queries = [self.call("Mailbox/query", **query) for query in QUERIES]
        assert {now["state"]} == {query["queryState"] for query in queries}
        self.past.append(
            {
                "state": now["state"],
                "records": {record["id"]: record for record in now["list"]},
                "queries": [query["ids"] for query in queries],
            }
        )

    def catches_up(self, seen: Record, most: int | None) -> None:
        state, records = seen["state"], {key: record.copy() for key, record in seen["records"].items()}
        for _ in range(500):
            said = self.call("Mailbox/changes", sinceState=state, maxChanges=most)
            assert said["oldState"] == state
            number = len(said["created"]) + len(said["updated"]) + len(said["destroyed"])
            assert number <= (most or number)
            for key in said["destroyed"]:
                records.pop(key, None)
            for record in self.get(ids=said["created"])["list"]:
                records[record["id"]] = record
            assert said["updatedProperties"] in (None, COUNTS)
            for record in self.get(ids=said["updated"], properties=said["updatedProperties"])["list"]:
                records.setdefault(record["id"], {}).update(record)
            assert said["newState"] != state or not said["hasMoreChanges"]
            state = said["newState"]
            if not said["hasMoreChanges"]:
                break
        truth = self.get(ids=None)
        assert state == truth["state"]
        assert records == {record["id"]: record for record in truth["list"]}
        for query, ids in zip(QUERIES, seen["queries"], strict=True):
            self.query_catches_up(query, ids, seen["state"])

    def query_catches_up(self, query: Record, ids: list[str], state: str) -> None:
        now = self.call("Mailbox/query", **query, calculateTotal=True)
        said = self.call("Mailbox/queryChanges", **query, sinceQueryState=state, calculateTotal=True)
        assert (said["oldQueryState"], said["newQueryState"]) == (state, now["queryState"])
        results = [key for key in ids if key not in said["removed"]]
        for added in said["added"]:
            results.insert(added["index"], added["id"])
        assert results == now["ids"], (query, said)
        assert said["total"] == now["total"] == len(results)


def resolved(record: Record, ids: dict[str, str]) -> Record:
    return {**record, "parentId": ids.get(record["parentId"], record["parentId"])}


def paths_of(records: dict[str, Record]) -> dict[str, str]:
    """The full names of those that are not below themselves or below what is not there."""
    found: dict[str, str] = {}
    for key in records:
        levels: list[str] = []
        at: str | None = key
        while at is not None and at in records and len(levels) <= len(records):
            levels.insert(0, unicodedata.normalize("NFC", records[at]["name"]))
            at = records[at]["parentId"]
        if at is None:
            if levels[0].upper() == "INBOX":
                levels[0] = "INBOX"
            found[key] = "/".join(levels)
    return found


def test_clients_of_jmap_have_what_is_there() -> None:
    run_state_machine_as_test(
        MailboxesMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
