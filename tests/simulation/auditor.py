"""The invariants, checked at each commit and each final reply.

The auditor knows every message sent, taps every wire, and reads every provider's database after each commit. Its
records are independent of the code under test:

1. *Nothing is lost.* When a provider replies 250, the message is in its database, stored or queued.
2. *No recipient leaves the queue unreported.* A queued recipient disappears in a commit that also reports its
   failure, or after the next server's 250 was read; or no DSN was requested.
3. *Nothing twice.* A second copy needs an excuse: the 250 for the first was lost on the wire, or the provider crashed
   between reading and recording it.
4. *One at a time.* No provider offers the same message for the same recipient on two connections at once.
5. *DSNs are correct*: one for each event, to the sender only; none about a DSN, none to the null path, none that was
   not requested, no failure of what was delivered.
6. *The store is consistent*: UIDs and MODSEQ only rise; quota, counts and uses equal the sums; the log of changes
   replays (see `disk_checks`), and `fsck` finds nothing.
7. *Queues drain* when faults have ended, within the time that retries may take.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pillarbox.mail.identifiers import AccountId
from tests.simulation import disk_checks
from tests.simulation.provider import Provider
from tests.simulation.senders import SentMessage
from tests.simulation.wire_tap import ObservedTransaction

_QUEUED = (
    "SELECT queue_recipients.id, address, coalesce(reverse_path, ''), blob FROM queue_recipients"
    " JOIN queue_messages ON queue_messages.id = message"
)
_REPORT = b"report-type=delivery-status"
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)
_SUBJECTS = re.compile(rb"Final-Recipient: [^;]+; ([^\r]+)\r\nAction: ([a-z]+)")
_TO = re.compile(rb"^To: <([^>]*)>", re.MULTILINE)


class Violation(AssertionError):
    """An invariant is broken."""


@dataclass(frozen=True, slots=True)
class Report:
    """A DSN, as found in a database."""

    about: str
    to: str
    subjects: tuple[tuple[str, str], ...]
    """Address and action."""


@dataclass(slots=True)
class _DiskRecord:
    """What the auditor knows of one provider's database."""

    rows: dict[tuple[Any, ...], tuple[str, str]] = field(default_factory=dict)
    """Queued recipients: (message, address) by database row."""
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a message was stored or queued for a recipient."""
    promised: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often it has replied 250 for it."""
    marks: dict[AccountId, disk_checks.AccountMark] = field(default_factory=dict)


