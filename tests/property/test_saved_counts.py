"""Counts of saved searches, while mail comes, is flagged, moved and deleted, against counts made one by one."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from pillarbox.store import account_counters, emails
from pillarbox.store.listing.account import placing_of
from pillarbox.store.listing.counting import Counts, count
from pillarbox.store.listing.current import Kept
from pillarbox.store.listing.evaluation import has_flag, matching
from pillarbox.store.listing.filters import Filter
from pillarbox.store.search.text import go_on
from tests.kit.stored_mail import ANNA
from tests.property.test_email_lists import ListsMachine, filters, matches

MAX_SEARCHES = 4


class CountsMachine(ListsMachine):
    """What happens is that of the lists."""

    def __init__(self) -> None:
        super().__init__()
        self.searches: list[Filter] = []

    @rule(wanted=filters)
    def saved(self, wanted: Filter) -> None:
        self.searches = [wanted, *self.searches][:MAX_SEARCHES]

    @invariant()
    def counts_are_true(self) -> None:
        if not hasattr(self, "cache"):
            return
        kept = self.current()
        for wanted in self.searches:
            places = matching(kept.listed, wanted, pause=go_on)
            assert count(kept.listed, places, pause=go_on) == self.counted(wanted)

    def check_kept(self, kept: Kept) -> None:
        """A list that is kept has the same counts, in whatever order."""
        for one in kept.lists._kept.values():
            assert count(kept.listed, one.places, pause=go_on) == self.counted(one.filter)

    @rule()
    def kept_lists_are_counted(self) -> None:
        self.check_kept(self.current())

    def counted(self, wanted: Filter) -> Counts:
        first, last = account_counters.email_bounds(ANNA)
        rows = self.tx.rows(
            "SELECT DISTINCT email FROM placements WHERE email BETWEEN ? AND ?", (first, last)
        )
        there = emails.by_id(self.tx, ANNA, [email for (email,) in rows])
        everyone = {int(key): email for key, email in there.items()}
        found = [email for email in everyone.values() if matches(wanted, email, everyone)]
        unread = [
            email
            for email in found
            if not any(has_flag(placing_of(email), flag) for flag in ("\\Seen", "\\Draft"))
        ]
        return Counts(
            len(found),
            len(unread),
            len({email.thread for email in found}),
            len({email.thread for email in unread}),
        )


def test_counts_and_the_model_agree() -> None:
    run_state_machine_as_test(
        CountsMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
