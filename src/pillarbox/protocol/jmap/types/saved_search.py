"""SavedSearch: an extension of our own, `urn:pillarbox:jmap:savedsearches`."""

from typing import Annotated, Any, Final

from msgspec import Meta

from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Text, UnsignedInt
from pillarbox.protocol.jmap.types.mailbox import COUNTS, SortOrder

MAX_SEARCHES: Final = 100
"""Of an account. Beyond: overQuota."""
MAX_FILTER_OCTETS: Final = 16 * 1024
"""Octets of a filter as JSON."""

_Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Count = UnsignedInt | None

SAVED_SEARCH: Final = TypeTable(
    "SavedSearch",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="name", holds=_Name),
    Property(name="filter", holds=dict[str, Any] | None, default=None),
    Property(name="sort", holds=list[dict[str, Any]] | None, default=None),
    Property(name="collapseThreads", holds=bool, default=False),
    Property(name="sortOrder", holds=SortOrder, default=0),
    *(Property(name=name, holds=_Count, server_set=True) for name in COUNTS),
    Property(name="countsError", holds=Text | None, server_set=True),
)

COUNTED: Final = (*COUNTS, "countsError")
"""What `updatedProperties` of SavedSearch/changes lists where nothing else has changed."""

TOO_EXPENSIVE: Final = "tooExpensive"
"""`countsError`: more emails, or more text, would have to be looked at than counts are worth."""
NOT_YET: Final = "notYet"
"""The call had no time left for it: another one may."""
UNSUPPORTED_FILTER: Final = "unsupportedFilter"
"""The filter that is kept is none that Email/query would take now."""
