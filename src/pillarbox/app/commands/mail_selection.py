"""The options that select messages, and the messages that they select."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

import click

from pillarbox.app.commands.amounts import Day, Duration, MessageSize
from pillarbox.app.commands.installation import CommandFailed, Installation, counted

if TYPE_CHECKING:
    from pillarbox.admin.mail.finding import Criteria, Match
    from pillarbox.directory.accounts import Account
    from pillarbox.mail.query import Query

P = ParamSpec("P")

_NOTHING_SELECTED: Final = (
    "Nothing selected. Give IDs (see: pillarbox mail search), or criteria such as --from and --mailbox, with --account "
    "LOGIN or --all."
)

_DAY: Final = Day()
_OPTIONS: Final = (
    click.option("--mailbox", metavar="NAME", help="Only in this mailbox."),
    click.option("--from", "sender", metavar="TEXT", help="The From field has this text, in a name or an address."),
    click.option("--to", "recipient", metavar="TEXT", help="The To, Cc or Bcc field has this text."),
    click.option("--subject", metavar="TEXT", help="The subject has this text."),
    click.option("--text", metavar="TEXT", help="The header or the body has this text."),
    click.option("--message-id", metavar="TEXT", help="The Message-ID has this text."),
    click.option("--since", type=_DAY, metavar="YYYY-MM-DD", help="Received on this day (UTC) or later."),
    click.option("--before", type=_DAY, metavar="YYYY-MM-DD", help="Received before this day (UTC)."),
    click.option("--newer", type=Duration(), help="Received within this time: 12h, 90d, 8w, 1y."),
    click.option("--older", type=Duration(), help="Received before that: 12h, 90d, 8w, 1y."),
    click.option("--larger", type=MessageSize(), help="More octets than this: 500K, 10M."),
    click.option("--smaller", type=MessageSize(), help="Fewer octets than this."),
    click.option("--flag", "present", multiple=True, metavar="FLAG", help="Has this flag: seen, flagged, $Junk."),
    click.option("--no-flag", "absent", multiple=True, metavar="FLAG", help="Does not have this flag."),
    click.option("--all", "everyone", is_flag=True, help="In all accounts."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the options of a command say."""

    everyone: bool
    mailbox: str | None
    sender: str | None
    recipient: str | None
    subject: str | None
    text: str | None
    message_id: str | None
    since: datetime | None
    before: datetime | None
    newer: int | None
    older: int | None
    larger: int | None
    smaller: int | None
    present: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def has_criteria(self) -> bool:
        """Whether anything but the accounts is given."""
        return self.mailbox is not None or self.has_terms

    @property
    def has_terms(self) -> bool:
        """Whether anything but accounts and a mailbox is given."""
        return bool(self._terms())

    @property
    def criteria(self) -> "Criteria":
        """The criteria. Raises `CommandFailed` for a mailbox that can't be."""
        from pillarbox.admin.mail.finding import Criteria
        from pillarbox.mail.query import And

        mailbox = None if self.mailbox is None else canonical_mailbox(self.mailbox)
        return Criteria(And(tuple(self._terms())), mailbox)

    def _terms(self) -> "list[Query]":
        from pillarbox.mail import query as q

        def dated(relation: q.Relation) -> "Callable[[datetime], Query]":
            return lambda day: q.Dated(q.Stamp.RECEIVED, relation, day.date())

        def addressed(text: str) -> "Query":
            return q.Or(tuple(q.Addresses(name, text) for name in ("To", "Cc", "Bcc")))

        makers: list[tuple[Any, Callable[[Any], Query]]] = [
            (self.sender, functools.partial(q.Addresses, "From")),
            (self.recipient, addressed),
            (self.subject, functools.partial(q.Field, "Subject")),
            (self.text, q.Text),
            (self.message_id, functools.partial(q.Field, "Message-ID")),
            (self.since, dated(q.Relation.SINCE)),
            (self.before, dated(q.Relation.BEFORE)),
            (self.newer, lambda ms: q.Younger(ms // 1000)),
            (self.older, lambda ms: q.Older(ms // 1000)),
            (self.larger, q.Larger),
            (self.smaller, q.Smaller),
        ]
        terms = [make(value) for value, make in makers if value is not None]
        terms += [q.Flag(_flag(word)) for word in self.present]
        terms += [q.Not(q.Flag(_flag(word))) for word in self.absent]
        return terms


def choosing(verb: "Callable[Concatenate[Installation, Chosen, P], None]") -> Callable[..., None]:
    """Give a command the options, as its second argument."""

    @functools.wraps(verb)
    def run(installation: Installation, *arguments: P.args, **keywords: P.kwargs) -> None:
        values: dict[str, Any] = {one.name: keywords.pop(one.name) for one in fields(Chosen)}
        if "" in values.values():
            raise click.UsageError("An empty text would match everything.")
        verb(installation, Chosen(**values), *arguments, **keywords)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def searched(installation: Installation, chosen: Chosen, logins: Sequence[str]) -> "Iterator[Match]":
    """What matches in these accounts, or in all. Raises `CommandFailed`."""
    from pillarbox.admin.mail import finding

    if bool(logins) is chosen.everyone:
        raise click.UsageError("Give accounts, or --all.")
    among: Iterable[Account] = (
        finding.all_accounts(installation.database)
        if chosen.everyone
        else installation.read(finding.chosen_accounts, logins)
    )
    return finding.search(
        installation.database, installation.blobs, among, chosen.criteria, now_ms=installation.now_ms
    )


def selected(
    installation: Installation, chosen: Chosen, ids: Sequence[str], logins: Sequence[str]
) -> "list[Match]":
    """The messages with these IDs; or else what matches. Nothing is selected by accounts alone."""
    from pillarbox.admin.mail import finding

    if not ids:
        if not chosen.has_criteria:
            raise CommandFailed(_NOTHING_SELECTED)
        return list(searched(installation, chosen, logins))
    if logins or chosen.everyone or chosen.has_terms:
        raise click.UsageError("Give IDs, or criteria with --account or --all.")
    return installation.read(finding.by_ids, ids, chosen.criteria.mailbox)


def count(matches: "Sequence[Match]") -> tuple[int, str]:
    """How many messages these are, and the same in words: `3 messages in 2 accounts`."""
    messages = sum(len(match.uids) for match in matches)
    logins = sorted({match.account.login for match in matches})
    where = logins[0] if len(logins) == 1 else counted(len(logins), "account")
    return messages, f"{counted(messages, 'message')} in {where}"


def _flag(word: str) -> str:
    from pillarbox.admin.mail.changing import flag_named
    from pillarbox.mail.flags import InvalidFlag, TooManyFlags, canonical

    try:
        return canonical([flag_named(word)])
    except (InvalidFlag, TooManyFlags) as failure:
        raise CommandFailed(f"Not a flag: '{word}': {failure}") from None


def canonical_mailbox(name: str) -> str:
    """The canonical form of a name that an operator gave. Raises `CommandFailed`."""
    from pillarbox.mail.mailbox_name import InvalidMailboxName, canonical

    try:
        return canonical(name)
    except InvalidMailboxName as failure:
        raise CommandFailed(f"Not a mailbox name: '{name}': {failure}") from None
