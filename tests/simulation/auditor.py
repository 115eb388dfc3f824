"""What must always be true, checked at each commit and each answer.

The auditor knows every letter, overhears every wire, and looks at every provider's disk after each commit. Its
books are independent of the code under test:

1. *Nothing is lost.* When a provider says 250, what it answers for is on its disk, stored or queued.
2. *Nobody leaves the queue in silence.* A queued recipient disappears in a commit that also reports its
   failure, or after the next server's 250 was heard; or nobody wished to hear of it.
3. *Nothing twice.* A second copy needs an excuse: the 250 for the first was lost on the wire, or the provider died
   between hearing and noting it.
4. *One at a time.* No provider has the same message for the same recipient under way on two connections.
5. *Reports tell the truth*, once, to the sender only: no report about reports, none to the null path, none
   that was not wished, no failure of what was delivered.
6. *The store is sound*: UIDs and MODSEQ only rise; quota, counts and uses equal the sums; the log of changes
   replays (see `ledgers`), and what the operator's own check looks at is in order.
7. *Queues drain* when all trouble is over, in the time that retries may take.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pillarbox.mail.identifiers import AccountId
from tests.simulation import ledgers
from tests.simulation.overheard import Said
from tests.simulation.people import Letter
from tests.simulation.provider import Provider

_QUEUED = (
    "SELECT queue_recipients.id, address, coalesce(reverse_path, ''), blob FROM queue_recipients"
    " JOIN queue_messages ON queue_messages.id = message"
)
_REPORT = b"report-type=delivery-status"
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)
_SUBJECTS = re.compile(rb"Final-Recipient: [^;]+; ([^\r]+)\r\nAction: ([a-z]+)")
_TO = re.compile(rb"^To: <([^>]*)>", re.MULTILINE)


class Violation(AssertionError):
    """Something that must always be true is not."""


@dataclass(frozen=True, slots=True)
class Report:
    """A DSN, as found on a disk."""

    about: str
    to: str
    subjects: tuple[tuple[str, str], ...]
    """Address and action."""


@dataclass(slots=True)
class _Book:
    """What the auditor knows of one provider's disk."""

    rows: dict[tuple[Any, ...], tuple[str, str]] = field(default_factory=dict)
    """Queued recipients: (message, address) by what the disk says."""
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often it came to hold a message for a recipient, stored or queued."""
    promised: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often it has answered 250 for it."""
    marks: dict[AccountId, ledgers.Mark] = field(default_factory=dict)


