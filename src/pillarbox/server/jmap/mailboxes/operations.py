"""The arguments of Mailbox/set as operations; and what is wrong with a record by itself (RFC 8621 §2, §2.5)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import mailbox_name, object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR
from pillarbox.protocol.jmap import errors, ids
from pillarbox.protocol.jmap.errors import NOT_FOUND, WILL_DESTROY, SetError
from pillarbox.protocol.jmap.ids import MARK, CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types.mailbox import HAS_EMAIL, MAILBOX, MailboxSetArguments
from pillarbox.server.jmap.mailboxes.forest import Key, Node, Operation
from pillarbox.server.jmap.mailboxes.view import NONE_COUNTED, Shown, record_of
from pillarbox.store.mailbox import Role
from pillarbox.store.thread_counts import Counts

_SOME_ID: Final = "F0"
"""In place of a reference to a mailbox that is to be created: it is looked at as an id, and never used."""
_INBOX_STAYS: Final = errors.forbidden("The inbox can't be renamed, moved or destroyed, and stays the inbox")


class Asked(Struct, frozen=True):
    """What a call asks for."""

    call: MailboxSetArguments
    created: CreatedIds
    limits: Limits
    counts: Mapping[MailboxId, Counts]
    """Of those that may be compared with what a client sends."""


class Operations:
    """The operations that are possible, each by itself, on the mailboxes of an account; and errors of the others."""

    def __init__(self, asked: Asked, tree: Mapping[MailboxId, Shown]) -> None:
        self._asked, self._tree = asked, tree
        self._creates = asked.call.create or {}
        self._possible: set[str] = set()
        """Creation ids so far."""
        self.all: list[Operation] = []
        self.not_created: dict[str, SetError] = {}
        self.not_updated: dict[str, SetError] = {}
        self.not_destroyed: dict[str, SetError] = {}
        for creation in ids.in_order(self._creates, MAILBOX.references):
            self._add(self._creation(creation, self._creates[creation]), self.not_created, creation)
        destroyed = dict.fromkeys(map(asked.created.known, asked.call.destroy or ()))
        for reference, patch in (asked.call.update or {}).items():
            record = asked.created.known(reference)
            self._add(self._update(record, patch, destroyed), self.not_updated, record)
        for record in sorted(destroyed, key=self._level, reverse=True):  # children first
            self._add(self._destruction(record), self.not_destroyed, record)

    def _add(self, made: Operation | SetError | None, refused: dict[str, SetError], record: str) -> None:
        if isinstance(made, SetError):
            refused[record] = made
        elif made is not None:
            self.all.append(made)

    def errors_of(self, operation: Operation) -> dict[str, SetError]:
        """Where its error goes."""
        if operation.destroys:
            return self.not_destroyed
        return self.not_created if operation.node is not None else self.not_updated

    def _level(self, record: str) -> int:
        shown = self._shown(record)
        return 0 if shown is None else shown.mailbox.name.count(SEPARATOR)

    def _shown(self, record: str) -> Shown | None:
        mailbox = object_id.mailbox(record)
        return None if mailbox is None else self._tree.get(mailbox)

    # --- one of each

    def _creation(self, creation: str, given: Mapping[str, Any]) -> Operation | SetError:
        parent, wrong = self._parent(given.get("parentId"))
        checked = MAILBOX.create(_without_reference(given))
        if isinstance(checked, SetError):
            wrong = [*checked.extra["properties"], *wrong]
        wrong += _wrong_name(given.get("name")) + _wrong_role(given.get("role"))
        if wrong or isinstance(checked, SetError):
            return _invalid(wrong, checked)
        self._possible.add(creation)
        node = Node(
            parent,
            checked["name"],
            checked["role"] and Role(checked["role"]),
            given.get("sortOrder"),  # else it is ours
            checked["isSubscribed"],
        )
        return Operation(creation, creation, node)

    def _update(
        self, record: str, patch: Mapping[str, Any], destroyed: Iterable[str]
    ) -> Operation | SetError | None:
        shown = self._shown(record)
        if shown is None:
            return NOT_FOUND
        if record in destroyed:
            return WILL_DESTROY
        counts = self._asked.counts.get(shown.mailbox.id, NONE_COUNTED)
        parent, wrong = self._parent(patch.get("parentId"))
        values = MAILBOX.update(
            lambda names: record_of(shown, counts, names),
            _without_reference(patch),
            self._asked.limits,
        )
        if isinstance(values, SetError):
            if "properties" not in values.extra:
                return values
            wrong = [*values.extra["properties"], *wrong]
        wrong += _wrong_name(patch.get("name"), shown.name) + _wrong_role(
            patch.get("role"), shown.mailbox.role
        )
        if wrong or isinstance(values, SetError):
            return _invalid(wrong, values)
        if patch.get("sortOrder", 0) is None:
            values["sortOrder"] = None  # ours again
        changed = _changed(values, parent)
        if shown.mailbox.name == INBOX and _moves_inbox(changed):
            return _INBOX_STAYS
        # With nothing to change, it was done
        return Operation(shown.mailbox.id, record, values=changed or {"subscribed": shown.mailbox.subscribed})

    def _destruction(self, record: str) -> Operation | SetError:
        shown = self._shown(record)
        if shown is None:
            return NOT_FOUND
        mailbox = shown.mailbox
        if mailbox.name == INBOX:
            return _INBOX_STAYS
        # What has \Deleted is no email of JMAP's
        if mailbox.messages > mailbox.deleted and not self._asked.call.on_destroy_remove_emails:
            return HAS_EMAIL
        return Operation(mailbox.id, record)

    def _parent(self, value: Any) -> tuple[Key | None, list[str]]:
        """The mailbox that a `parentId` names; and that property, where there is none."""
        if not isinstance(value, str):
            return None, []  # the table looks at its type
        if value.startswith(MARK) and value[1:] in self._creates:
            creation = value[1:]
            return (creation, []) if creation in self._possible else (None, ["parentId"])
        shown = self._shown(self._asked.created.known(value))
        return (None, ["parentId"]) if shown is None else (shown.mailbox.id, [])


def _without_reference(given: Mapping[str, Any]) -> dict[str, Any]:
    parent = given.get("parentId")
    if isinstance(parent, str) and parent.startswith(MARK):
        return {**given, "parentId": _SOME_ID}
    return dict(given)


def _invalid(wrong: Iterable[str], found: Any) -> SetError:
    description = found.description if isinstance(found, SetError) else None
    return errors.invalid_properties(dict.fromkeys(wrong), description)


def _wrong_name(name: Any, before: str | None = None) -> list[str]:
    """Whether the last level of a name can't be this one: so nor can the name."""
    if not isinstance(name, str) or name == before:
        return []
    try:
        mailbox_name.check_new_level(mailbox_name.canonical(name))
    except mailbox_name.InvalidMailboxName:
        return ["name"]
    return ["name"] if SEPARATOR in name else []


def _wrong_role(role: Any, before: Role | None = None) -> list[str]:
    """Whether there is no such role to give: that of the inbox stays where it is."""
    if not isinstance(role, str) or role == before:
        return []
    return [] if role in tuple(Role) and role != Role.INBOX else ["role"]


def _changed(values: Mapping[str, Any], parent: Key | None) -> dict[str, Any]:
    """What changes, by the names of `Node`."""
    changed: dict[str, Any] = {}
    for name, value in values.items():
        match name:
            case "name":
                changed["name"] = value
            case "parentId":
                changed["parent"] = parent
            case "role":
                changed["role"] = value and Role(value)
            case "sortOrder":
                changed["sort_order"] = value
            case "isSubscribed":
                changed["subscribed"] = value
    return changed


def _moves_inbox(changed: Mapping[str, Any]) -> bool:
    name = changed.get("name", INBOX)
    return name.upper() != INBOX or bool({"parent", "role"} & changed.keys())
