"""What Mailbox/set would make of an account's mailboxes: operations on trees in memory, and whether the result may be.

RFC 8620 §5.3: "The final state MUST be valid after the "Foo/set" is finished; however, the server may have to
transition through invalid intermediate states". So all operations are tried together first, as when two mailboxes
change their names. Only where that gives trees that may not be, they are done one after another, and each is refused
that can't be done as things are then.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from pillarbox.mail import mailbox_name, object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.mailbox_name import MAX_LEVELS, SEPARATOR
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.mailbox import HAS_CHILD
from pillarbox.server.jmap.mailboxes.view import Shown
from pillarbox.store.mailbox import MAX_MAILBOXES, Role

Key: TypeAlias = MailboxId | str
"""A mailbox: its number, or the creation id of one that is to be."""

MAX_LOOKED_AT: Final = 100_000
"""Mailboxes that are looked at for one call, those of each step counted: some hundred milliseconds, in a thread."""


class TooMuch(Exception):
    """The operations would have to be tried one by one, among too many mailboxes."""


class Node(Struct, frozen=True):
    """A mailbox as it is, or as it would be."""

    parent: Key | None
    name: str
    role: Role | None = None
    sort_order: int | None = None
    subscribed: bool = True
    path: str | None = None
    """Its canonical name now; None for a new one."""


class Operation(Struct, frozen=True):
    """A mailbox that is created, changed or destroyed."""

    key: Key
    record: str
    """What the client calls it."""
    node: Node | None = None
    """The new one."""
    values: dict[str, Any] = {}
    """What changes, by the names of `Node`."""

    @property
    def destroys(self) -> bool:
        """Whether it goes."""
        return self.node is None and not self.values

    def after(self, before: Node | None) -> Node | None:
        """What becomes of the mailbox."""
        if self.node is not None or before is None or self.destroys:
            return self.node
        return msgspec.structs.replace(before, **self.values)


class Wrong(Struct, frozen=True):
    """What may not be: of an operation that causes it."""

    properties: tuple[str, ...]
    """Those that may be to blame; none where there is too much of something."""
    why: str
    among: tuple[Key, ...] = ()
    """The mailboxes that get in each other's way."""

    def error(self, operation: Operation) -> SetError:
        """For the client."""
        if operation.destroys:
            return HAS_CHILD  # whose parent would be missing
        if not self.properties:
            return errors.over_quota(self.why)
        sent = [name for name in self.properties if _FIELDS[name] in operation.values]
        refused = errors.invalid_properties(sent or self.properties[:1], self.why)
        existing = next((key for key in self.among if isinstance(key, int) and key != operation.key), None)
        if existing is not None:
            refused.extra["existingId"] = object_id.of_mailbox(existing)
        return refused


_TOO_DEEP: Final = "It would be too deep, or below itself"
_FIELDS: Final = {"name": "name", "parentId": "parent", "role": "role"}