class Auditor:
    """See the module."""

    def __init__(self, trace: Callable[[str, str], None]) -> None:
        self._trace = trace
        self.sent_messages: dict[str, SentMessage] = {}
        self.duplicates: Counter[str] = Counter()
        """Copies beyond the first, by their excuse."""
        self.copies: dict[tuple[str, str], list[ObservedTransaction | None]] = {}
        """Where each copy came from: a transaction, or the provider itself."""
        self.failures: Counter[tuple[str, str]] = Counter()
        """Failures reported, by message and recipient."""
        self.unreported: set[tuple[str, str]] = set()
        """Recipients that were given up without a DSN, as requested."""
        self.promises: set[tuple[str, str]] = set()
        """All that providers replied 250 for."""
        self._records: dict[str, _DiskRecord] = {}
        self._providers: dict[str, Provider] = {}
        self._named: dict[bytes, tuple[str, Report | None]] = {}
        self._reports: dict[str, Report] = {}
        self._under_way: list[ObservedTransaction] = []
        """Their clients wait for the final reply."""
        self._unanswered: list[ObservedTransaction] = []
        """Their servers have not replied."""
        self._answered: list[ObservedTransaction] = []
        """Answered with 250; most clients have read it."""
        self._kept: set[ObservedTransaction] = set()
        """Transactions of which something is durable."""
        self._recorded: set[tuple[ObservedTransaction, str]] = set()
        self._delayed: Counter[tuple[str, str, str]] = Counter()

    def watch(self, provider: Provider) -> None:
        """Keep records on a provider."""
        self._providers[provider.name] = provider
        self._records[provider.name] = _DiskRecord(
            marks={account: disk_checks.mark(provider.disk, account) for account in provider.accounts}
        )

    # --- what is seen on the wires

    def observed(self, transaction: ObservedTransaction) -> None:
        """A whole message has arrived, or its final reply was sent."""
        what = f"{transaction.message} for {', '.join(transaction.recipients)}"
        if not transaction.code:
            self._trace(transaction.client, f"has sent {what} to {transaction.server}")
            self._one_at_a_time(transaction)
            self._unanswered.append(transaction)
            return
        self._unanswered.remove(transaction)
        self._trace(transaction.server, f"answers {transaction.code} to {transaction.client} about {what}")
        if transaction.accepted:
            self._answered.append(transaction)
            self._accepted(transaction)
        elif transaction in self._kept:
            raise Violation(f"{transaction.server} refuses {transaction.message} but stored or queued it")

    def _one_at_a_time(self, transaction: ObservedTransaction) -> None:
        self._under_way = [one for one in self._under_way if one.waiting]
        for other in self._under_way:
            same = set(other.recipients) & set(transaction.recipients)
            if (
                other.message == transaction.message
                and other.client == transaction.client
                and same
                and transaction.life
            ):
                raise Violation(f"{transaction.client} has {transaction.message} for {same} under way twice")
        self._under_way.append(transaction)

    def _accepted(self, transaction: ObservedTransaction) -> None:
        provider = self._providers.get(transaction.server)
        for recipient in transaction.recipients:
            if provider is None:
                self._copy((transaction.message, recipient), transaction)
                continue
            record = self._records[provider.name]
            for final in provider.plan.leads_to(recipient):
                key = transaction.message, final
                record.promised[key] += 1
                self.promises.add(key)
                if record.held[key] < record.promised[key]:
                    raise Violation(f"{transaction.server} answered 250 for {key} and does not hold it")

    def _copy(self, key: tuple[str, str], origin: ObservedTransaction | None) -> None:
        earlier = self.copies.setdefault(key, [])
        excuses = [self._excuse(other, key[1]) for other in earlier]
        if not all(excuses):
            raise Violation(f"{key} was delivered again after an acknowledged delivery")
        self.duplicates.update(excuses[-1:])
        earlier.append(origin)

    def _excuse(self, origin: ObservedTransaction | None, recipient: str) -> str:
        """Why another copy may follow this one; empty if none may."""
        if origin is None or origin.life is None:
            return ""
        if not origin.reply_read:
            return "the reply was lost"
        noted = origin.life.alive or (origin, recipient) in self._recorded
        return "" if noted else "its sender crashed before recording it"

    def died(self, provider: Provider) -> None:
        """Transactions that the provider had not answered stay unanswered."""
        self._unanswered = [
            transaction for transaction in self._unanswered if transaction.server != provider.name
        ]

    # --- what is in the databases

    def committed(self, provider: Provider, touched: set[AccountId]) -> None:
        """A transaction of this provider is durable."""
        record = self._records[provider.name]
        fresh: list[str] = []
        gone = self._queue_changed(provider, record, fresh)
        for account in sorted(touched & provider.accounts.keys()):
            self._account_changed(provider, record, account, fresh)
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

    def _queue_changed(
        self, provider: Provider, record: _DiskRecord, fresh: list[str]
    ) -> list[tuple[str, str]]:
        """Note what came into the queue; return what left it."""
        now = set(provider.disk.execute(_QUEUED))
        if now == record.rows.keys():
            return []
        gone = [record.rows.pop(row) for row in sorted(record.rows.keys() - now)]
        for row in sorted(now - record.rows.keys()):
            _, address, reverse_path, digest = row
            name = self._name(provider, digest, fresh)
            key = record.rows[row] = name, address
            record.held[key] += 1
            self._origin(provider, name)
            self._report_in_order(name, address, reverse_path or None)
            self._trace(provider.name, f"has queued {name} for {address}")
        for key in gone:
            self._trace(provider.name, f"is done with {key[0]} for {key[1]}")
        return gone

    def _account_changed(
        self, provider: Provider, record: _DiskRecord, account: AccountId, fresh: list[str]
    ) -> None:
        address = provider.accounts[account]
        now = disk_checks.mark(provider.disk, account)
        before, record.marks[account] = record.marks[account], now
        before.check_precedes(now)
        for digest in disk_checks.arrivals(provider.disk, account, before):
            name = self._name(provider, digest, fresh)
            key = name, address
            record.held[key] += 1
            self._trace(provider.name, f"has stored {name} for {address}")
            self._copy(key, self._origin(provider, name))

    def _origin(self, provider: Provider, message: str) -> ObservedTransaction | None:
        """The transaction that brought a message; it has not been answered yet."""
        for transaction in self._unanswered:
            if transaction.server == provider.name and transaction.message == message:
                self._kept.add(transaction)
                return transaction
        return None

    def _left(self, provider: Provider, key: tuple[str, str]) -> None:
        """A recipient has left the queue without a DSN: check that this is right."""
        message, recipient = key
        for transaction in self._answered:
            ours = transaction.client == provider.name and transaction.message == message
            if (
                ours
                and transaction.reply_read
                and recipient in transaction.recipients
                and (transaction, recipient) not in self._recorded
            ):
                self._recorded.add((transaction, recipient))
                return
        sent_message = self.sent_messages.get(message)
        requested = (
            sent_message is not None
            and sent_message.sender
            and (not sent_message.notify or "FAILURE" in sent_message.notify)
        )
        if requested:
            raise Violation(f"{key} left {provider.name}'s queue unreported")
        self.unreported.add(key)

    # --- reports

    def _name(self, provider: Provider, digest: bytes, fresh: list[str]) -> str:
        """The Message-ID of a blob; DSNs not seen before are added to `fresh`."""
        known = self._named.get(digest)
        if known is None:
            known = self._named[digest] = self._read(disk_checks.octets(provider.disk, digest))
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
            sent_message = self.sent_messages.get(name)
            if sent_message is None or not octets.endswith(sent_message.body.encode()):
                raise Violation(f"{name} is not as it was sent")
            return name, None
        subjects = tuple((who.decode(), what.decode()) for who, what in _SUBJECTS.findall(octets))
        to = _TO.search(octets)
        return name, Report(found[-1].decode(), to[1].decode() if to else "", subjects)

    def _new_reports(self, provider: Provider, fresh: list[str]) -> Counter[tuple[str, str]]:
        """Check DSNs made in this commit; count the failures that they report."""
        failed: Counter[tuple[str, str]] = Counter()
        for name in fresh:
            report = self._reports[name]
            sent_message = self.sent_messages.get(report.about)
            self._trace(provider.name, f"reports to {report.to}: {report.about} {report.subjects}")
            if sent_message is None:
                raise Violation(f"a DSN about {report.about}, which is a DSN")
            if not sent_message.sender or report.to != sent_message.sender:
                raise Violation(f"a report about {report.about} goes to {report.to!r}, not to its sender")
            for who, action in report.subjects:
                self._requested(sent_message, action)
                if action == "failed":
                    self._not_delivered(provider, (report.about, who))
                    failed[report.about, who] += 1
                else:
                    self._once(provider, report.about, who, action)
        return failed

    def _report_in_order(self, name: str, address: str, reverse_path: str | None) -> None:
        report = self._reports.get(name)
        if report and (reverse_path is not None or report.to != address):
            raise Violation(f"DSN {name} is queued from {reverse_path!r} to {address!r}")

    def _requested(self, sent_message: SentMessage, action: str) -> None:
        keyword = {"failed": "FAILURE", "delayed": "DELAY"}.get(action, "SUCCESS")
        if keyword not in (sent_message.notify or "FAILURE,DELAY"):
            raise Violation(f"a DSN that nobody requested: {sent_message.message_id} is {action}")

    def _not_delivered(self, provider: Provider, key: tuple[str, str]) -> None:
        for transaction in self._answered:
            ours = (
                transaction.client == provider.name
                and transaction.message == key[0]
                and key[1] in transaction.recipients
            )
            alive = transaction.life is not None and transaction.life.alive
            if ours and alive and transaction.reply_read and (transaction, key[1]) not in self._recorded:
                raise Violation(f"{key} is reported as failed after an acknowledged delivery")

    def _once(self, provider: Provider, about: str, who: str, action: str) -> None:
        self._delayed[about, who, action] += 1
        if self._delayed[about, who, action] > max(1, self._records[provider.name].held[about, who]):
            raise Violation(f"{about} for {who}: {action} is reported again")

    def _local_failures(self, provider: Provider, extra: Iterable[tuple[str, str]]) -> None:
        raise Violation(f"{provider.name} reports the failure of {list(extra)}, which it did not hold")

    # --- at the end

    @property
    def queues_empty(self) -> bool:
        """Whether every queue is empty."""
        return not any(record.rows for record in self._records.values())

    def check_end(self, *, fsck: bool) -> None:
        """After the last fault, with empty queues: every message is accounted for."""
        for name, record in self._records.items():
            if record.rows:
                raise Violation(f"{name} still has {sorted(record.rows.values())} in its queue")
        for key in sorted(self.promises):
            if not (self.copies.get(key) or self.failures[key] or key in self.unreported):
                raise Violation(f"{key} was promised, and neither delivered nor reported")
        for provider in self._providers.values():
            disk_checks.check_counts(provider.name, provider.disk)
            if fsck:
                disk_checks.run_fsck(provider.name, provider.disk)
            if provider.telemetry.failures:
                raise Violation(f"{provider.name} had an internal error: {provider.telemetry.failures}")
