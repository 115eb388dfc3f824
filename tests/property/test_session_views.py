"""What each of several sessions knows of a mailbox is what a list says that applies what it was sent (invariant 7).

The sessions of a worker share arrays of UIDs, of which each knows so many; whatever comes and goes, and whenever it is
sent, no session's own view changes by what another one is sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.server.imap.limits import ImapLimits
from tests.kit.imap.client import MESSAGE, Answer, ImapClient, ImapProvider, open_imap

FEW = ImapLimits(many_messages=2, slice_messages=2, max_rows_in_loop=3)
"""So that what large mailboxes take is taken here."""


class View:
    """A session, and the UIDs that its client knows by what it was sent."""

    def __init__(self, client: ImapClient) -> None:
        self.client = client
        self.known = client.uids()

    def check(self) -> None:
        selected = self.client.session.selected
        assert selected.uids[: selected.count].tolist() == self.known
        assert [selected.sequence_number_of(uid) for uid in self.known] == list(range(1, selected.count + 1))

    def receive(self, answer: Answer, there: list[int]) -> None:
        """Apply EXPUNGE and VANISHED, then EXISTS: what is new is what is there and not known."""
        for number in answer.numbered(b"EXPUNGE"):
            del self.known[number - 1]
        self.known = [uid for uid in self.known if uid not in answer.vanished()]
        for count in answer.numbered(b"EXISTS"):
            highest = self.known[-1] if self.known else 0
            self.known += [uid for uid in there if uid > highest]
            assert len(self.known) == count


class Mailbox:
    """The INBOX, several sessions, and the UIDs that there are."""

    def __init__(self, mail: ImapProvider) -> None:
        self.mail = mail
        mail.deliver(*[MESSAGE] * 4)
        self.there = [1, 2, 3, 4]
        self.uid_next = 5
        self.views = [
            View(mail.client(enable="QRESYNC" if number == 1 else "", select="INBOX", worker=number // 3))
            for number in range(4)
        ]

    def append(self, number: int) -> None:
        self.mail.deliver(*[MESSAGE] * number)
        self.there += range(self.uid_next, self.uid_next + number)
        self.uid_next += number

    def expunge(self, view: View, places: list[int]) -> None:
        gone = sorted({view.known[place % len(view.known)] for place in places}) if view.known else []
        if not gone:
            return
        named = ",".join(map(str, gone))
        view.receive(view.client.ok(f"UID STORE {named} +FLAGS.SILENT (\\Deleted)"), self.there)
        self.there = [uid for uid in self.there if uid not in gone]
        view.receive(view.client.ok(f"UID EXPUNGE {named}"), self.there)
        assert view.known == self.there

    def ask(self, view: View, *, expunges: bool) -> None:
        view.receive(view.client.ok("NOOP" if expunges else "SEARCH ALL"), self.there)
        if expunges:
            assert view.known == self.there

    def forget(self, view: View) -> None:
        """As when the worker's cache is full of others."""
        session = view.client.session
        session.caches.mailboxes.forget(session.account_id, session.selected.mailbox)


@contextmanager
def _opened() -> Iterator[Mailbox]:
    with open_imap(limits=FEW) as mail:
        yield Mailbox(mail)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("append", "expunge", "noop", "noop", "search", "search", "forget")),
        st.integers(0, 3),
        st.lists(st.integers(0, 20), min_size=1, max_size=4),
    ),
    max_size=25,
)


@pytest.mark.rfc("9051 §7.5.1", "MUST")
@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_every_view_is_what_its_client_was_sent(steps: list[tuple[str, int, list[int]]]) -> None:
    with _opened() as mailbox:
        for step, who, numbers in steps:
            view = mailbox.views[who]
            if step == "append":
                mailbox.append(len(numbers))
            elif step == "expunge":
                mailbox.expunge(view, numbers)
            elif step == "forget":
                mailbox.forget(view)
            else:
                mailbox.ask(view, expunges=step == "noop")
            for each in mailbox.views:
                each.check()
        for view in mailbox.views:
            mailbox.ask(view, expunges=True)
            view.check()


def test_sessions_that_are_up_to_date_share_one_array() -> None:
    with _opened() as mailbox:
        first, second = mailbox.views[0], mailbox.views[2]
        session = first.client.session
        cached = session.caches.mailboxes.peek(session.account_id, session.selected.mailbox)
        for change in ("append", "expunge"):
            if change == "append":
                mailbox.append(2)
            else:
                mailbox.expunge(first, [1, 3])
            for view in (first, second):
                mailbox.ask(view, expunges=True)
                assert view.client.session.selected.uids is cached.uids


def test_messages_that_come_are_added_to_the_array_at_hand() -> None:
    with _opened() as mailbox:
        view, late = mailbox.views[0], mailbox.views[2]
        known = view.client.session.selected.uids
        mailbox.append(3)
        mailbox.ask(view, expunges=True)
        assert view.client.session.selected.uids is late.client.session.selected.uids is known
        assert (view.client.session.selected.count, late.client.session.selected.count) == (7, 4)