class Forest:
    """The mailboxes of an account."""

    def __init__(self, several: Iterable[Shown], subscriptions: int) -> None:
        """As they are. `subscriptions`: of all names, also those without a mailbox."""
        self._before: dict[Key, Node] = {shown.mailbox.id: node_of(shown) for shown in several}
        self.nodes = self._before.copy()
        self._subscriptions = subscriptions
        self._looked_at = 0

    def settle(self, operations: Sequence[Operation]) -> list[tuple[Operation, SetError]]:
        """Do those of the operations that can be done; the errors of the others. Raises `TooMuch`."""
        if self._together(operations):
            return []
        if self._together([operation for operation in operations if not operation.destroys]):
            return self._one_by_one([operation for operation in operations if operation.destroys])
        return self._one_by_one(operations)

    def _together(self, operations: Sequence[Operation]) -> bool:
        """Whether all of them can be done; else nothing is."""
        before = self.nodes.copy()
        for operation in operations:
            self._do(operation)
        if self.wrong() is None:
            return True
        self.nodes = before
        return False

    def _one_by_one(self, operations: Sequence[Operation]) -> list[tuple[Operation, SetError]]:
        refused = []
        for operation in operations:
            earlier = self.nodes.get(operation.key)
            self._do(operation)
            if wrong := self.wrong():
                refused.append((operation, wrong.error(operation)))
                self._put(operation.key, earlier)
        return refused

    def _do(self, operation: Operation) -> None:
        self._put(operation.key, operation.after(self.nodes.get(operation.key)))

    def _put(self, key: Key, node: Node | None) -> None:
        if node is None:
            self.nodes.pop(key, None)
        else:
            self.nodes[key] = node

    # --- what may be

    def wrong(self) -> Wrong | None:
        """What is wrong with the trees. Raises `TooMuch`."""
        self._looked_at += len(self.nodes)
        if self._looked_at > MAX_LOOKED_AT:
            raise TooMuch
        return self._wrong_number() or self._wrong_role() or self._wrong_path()

    def _wrong_number(self) -> Wrong | None:
        if len(self.nodes) > max(MAX_MAILBOXES, len(self._before)):
            return Wrong((), f"More than {MAX_MAILBOXES} mailboxes")
        more = _subscribed(self.nodes) - _subscribed(self._before)
        if more > 0 and self._subscriptions + more > MAX_MAILBOXES:
            return Wrong((), f"More than {MAX_MAILBOXES} subscriptions")
        return None

    def _wrong_role(self) -> Wrong | None:
        holders: dict[Role, list[Key]] = {}
        for key, node in self.nodes.items():
            if node.role is not None:
                holders.setdefault(node.role, []).append(key)
        for role, several in holders.items():
            if len(several) > 1 and any(self._had(key) is not role for key in several):
                return Wrong(("role",), "A role has one mailbox", tuple(several))
        return None

    def _had(self, key: Key) -> Role | None:
        node = self._before.get(key)
        return None if node is None else node.role

    def _wrong_path(self) -> Wrong | None:
        try:
            paths = self.paths()
        except _NoPath as refused:
            return refused.wrong
        if len(set(paths.values())) == len(paths):
            return None
        twice = {path for path, number in Counter(paths.values()).items() if number > 1}
        several = tuple(key for key, path in paths.items() if path in twice)
        return Wrong(("name", "parentId"), "There is a mailbox of this name", several)

    def paths(self) -> dict[Key, str]:
        """The canonical names."""
        found: dict[Key, str] = {}
        for key in self.nodes:
            chain: list[Key] = []
            at: Key | None = key
            while at is not None and at not in found:
                if at not in self.nodes:
                    raise _NoPath(Wrong(("parentId",), "There is no such mailbox"))
                if len(chain) == MAX_LEVELS:
                    raise _NoPath(Wrong(("parentId",), _TOO_DEEP))
                chain.append(at)
                at = self.nodes[at].parent
            for one in reversed(chain):
                found[one] = self._path(self.nodes[one], found)
        return found

    @staticmethod
    def _path(node: Node, above: dict[Key, str]) -> str:
        path = node.name if node.parent is None else f"{above[node.parent]}{SEPARATOR}{node.name}"
        if path == node.path:
            return path
        if path.count(SEPARATOR) >= MAX_LEVELS:
            raise _NoPath(Wrong(("parentId",), _TOO_DEEP))
        try:
            return mailbox_name.canonical(path)
        except mailbox_name.InvalidMailboxName as error:
            raise _NoPath(
                Wrong(("name", "parentId"), f"The {error}, with those of all mailboxes above it")
            ) from None


class _NoPath(Exception):
    """A mailbox could not have a name."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.why)
        self.wrong = wrong


def _subscribed(nodes: Mapping[Key, Node]) -> int:
    return sum(node.subscribed for node in nodes.values())


def node_of(shown: Shown) -> Node:
    """A mailbox as it is."""
    mailbox = shown.mailbox
    return Node(
        shown.parent, shown.name, mailbox.role, mailbox.sort_order, mailbox.subscribed, path=mailbox.name
    )
