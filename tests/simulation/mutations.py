"""Code broken on purpose, to check that the simulation notices.

Each mutation is a plausible mistake; `noticed_as` is what the auditor must report.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from pillarbox.delivery import accept, report, settle
from pillarbox.delivery.reception.incoming import IncomingMessage
from pillarbox.delivery.settle import RecipientResult
from pillarbox.protocol.smtp.client import envelope, machine
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue import outcome, schedule
from pillarbox.queue.outcome import QueuedDelivery
from pillarbox.queue.spool import Outbound
from pillarbox.server.relay.settling import Settling
from pillarbox.store import account_counters
from pillarbox.world.database import DatabaseUnavailable, Transaction


@dataclass(frozen=True, slots=True)
class Mutation:
    """A mistake, and the violation that it causes."""

    name: str
    apply: Callable[[pytest.MonkeyPatch], None]
    noticed_as: str


def _says_250_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    commit = IncomingMessage._commit

    async def begin_commit(self: IncomingMessage, intake: Any) -> None:
        asyncio.get_running_loop().create_task(commit(self, intake))

    patch.setattr(IncomingMessage, "_commit", begin_commit)


def _forgets_all_but_the_first_placement(patch: pytest.MonkeyPatch) -> None:
    place = accept.place
    patch.setattr(
        accept, "place", lambda tx, placements, *rest, **more: place(tx, placements[:1], *rest, **more)
    )


def _leases_last_a_second(patch: pytest.MonkeyPatch) -> None:
    for verb in ("claim_from", "renew"):
        patch.setattr(schedule, verb, partial(getattr(schedule, verb), lease_ms=1_000))


def _a_lost_answer_is_a_yes(patch: pytest.MonkeyPatch) -> None:
    def delivered(*arguments: Any, **keywords: Any) -> Outcome:
        return envelope.interrupted(*arguments, **keywords)._replace(kind=OutcomeKind.DELIVERED)

    patch.setattr(machine, "interrupted", delivered)


def _what_is_delivered_stays_queued(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outcome, "delivered", lambda tx, job, waiting: True)


def _outcomes_are_lost_while_the_disk_is_full(patch: pytest.MonkeyPatch) -> None:
    async def write_batch(self: Settling, batch: Sequence[Any]) -> None:
        try:
            await self._settle(batch)
        except DatabaseUnavailable:
            pass

    patch.setattr(Settling, "_write_batch", write_batch)


def _failures_are_not_reported(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "send", lambda *_, **__: report.Sent.UNDELIVERABLE)


def _expired_mail_vanishes(patch: pytest.MonkeyPatch) -> None:
    def dropped(tx: Transaction, late: list[QueuedDelivery], *_: object) -> list[RecipientResult]:
        for one in late:
            outcome.dropped(tx, one)
        return []

    patch.setattr(settle, "_notify", dropped)


def _reports_can_bounce(patch: pytest.MonkeyPatch) -> None:
    def bouncing(**fields: Any) -> Outbound:
        return Outbound(**{**fields, "reverse_path": "postmaster@a.example"})

    patch.setattr(report, "Outbound", bouncing)


def _success_is_reported_unasked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "requested", lambda *_: True)


def _quota_is_not_given_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(account_counters, "remove_emails", lambda *_, **__: None)


def _broken(break_it: Callable[[pytest.MonkeyPatch], None], noticed_as: str) -> Mutation:
    return Mutation(break_it.__name__.strip("_").replace("_", "-"), break_it, noticed_as)


MUTATIONS = (
    _broken(_says_250_before_the_commit, "does not hold it"),
    _broken(_forgets_all_but_the_first_placement, "does not hold it"),
    _broken(
        _leases_last_a_second,
        "under way twice|delivered again after an acknowledged|BlobMissing|in its queue",
    ),
    _broken(_a_lost_answer_is_a_yes, "unreported"),
    _broken(_what_is_delivered_stays_queued, "delivered again after an acknowledged"),
    _broken(_outcomes_are_lost_while_the_disk_is_full, "delivered again after an acknowledged"),
    _broken(_failures_are_not_reported, "unreported"),
    _broken(_expired_mail_vanishes, "unreported"),
    _broken(_reports_can_bounce, "is queued from"),
    _broken(_success_is_reported_unasked, "that nobody requested"),
    _broken(_quota_is_not_given_back, "quota"),
)
