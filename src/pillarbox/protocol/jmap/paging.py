"""Which part of the results a /query returns: position, anchor and limit (RFC 8620 §5.5)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from pillarbox.protocol.jmap.arguments import QueryArguments
from pillarbox.protocol.jmap.errors import ANCHOR_NOT_FOUND, MethodError
from pillarbox.protocol.jmap.limits import Limits

T = TypeVar("T")


class Page(Struct, frozen=True, gc=False):
    """A part of the results."""

    position: int
    """Index of its first, from 0; it may be beyond the last."""
    most: int
    """So many at most."""
    limit: int | None
    """To be told to the client: the limit that the server has set, where the client's is none or higher."""

    def of(self, results: Sequence[T]) -> Sequence[T]:
        """The part of them."""
        return results[self.position : self.position + self.most]


def page(arguments: QueryArguments, total: int, index: Callable[[str], int | None], limits: Limits) -> Page:
    """The page that is asked for. `index` finds a record in the results. Raises anchorNotFound.

    An anchor makes `position` void; without one, `anchorOffset` is void.
    """
    if arguments.anchor is not None:
        found = index(arguments.anchor)
        if found is None:
            raise MethodError(ANCHOR_NOT_FOUND)
        position = max(0, found + arguments.anchor_offset)
    else:
        position = arguments.position if arguments.position >= 0 else max(0, total + arguments.position)
    if arguments.limit is None or arguments.limit > limits.max_query_results:
        return Page(position, limits.max_query_results, limits.max_query_results)
    return Page(position, arguments.limit, None)
