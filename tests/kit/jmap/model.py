"""Mailboxes in memory, behind the standard methods: what JMAP's core does with any data type, without a store.

Emails can be copied, so that there is a method that implies another. `failing` methods raise what they are told to.
"""

from collections.abc import Callable
from typing import Any

from pillarbox.protocol.jmap import arguments, errors, filters, ids, paging, responses
from pillarbox.protocol.jmap.filters import Condition, Filter
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types import mailbox
from pillarbox.protocol.jmap.types.mailbox import MAILBOX, MailboxQueryArguments, MailboxSetArguments
from pillarbox.server.jmap.context import Context, Handler, Named

Record = dict[str, Any]


class ModelMailboxes:
    """The mailboxes of one account, and what has changed."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.changes_made: list[tuple[str, str]] = []
        """What and which; a state is how many there were."""
        self.add("Inbox", role="inbox")

    def add(self, name: str, **properties: Any) -> str:
        return self._insert({**MAILBOX.omitted({}), "name": name, **properties})

    def handlers(self) -> dict[str, Handler]:
        return {
            "Mailbox/get": self.get,
            "Mailbox/changes": self.changes,
            "Mailbox/set": self.set,
            "Mailbox/query": self.query,
            "Mailbox/queryChanges": self.query_changes,
            "Email/copy": self.copy,
        }

    @property
    def state(self) -> str:
        return str(len(self.changes_made))

    # --- methods

    async def get(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        call = arguments.read(arguments.GetArguments, given)
        properties = MAILBOX.requested(call.properties, context.limits)
        wanted = call.wanted(context.created, context.limits)
        if wanted is None:
            if len(self.records) > context.limits.max_objects_in_get:
                raise arguments.too_many_to_get(context.limits)
            wanted = tuple(self.records)
        found = [self.records[name] for name in wanted if name in self.records]
        not_found = [name for name in wanted if name not in self.records]
        picked = [{name: record[name] for name in properties} for record in found]
        return responses.get(call.account_id, self.state, picked, not_found)

    async def changes(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        call = arguments.read(arguments.ChangesArguments, given)
        if not call.since_state.isdigit() or int(call.since_state) > len(self.changes_made):
            raise errors.cannot_calculate_changes()
        since = int(call.since_state)
        until = min(len(self.changes_made), since + (call.max_changes or 1000))
        seen: dict[str, list[str]] = {}
        for what, which in self.changes_made[since:until]:
            seen.setdefault(which, []).append(what)
        answer = responses.changes(
            call.account_id,
            call.since_state,
            str(until),
            created=[
                key for key, all_of in seen.items() if all_of[0] == "created" and all_of[-1] != "destroyed"
            ],
            updated=[key for key, all_of in seen.items() if set(all_of) == {"updated"}],
            destroyed=[key for key, all_of in seen.items() if all_of[-1] == "destroyed"],
            has_more=until < len(self.changes_made),
        )
        return {**answer, "updatedProperties": None}

    async def set(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        call = arguments.read(MailboxSetArguments, given)
        call.check(context.limits)
        call.check_state(self.state)
        before, outcome = self.state, SetOutcome()
        creates = call.create or {}
        for creation in ids.in_order(creates, MAILBOX.references):
            self._create(context, creation, creates[creation], outcome)
        for reference, patch in (call.update or {}).items():
            self._update(context, context.created.known(reference), patch, outcome)
        for key in dict.fromkeys(map(context.created.known, call.destroy or ())):
            self._destroy(key, outcome)
        return outcome.set_response(call.account_id, before, self.state)

    async def query(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        call = arguments.read(MailboxQueryArguments, given)
        results = self._results(context, call.filter, call.sort)

        def index(anchor: str) -> int | None:
            key = context.created.known(anchor)
            return results.index(key) if key in results else None

        page = paging.page(call, len(results), index, context.limits)
        total = len(results) if call.calculate_total else None
        return responses.query(
            call.account_id, self.state, page, page.of(results), can_calculate_changes=False, total=total
        )

    async def query_changes(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        call = arguments.read(arguments.QueryChangesArguments, given)
        self._results(context, call.filter, call.sort)
        raise errors.cannot_calculate_changes()

    async def copy(self, context: Context, given: dict[str, Any]) -> list[Named]:
        call = arguments.read(arguments.CopyArguments, given)
        call.check(context.limits)
        outcome = SetOutcome()
        copied = []
        for creation, record in call.create.items():
            original = arguments.copied_id(record, context.created)
            if isinstance(original, str):
                outcome.created[creation] = {"id": original}
                copied.append(original)
            else:
                outcome.not_created[creation] = original
        answer = outcome.copy_response(call.from_account_id, call.account_id, None, "1")
        destroy = {"accountId": call.account_id, "destroy": copied}
        return [("Email/copy", answer), *await context.implicit("Mailbox/set", destroy)]

    # --- what they do

    def _insert(self, record: Record) -> str:
        key = f"F{len(self.changes_made) + 1}"
        counts = dict.fromkeys(mailbox.COUNTS, 0)
        self.records[key] = {"id": key, **counts, "myRights": {"mayReadItems": True}, **record}
        self.changes_made.append(("created", key))
        return key

    def _create(self, context: Context, creation: str, given: Record, outcome: SetOutcome) -> None:
        resolved = context.created.resolve(given, MAILBOX.references)
        record = resolved if isinstance(resolved, errors.SetError) else MAILBOX.create(resolved)
        if isinstance(record, errors.SetError):
            outcome.not_created[creation] = record
        elif wrong := self._wrong(record, None):
            outcome.not_created[creation] = wrong
        else:
            key = self._insert(record)
            context.created.add(creation, key)
            sent = self.records[key]
            outcome.created[creation] = {name: sent[name] for name in sent if name not in given}

    def _update(self, context: Context, key: str, patch: Record, outcome: SetOutcome) -> None:
        record = self.records.get(key)
        if record is None:
            outcome.not_updated[key] = errors.NOT_FOUND
            return
        resolved = context.created.resolve(patch, MAILBOX.references)
        values = (
            resolved
            if isinstance(resolved, errors.SetError)
            else MAILBOX.update(
                lambda names: {name: record[name] for name in names}, resolved, context.limits
            )
        )
        if isinstance(values, errors.SetError):
            outcome.not_updated[key] = values
        elif wrong := self._wrong({**record, **values}, key):
            outcome.not_updated[key] = wrong
        else:
            record.update(values)
            outcome.updated[key] = None
            if values:
                self.changes_made.append(("updated", key))

    def _destroy(self, key: str, outcome: SetOutcome) -> None:
        if key not in self.records:
            outcome.not_destroyed[key] = errors.NOT_FOUND
        elif any(record["parentId"] == key for record in self.records.values()):
            outcome.not_destroyed[key] = mailbox.HAS_CHILD
        else:
            del self.records[key]
            self.changes_made.append(("destroyed", key))
            outcome.destroyed.append(key)

    def _wrong(self, record: Record, key: str | None) -> errors.SetError | None:
        """No mailbox is below itself, and siblings have different names."""
        parent = record["parentId"]
        while parent is not None:
            if parent == key or parent not in self.records:
                return errors.invalid_properties(["parentId"])
            parent = self.records[parent]["parentId"]
        for other, values in self.records.items():
            if other != key and (values["name"], values["parentId"]) == (record["name"], record["parentId"]):
                return errors.already_exists(other)
        return None

    def _results(self, context: Context, given: Any, sort: Any) -> list[str]:
        chosen = filters.read_filter(given, mailbox.CONDITIONS, context.limits)
        order = filters.read_sort(sort, mailbox.SORTS, context.limits)
        found = [key for key, record in self.records.items() if chosen is None or matches(chosen, record)]
        for comparator in reversed(order):
            found.sort(
                key=lambda key: self.records[key][comparator.property], reverse=not comparator.is_ascending
            )
        return found


def matches(chosen: Filter, record: Record) -> bool:
    if isinstance(chosen, Condition):
        return all(_matches(name, value, record) for name, value in chosen.properties.items())
    found = [matches(each, record) for each in chosen.conditions]
    return {"AND": all(found), "OR": any(found), "NOT": not any(found)}[chosen.operator]


def _matches(name: str, value: Any, record: Record) -> bool:
    if name == "name":
        return value in record["name"]
    if name == "hasAnyRole":
        return (record["role"] is not None) is value
    return bool(record[name] == value)


def failing(error: Callable[[], BaseException]) -> Handler:
    """A handler that raises."""

    async def handler(_: Context, __: dict[str, Any]) -> dict[str, Any]:
        raise error()

    return handler
