"""Part trees of messages lately read in parts.

A client that fetches a large attachment asks for it in slices. The tree says where the part lies, so with
the tree at hand each slice costs that slice, not the message. Trees hold offsets and headers, no bodies.
Threads that read large messages use it too: each step is one operation of the dictionary.
"""

from collections import OrderedDict
from typing import Final

from pillarbox.mail.part import Part

KEPT: Final = 64
"""Trees in a process."""

KEPT_HEADER_OCTETS: Final = 256 * 1024
"""Headers of all parts together; a tree with more is read anew each time."""


class PartTrees:
    """The lately used trees, by the digest of the octets: those never change, so a tree never ages."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Part] = OrderedDict()

    def get(self, digest: bytes) -> Part | None:
        """The tree of these octets, if it is at hand."""
        tree = self._kept.pop(digest, None)
        if tree is not None:
            self._kept[digest] = tree
        return tree

    def keep(self, digest: bytes, tree: Part) -> None:
        """Have a tree at hand for a while."""
        if sum(len(part.header.octets) for part in tree.walk()) > KEPT_HEADER_OCTETS:
            return
        self._kept[digest] = tree
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
