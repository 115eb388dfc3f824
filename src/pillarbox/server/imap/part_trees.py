"""A cache of part trees: where the parts of recently read messages lie.

A client that fetches a large attachment asks for it in slices. With the tree cached, each slice costs that
slice, not the message. Trees hold offsets and headers, no bodies. The cache is used in the event loop only: a
thread that parses a message returns the tree.
"""

from collections import OrderedDict
from typing import Final

from pillarbox.mail.part import Part

MAX_TREES: Final = 64
"""Trees in a process."""

MAX_HEADER_OCTETS: Final = 256 * 1024
"""Headers of all parts of a tree together; a tree with more is not cached."""


class PartTrees:
    """The recently used trees, by the digest of the message: its octets never change, so trees never expire."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Part] = OrderedDict()

    def get(self, digest: bytes) -> Part | None:
        """The tree of this message, if it is cached."""
        tree = self._kept.get(digest)
        if tree is not None:
            self._kept.move_to_end(digest)
        return tree

    def keep(self, digest: bytes, tree: Part) -> None:
        """Cache a tree."""
        if sum(len(part.header.octets) for part in tree.walk()) > MAX_HEADER_OCTETS:
            return
        self._kept[digest] = tree
        if len(self._kept) > MAX_TREES:
            self._kept.popitem(last=False)
