"""Snoozed emails against a model: whatever clients of JMAP and IMAP do, whichever worker looks, and whenever one is
started anew, an email comes back once, at its time, unless somebody has moved it away before."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.server.chores.table import bring_back_snoozed
from pillarbox.store import flags, placements
from pillarbox.store.fetch import Column, rows
from pillarbox.store.flags import Mode
from pillarbox.store.invariants import INVARIANTS
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from tests.kit.every_verb import no_rest
from tests.kit.jmap.client import open_jmap
from tests.kit.jmap.emails import box_number, called, delivered
from tests.kit.stored_mail import NOW_MS

NAMES = ("INBOX", "Snoozed", "Archive")
MOST = 4
"""Emails of one example."""
_email = st.integers(0, MOST - 1)
_name = st.sampled_from(NAMES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver")),
        st.tuples(st.just("snooze"), _email, st.integers(1, 4), st.sampled_from((None, "Archive", "Gone"))),
        st.tuples(st.just("until"), _email, st.integers(1, 4)),
        st.tuples(st.just("end"), _email),
        st.tuples(st.just("place"), _email, st.sets(_name, min_size=1)),
        st.tuples(st.just("destroy"), _email),
        st.tuples(st.just("imap_move"), _email, _name, _name),
        st.tuples(st.just("imap_copy"), _email, _name, _name),
        st.tuples(st.just("imap_delete"), _email, _name),
        st.tuples(st.just("forget_gone")),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("restart")),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=20,
)


@dataclass
class Email:
    """What the model knows of one."""

    id: str
    boxes: set[str]
    until_ms: int | None = None
    to: str | None = None


class Run:
    """A run of the steps beside the model, with two workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(NOW_MS)
        self.emails: list[Email] = []
        self.has_gone = True

    async def begin(self) -> None:
        self.one, self.other = [await open_jmap(folder=self.folder, clock=self.clock) for _ in range(2)]
        if not self.emails and self.has_gone:
            create = {"s": {"name": "Snoozed", "role": "snoozed"}, "g": {"name": "Gone"}}
            await called(self.one, "Mailbox/set", create=create)
            self.boxes = {name: box_number(self.one, name) for name in (*NAMES, "Gone")}

    async def end_workers(self) -> None:
        for worker in (self.one, self.other):
            assert not worker.provider.telemetry.failures
            await worker.provider.close()

    def id_of(self, name: str) -> str:
        return f"F{self.boxes[name]}"

    def email(self, number: int) -> Email | None:
        return self.emails[number] if number < len(self.emails) else None

    async def update(self, email: Email, patch: dict[str, Any]) -> bool:
        said = await called(self.other, "Email/set", update={email.id: patch})
        return said["updated"] is not None

    # --- JMAP

    async def deliver(self) -> None:
        if len(self.emails) < MOST:
            self.emails.append(Email(await delivered(self.one), {"INBOX"}))

    async def snooze(self, number: int, seconds: int, to: str | None) -> None:
        if email := self.email(number):
            until_ms = self.clock.now_ms() + seconds * 1000
            moved = None if to is None else self.id_of(to)
            is_done = await self.update(
                email, {"snoozed": {"until": utc_date(until_ms), "moveToMailboxId": moved}}
            )
            assert is_done == (to != "Gone" or self.has_gone)
            if is_done:
                if email.until_ms is None:
                    email.boxes = {"Snoozed"}
                email.until_ms, email.to = until_ms, to

    async def until(self, number: int, seconds: int) -> None:
        if email := self.email(number):
            until_ms = self.clock.now_ms() + seconds * 1000
            is_done = await self.update(email, {"snoozed/until": utc_date(until_ms)})
            if email.to == "Gone" and not self.has_gone:
                assert not is_done
            else:
                assert is_done == (email.until_ms is not None)
                email.until_ms = until_ms if is_done else None

    async def end(self, number: int) -> None:
        if email := self.email(number):
            assert await self.update(email, {"snoozed": None})
            self.comes_back(email)

    def comes_back(self, email: Email) -> None:
        if email.until_ms is not None:
            target = "INBOX" if email.to is None or (email.to == "Gone" and not self.has_gone) else email.to
            email.boxes = (email.boxes - {"Snoozed"}) | {target}
            email.until_ms = email.to = None

    async def place(self, number: int, names: set[str]) -> None:
        if email := self.email(number):
            assert await self.update(email, {"mailboxIds": {self.id_of(name): True for name in names}})
            self.moved(email, names)

    def moved(self, email: Email, names: set[str]) -> None:
        email.boxes = set(names)
        if "Snoozed" not in names:
            email.until_ms = email.to = None

    async def destroy(self, number: int) -> None:
        if email := self.email(number):
            await called(self.other, "Email/set", destroy=[email.id])
            self.emails.remove(email)

    # --- IMAP

    def uids(self, tx: Transaction, email: Email, name: str) -> list[int]:
        found = rows(tx, self.one.account.id, self.boxes[name], EVERYTHING, [Column.EMAIL])
        return [uid for uid, one in found if f"M{one}" == email.id]

    async def imap(self, email: Email, name: str, verb: Any) -> None:
        def run(tx: Transaction) -> None:
            verb(tx, self.one.account.id, self.boxes[name], NumberSet.of(self.uids(tx, email, name)))

        await self.one.provider.world.database.write(run)

    async def imap_move(self, number: int, name: str, to: str) -> None:
        email = self.email(number)
        if email and name in email.boxes and name != to:
            target = self.boxes[to]
            await self.imap(
                email,
                name,
                lambda tx, account, box, uids: placements.move(tx, account, box, uids, to=target, now_ms=1),
            )
            ends = name == "Snoozed"
            email.boxes = (email.boxes - {name}) | {to}
            if ends:
                email.until_ms = email.to = None

    async def imap_copy(self, number: int, name: str, to: str) -> None:
        email = self.email(number)
        if email and name in email.boxes and to not in email.boxes:
            target = self.boxes[to]
            await self.imap(
                email,
                name,
                lambda tx, account, box, uids: placements.copy(tx, account, box, uids, to=target, now_ms=1),
            )
            email.boxes |= {to}

    async def imap_delete(self, number: int, name: str) -> None:
        email = self.email(number)
        if email and name in email.boxes:

            def delete(tx: Transaction, account: Any, box: MailboxId, uids: Any) -> None:
                flags.alter(tx, account, box, uids, mode=Mode.ADD, flags="\\Deleted")
                placements.expunge(tx, account, box, uids)

            await self.imap(email, name, delete)
            if email.boxes == {name}:
                self.emails.remove(email)
            else:
                self.moved(email, email.boxes - {name})

    # --- the rest

    async def forget_gone(self) -> None:
        self.has_gone = False
        await called(self.one, "Mailbox/set", destroy=[self.id_of("Gone")], onDestroyRemoveEmails=True)
        for email in [one for one in self.emails if "Gone" in one.boxes]:
            if email.boxes == {"Gone"}:
                self.emails.remove(email)
            else:
                email.boxes -= {"Gone"}

    async def wait(self, seconds: int) -> None:
        await self.clock.advance(seconds)

    async def restart(self) -> None:
        await self.end_workers()
        await self.begin()

    async def look(self, times: int) -> None:
        """Both workers, so many times at once."""
        worlds = [self.one.provider.world, self.other.provider.world] * times
        await asyncio.gather(*(bring_back_snoozed(world, no_rest) for world in worlds))
        for email in self.emails:
            if email.until_ms is not None and email.until_ms <= self.clock.now_ms():
                self.comes_back(email)

    async def check(self) -> None:
        names = {f"F{number}": name for name, number in self.boxes.items()}
        for client in (self.one, self.other):
            said = await called(client, "Email/get", ids=None, properties=["mailboxIds", "snoozed"])
            found = {one["id"]: one for one in said["list"]}
            assert found.keys() == {email.id for email in self.emails}
            for email in self.emails:
                one = found[email.id]
                assert {names[key] for key in one["mailboxIds"]} == email.boxes
                assert (one["snoozed"] or {}).get("until") == (
                    None if email.until_ms is None else utc_date(email.until_ms)
                )
        read = self.one.provider.world.database.read_now
        for email in self.emails:
            for name in email.boxes:
                assert len(read(self.uids, email, name)) == 1, "once in each mailbox, by IMAP"
        others = ("email-is-indexed", "maildrop-lease-values-valid")
        assert (
            read(lambda tx: [i.name for i in INVARIANTS if i.name not in others and list(i.find(tx))]) == []
        )


@settings(deadline=None, max_examples=40)
@given(STEPS)
def test_each_comes_back_once_at_its_time_unless_it_was_moved(steps: list[tuple[Any, ...]]) -> None:
    async def test(folder: Path) -> None:
        run = Run(folder)
        await run.begin()
        await run.deliver()
        for name, *arguments in steps:
            await getattr(run, name)(*arguments)
            await run.check()
        await run.wait(5)
        await run.look(2)
        await run.check()
        assert all(email.until_ms is None for email in run.emails)
        await run.end_workers()

    with TemporaryDirectory() as folder:
        asyncio.run(test(Path(folder)))
