"""Whether what has failed for an account comes of values that nobody wrote."""

from dataclasses import replace
from typing import Final

from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.contacts import values as contacts
from pillarbox.directory import values as directory
from pillarbox.mail.identifiers import AccountId
from pillarbox.push import values as push
from pillarbox.queue import values as queue
from pillarbox.reports import values as reports
from pillarbox.store.invariants import values as store
from pillarbox.world.blobs import values as blobs
from pillarbox.world.database import Transaction
from pillarbox.world.database.values import TableValues, check

_DIGESTS: Final = f"(SELECT blob FROM emails WHERE {store.EMAILS.of_account})"  # noqa: S608 - a constant
_EVERY: Final[tuple[TableValues, ...]] = (
    *directory.TABLES,
    *store.TABLES,
    store.EMAILS,
    store.INDICATORS,
    *queue.TABLES,
    *reports.TABLES,
    *push.TABLES,
    *contacts.TABLES,
    *blobs.TABLES,
)
OF_ACCOUNT: Final[tuple[TableValues, ...]] = (
    *directory.TABLES,
    *store.TABLES,
    store.EMAILS,
    *contacts.TABLES,
    replace(blobs.BLOBS, of_account=f"digest IN {_DIGESTS}"),
    replace(blobs.OCTETS, of_account=f"id IN (SELECT octets_id FROM blobs WHERE digest IN {_DIGESTS})"),  # noqa: S608 - likewise
)
"""Where rows are looked at."""


@may(OPERATOR)
def check_account(tx: Transaction, account: AccountId | None) -> None:
    """Raises `ValuesDamaged` where rows of an account, or of the directory, have such values.

    It reads all rows of the account.
    """
    check(tx, OF_ACCOUNT, account)


@may(OPERATOR)
def check_everything(tx: Transaction) -> None:
    """Raises `ValuesDamaged` where any row has such values. It reads all rows but those of the search index."""
    check(tx, tuple(replace(values, of_account="") for values in _EVERY), None)
