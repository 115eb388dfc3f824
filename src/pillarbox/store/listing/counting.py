"""How many emails match a filter, and how many of them are unread: for searches that are saved."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import ListedAccount
from pillarbox.store.listing.evaluation import SLICE, has_flag
from pillarbox.store.listing.filters import Filter
from pillarbox.store.search import Interlude

_COUNTED: Final = 2
"""What counting an email costs, beside the conditions that it is compared with."""


class Counts(Struct, frozen=True, gc=False):
    """As Mailbox has them (RFC 8621 §2), of the emails that match."""

    emails: int
    unread_emails: int
    """Of these, those that have neither been seen nor are drafts."""
    threads: int
    unread_threads: int
    """The threads of `unread_emails`."""


def count(listed: ListedAccount, places: Sequence[int], *, pause: Interlude) -> Counts:
    """The counts of the emails at these places, which are there."""
    threads, unread_threads, unread = set[int](), set[int](), 0
    known: dict[int, bool] = {}
    for start in range(0, len(places), SLICE):
        pause()
        some = places[start : start + SLICE]
        numbers = [listed.placings[place] for place in some]
        for number in set(numbers) - known.keys():
            known[number] = _is_unread(listed, number)
        are_unread = [known[number] for number in numbers]
        unread += sum(are_unread)
        of_these = [listed.threads[place] for place in some]
        threads.update(of_these)
        unread_threads.update(compress(of_these, are_unread))
    return Counts(len(places), unread, len(threads), len(unread_threads))


def _is_unread(listed: ListedAccount, number: int) -> bool:
    placing = listed.different[number]
    return not has_flag(placing, flag_text.SEEN) and not has_flag(placing, flag_text.DRAFT)


def work(listed: ListedAccount, wanted: Filter) -> int:
    """What counting takes, whatever it finds: emails, each as often as it is compared with something."""
    return len(listed.ids) * (f.conditions(wanted) + _COUNTED)