class Auditor:
    """See the module."""

    def __init__(self, trace: Callable[[str, str], None]) -> None:
        self._trace = trace
        self.letters: dict[str, Letter] = {}
        self.duplicates: Counter[str] = Counter()
        """Copies beyond the first, by their excuse."""
        self.copies: dict[tuple[str, str], list[Said | None]] = {}
        """Where each copy came from: a transaction, or the provider itself."""
        self.failures: Counter[tuple[str, str]] = Counter()
        """Failures reported, by message and recipient."""
        self.unreported: set[tuple[str, str]] = set()
        """Recipients that were given up in rightful silence."""
        self.promises: set[tuple[str, str]] = set()
        """All that providers answered 250 for."""
        self._books: dict[str, _Book] = {}
        self._providers: dict[str, Provider] = {}
        self._named: dict[bytes, tuple[str, Report | None]] = {}
        self._reports: dict[str, Report] = {}
        self._under_way: list[Said] = []
        """Their clients wait for the answer."""
        self._unanswered: list[Said] = []
        """Their servers have not answered."""
        self._heard: list[Said] = []
        """Answered 250; most of those who asked have heard it."""
        self._kept: set[Said] = set()
        """Transactions of which something is durable."""
        self._noted: set[tuple[Said, str]] = set()
        self._delayed: Counter[tuple[str, str, str]] = Counter()

    def watch(self, provider: Provider) -> None:
        """Keep books on a provider."""
        self._providers[provider.name] = provider
        self._books[provider.name] = _Book(
            marks={account: ledgers.mark(provider.disk, account) for account in provider.accounts}
        )

    # --- what is overheard

    def told(self, said: Said) -> None:
        """A whole message has arrived, or was answered."""
        what = f"{said.message} for {', '.join(said.recipients)}"
        if not said.code:
            self._trace(said.client, f"has sent {what} to {said.server}")
            self._one_at_a_time(said)
            self._unanswered.append(said)
            return
        self._unanswered.remove(said)
        self._trace(said.server, f"answers {said.code} to {said.client} about {what}")
        if said.accepted:
            self._heard.append(said)
            self._accepted(said)
        elif said in self._kept:
            raise Violation(f"{said.server} refuses {said.message} and keeps it")

    def _one_at_a_time(self, said: Said) -> None:
        self._under_way = [one for one in self._under_way if one.waiting]
        for other in self._under_way:
            same = set(other.recipients) & set(said.recipients)
            if other.message == said.message and other.client == said.client and same and said.life:
                raise Violation(f"{said.client} has {said.message} for {same} under way twice")
        self._under_way.append(said)

    def _accepted(self, said: Said) -> None:
        provider = self._providers.get(said.server)
        for recipient in said.recipients:
            if provider is None:
                self._copy((said.message, recipient), said)
                continue
            book = self._books[provider.name]
            for final in provider.plan.leads_to(recipient):
                key = said.message, final
                book.promised[key] += 1
                self.promises.add(key)
                if book.held[key] < book.promised[key]:
                    raise Violation(f"{said.server} answered 250 for {key} and does not hold it")

    def _copy(self, key: tuple[str, str], origin: Said | None) -> None:
        earlier = self.copies.setdefault(key, [])
        excuses = [self._excuse(other, key[1]) for other in earlier]
        if not all(excuses):
            raise Violation(f"{key} was delivered again after an acknowledged delivery")
        self.duplicates.update(excuses[-1:])
        earlier.append(origin)

    def _excuse(self, origin: Said | None, recipient: str) -> str:
        """Why another copy may follow this one; empty where none may."""
        if origin is None or origin.life is None:
            return ""
        if not origin.heard:
            return "the answer was lost"
        noted = origin.life.alive or (origin, recipient) in self._noted
        return "" if noted else "its sender died before noting it"

    def died(self, provider: Provider) -> None:
        """What a provider had not answered yet it never will."""
        self._unanswered = [said for said in self._unanswered if said.server != provider.name]

    # --- what is on the disks

    def committed(self, provider: Provider, touched: set[AccountId]) -> None:
        """A transaction of this provider is durable."""
        book = self._books[provider.name]
        fresh: list[str] = []
        gone = self._queue_changed(provider, book, fresh)
        for account in sorted(touched & provider.accounts.keys()):
            self._account_changed(provider, book, account, fresh)
        failed = self._new_reports(provider, fresh)
        for key in gone:
            if failed[key]:
                failed[key] -= 1
                self.failures[key] += 1
            else:
                self._left(provider, key)
        extra = +failed
        if extra:
            self._local_failures(provider, extra)

    def _queue_changed(self, provider: Provider, book: _Book, fresh: list[str]) -> list[tuple[str, str]]:
        """Note what came into the queue; return what left it."""
        now = set(provider.disk.execute(_QUEUED))
        if now == book.rows.keys():
            return []
        gone = [book.rows.pop(row) for row in sorted(book.rows.keys() - now)]
        for row in sorted(now - book.rows.keys()):
            _, address, reverse_path, digest = row
            name = self._name(provider, digest, fresh)
            key = book.rows[row] = name, address
            book.held[key] += 1
            self._origin(provider, name)
            self._report_in_order(name, address, reverse_path or None)
            self._trace(provider.name, f"has queued {name} for {address}")
        for key in gone:
            self._trace(provider.name, f"is done with {key[0]} for {key[1]}")
        return gone

    def _account_changed(self, provider: Provider, book: _Book, account: AccountId, fresh: list[str]) -> None:
        address = provider.accounts[account]
        now = ledgers.mark(provider.disk, account)
        before, book.marks[account] = book.marks[account], now
        before.precedes(now)
        for digest in ledgers.arrivals(provider.disk, account, before):
            name = self._name(provider, digest, fresh)
            key = name, address
            book.held[key] += 1
            self._trace(provider.name, f"has stored {name} for {address}")
            self._copy(key, self._origin(provider, name))

    def _origin(self, provider: Provider, message: str) -> Said | None:
        """The transaction by which a message has come; it has not been answered yet."""
        for said in self._unanswered:
            if said.server == provider.name and said.message == message:
                self._kept.add(said)
                return said
        return None

    def _left(self, provider: Provider, key: tuple[str, str]) -> None:
        """A recipient has left the queue without a report: rightly?"""
        message, recipient = key
        for said in self._heard:
            ours = said.client == provider.name and said.message == message
            if ours and said.heard and recipient in said.recipients and (said, recipient) not in self._noted:
                self._noted.add((said, recipient))
                return
        letter = self.letters.get(message)
        wished = letter is not None and letter.sender and (not letter.notify or "FAILURE" in letter.notify)
        if wished:
            raise Violation(f"{key} left {provider.name}'s queue in silence")
        self.unreported.add(key)

    # --- reports

    def _name(self, provider: Provider, digest: bytes, fresh: list[str]) -> str:
        """The Message-ID of a blob; reports that nobody has seen before are added to `fresh`."""
        known = self._named.get(digest)
        if known is None:
            known = self._named[digest] = self._read(ledgers.octets(provider.disk, digest))
        name, report = known
        if report and name not in self._reports:
            self._reports[name] = report
            fresh.append(name)
        return name

    def _read(self, octets: bytes) -> tuple[str, Report | None]:
        found = _MESSAGE_ID.findall(octets)
        if not found:
            raise Violation("a message without a Message-ID")
        name = found[0].decode()
        if _REPORT not in octets:
            letter = self.letters.get(name)
            if letter is None or not octets.endswith(letter.body.encode()):
                raise Violation(f"{name} is not as it was sent")
            return name, None
        subjects = tuple((who.decode(), what.decode()) for who, what in _SUBJECTS.findall(octets))
        to = _TO.search(octets)
        return name, Report(found[-1].decode(), to[1].decode() if to else "", subjects)

    def _new_reports(self, provider: Provider, fresh: list[str]) -> Counter[tuple[str, str]]:
        """Check reports made in this commit; count the failures they tell of."""
        failed: Counter[tuple[str, str]] = Counter()
        for name in fresh:
            report = self._reports[name]
            letter = self.letters.get(report.about)
            self._trace(provider.name, f"reports to {report.to}: {report.about} {report.subjects}")
            if letter is None:
                raise Violation(f"a report about {report.about}, which is a report")
            if not letter.sender or report.to != letter.sender:
                raise Violation(f"a report about {report.about} goes to {report.to!r}, not to its sender")
            for who, action in report.subjects:
                self._wished(letter, action)
                if action == "failed":
                    self._not_delivered(provider, (report.about, who))
                    failed[report.about, who] += 1
                else:
                    self._once(provider, report.about, who, action)
        return failed

    def _report_in_order(self, name: str, address: str, reverse_path: str | None) -> None:
        report = self._reports.get(name)
        if report and (reverse_path is not None or report.to != address):
            raise Violation(f"report {name} travels from {reverse_path!r} to {address!r}")

    def _wished(self, letter: Letter, action: str) -> None:
        word = {"failed": "FAILURE", "delayed": "DELAY"}.get(action, "SUCCESS")
        if word not in (letter.notify or "FAILURE,DELAY"):
            raise Violation(f"nobody wished to hear that {letter.message_id} is {action}")

    def _not_delivered(self, provider: Provider, key: tuple[str, str]) -> None:
        for said in self._heard:
            ours = said.client == provider.name and said.message == key[0] and key[1] in said.recipients
            alive = said.life is not None and said.life.alive
            if ours and alive and said.heard and (said, key[1]) not in self._noted:
                raise Violation(f"{key} is reported as failed after an acknowledged delivery")

    def _once(self, provider: Provider, about: str, who: str, action: str) -> None:
        self._delayed[about, who, action] += 1
        if self._delayed[about, who, action] > max(1, self._books[provider.name].held[about, who]):
            raise Violation(f"{about} for {who}: {action} is reported again")

    def _local_failures(self, provider: Provider, extra: Iterable[tuple[str, str]]) -> None:
        raise Violation(f"{provider.name} reports the failure of {list(extra)}, which it did not hold")

    # --- at the end

    @property
    def nothing_waits(self) -> bool:
        """Whether every queue is empty."""
        return not any(book.rows for book in self._books.values())

    def all_is_well(self, *, closely: bool) -> None:
        """Trouble is over and the queues are empty: every promise was kept."""
        for name, book in self._books.items():
            if book.rows:
                raise Violation(f"{name} still has {sorted(book.rows.values())} in its queue")
        for key in sorted(self.promises):
            if not (self.copies.get(key) or self.failures[key] or key in self.unreported):
                raise Violation(f"{key} was promised, and neither delivered nor reported")
        for provider in self._providers.values():
            ledgers.sound(provider.name, provider.disk)
            if closely:
                ledgers.look_closely(provider.name, provider.disk)
            if provider.telemetry.failures:
                raise Violation(f"{provider.name} was wrong: {provider.telemetry.failures}")
