"""`pillarbox mail`: messages in accounts."""

import sys
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from pillarbox.app.commands.amounts import moment
from pillarbox.app.commands.amounts import shown as octets_shown
from pillarbox.app.commands.installation import (
    CommandFailed,
    Installation,
    counted,
    on_installation,
    table,
)
from pillarbox.app.commands.mail_selection import (
    Chosen,
    canonical_mailbox,
    choosing,
    count,
    searched,
    selected,
)
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pillarbox.admin.mail.finding import FoundMessage, Match
    from pillarbox.admin.mail.showing import ShownMessage
    from pillarbox.admin.mail.verdicts import Verdict
    from pillarbox.mail.identifiers import AccountId, MailboxId

MAX_SENDER_CHARACTERS: Final = 40
MAX_SUBJECT_CHARACTERS: Final = 60
MAX_LISTED: Final = 20
"""Messages that a dry run lists."""
PIECE_OCTETS: Final = 256 * 1024

_HEADS: Final = ("ID", "ACCOUNT", "MAILBOX", "UID", "RECEIVED (UTC)", "SIZE", "FLAGS", "FROM", "SUBJECT")
_ACCOUNTS = click.option(
    "--account", "logins", multiple=True, metavar="LOGIN", help="In this account; repeatable."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only list what is selected.")
_YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@click.group("mail")
def command() -> None:
    """Find messages in accounts; show, move, flag and delete them, while the server runs.

    An ID, such as M68719476737, stands for all copies of a message in its account's mailboxes; with --mailbox, for
    those in that one.
    """


@command.command("search")
@click.argument("logins", nargs=-1, metavar="[LOGIN]...")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="List at most so many messages.",
)
@on_installation
@choosing
def search(installation: Installation, chosen: Chosen, logins: tuple[str, ...], limit: int) -> None:
    """List messages that match all criteria, by account and mailbox, the newest first."""
    found = list(islice(_listed(installation, searched(installation, chosen, logins)), limit + 1))
    more, found = len(found) > limit, found[:limit]
    lines = [_table(found)] if found else ["No messages found."]
    if more:
        lines.append(f"Only the first {limit} are shown; for more use --limit.")
    installation.show({"messages": found, "more": more}, "\n".join(lines))


@command.command("mailboxes")
@click.argument("login")
@on_installation
def list_mailboxes(installation: Installation, login: str) -> None:
    """List the mailboxes of an account with their messages and sizes."""
    from pillarbox.admin import accounts
    from pillarbox.store import mailboxes

    account = installation.read(accounts.find, login)
    found = installation.read(mailboxes.listing, account.id)
    rows = (
        (
            one.name,
            one.role,
            one.messages,
            one.unseen,
            octets_shown(one.octets),
            "" if one.subscribed else "not subscribed",
        )
        for one in found
    )
    data = [
        {name: getattr(one, name) for name in ("name", "role", "messages", "unseen", "octets", "subscribed")}
        for one in found
    ]
    installation.show(data, table(("MAILBOX", "ROLE", "MESSAGES", "UNSEEN", "SIZE", ""), rows))


@command.command("show")
@click.argument("ident", metavar="ID")
@click.option("--headers", is_flag=True, help="Only the header, with all fields.")
@click.option("--raw", is_flag=True, help="Write the message as it is, octet by octet.")
@on_installation
def show(installation: Installation, ident: str, headers: bool, raw: bool) -> None:
    """Show a message: where it is, what checks found when it came, its header and text, its attachments by name."""
    from pillarbox.admin.mail import finding, showing
    from pillarbox.admin.mail.verdicts import verdicts

    if raw and (headers or installation.as_json):
        raise click.UsageError("--raw writes the message alone: give it alone.")
    with installation.read(showing.opened, installation.blobs, ident) as message:
        if raw:
            for start in range(0, message.size, PIECE_OCTETS):
                sys.stdout.buffer.write(message.read(start, PIECE_OCTETS))
            return
        octets = message.read()
    copies = list(_listed(installation, installation.read(finding.by_ids, [ident])))
    found = installation.read(verdicts, ident)
    read = showing.show(octets, all_fields=headers)
    text = (
        read.header if headers else "\n".join((*_places(ident, copies), *_found(found), *_shown(ident, read)))
    )
    data = {"id": ident, "copies": copies, "authentication": found, **_as_data(read, headers=headers)}
    installation.show(data, text)


@command.command("move")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.argument("target", metavar="MAILBOX")
@_ACCOUNTS
@click.option("--create", is_flag=True, help="Make the mailbox where an account has none of this name.")
@_DRY_RUN
@_YES
@on_installation
@choosing
def move(
    installation: Installation,
    chosen: Chosen,
    ids: tuple[str, ...],
    target: str,
    logins: tuple[str, ...],
    create: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Move messages to another MAILBOX of their account, by ID or by criteria. By criteria, it asks first."""
    from pillarbox.admin.mail import changing
    from pillarbox.mail.mailbox_name import InvalidMailboxName

    name = canonical_mailbox(target)
    matches = selected(installation, chosen, ids, logins)
    _, what = count(matches)
    if _ended_early(installation, matches, dry_run=dry_run):
        return
    if not ids:
        _confirm(
            installation,
            f"Move {what} to {name}?",
            "Nothing moved. To move without confirmation: --yes",
            yes=yes,
        )
    owners = list({match.account.id: match.account for match in matches}.values())
    try:
        to = installation.write(changing.targets, owners, name, create=create, now_ms=installation.now_ms)
    except InvalidMailboxName as failure:
        raise CommandFailed(f"Not a mailbox name: '{target}': {failure}") from None
    moved = _move(installation, matches, to, name)
    installation.show({"messages": moved, "mailbox": name}, f"{counted(moved, 'message')} moved to {name}.")


@command.command("flag", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, metavar="[ID]... CHANGE...")
@_ACCOUNTS
@_DRY_RUN
@_YES
@on_installation
@choosing
def flag(
    installation: Installation,
    chosen: Chosen,
    words: tuple[str, ...],
    logins: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Add flags and keywords (+seen, +flagged, +$Junk) or remove them (-seen), by ID or by criteria.

    By criteria, it asks first: which messages had the flags is not kept.
    """
    from pillarbox.admin.mail import changing
    from pillarbox.mail.flags import InvalidFlag, TooManyFlags

    if unknown := next((word for word in words if word.startswith("--")), None):
        raise click.NoSuchOption(unknown)
    changes = [word for word in words if word[:1] in ("+", "-")]
    if not changes:
        raise click.UsageError("Give a flag to add or to remove: +seen, -seen.")
    ids = [word for word in words if word not in changes]
    matches = selected(installation, chosen, ids, logins)
    try:
        change = changing.flags_change(changes)
        if _ended_early(installation, matches, dry_run=dry_run):
            return
        if not ids:
            question = f"Change the flags of {count(matches)[1]} ({' '.join(changes)})?"
            refusal = "Nothing changed. To change them without confirmation: --yes"
            _confirm(installation, question, refusal, yes=yes)
        changed = changing.flag(installation.database, matches, change)
    except (InvalidFlag, TooManyFlags) as failure:
        raise CommandFailed(f"Can't set these flags: {failure}") from None
    installation.show({"messages": changed}, f"{counted(changed, 'message')} changed.")


@command.command("delete")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_ACCOUNTS
@click.option(
    "--to-trash", is_flag=True, help="Move them to Trash, from where their owners can take them back."
)
@_DRY_RUN
@_YES
@on_installation
@choosing
def delete(
    installation: Installation,
    chosen: Chosen,
    ids: tuple[str, ...],
    logins: tuple[str, ...],
    to_trash: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Delete messages permanently, by ID or by criteria: a phishing mail from all accounts at once.

    It asks for confirmation. Only a backup has the messages then.
    """
    from pillarbox.admin.mail import changing

    matches = selected(installation, chosen, ids, logins)
    _, what = count(matches)
    if _ended_early(installation, matches, dry_run=dry_run):
        return
    question = f"Move {what} to Trash?" if to_trash else f"Delete {what} permanently?"
    _confirm(installation, question, "Nothing deleted. To delete without confirmation: --yes", yes=yes)
    if to_trash:
        owners = list({match.account.id: match.account for match in matches}.values())
        now_ms = installation.now_ms
        to = installation.write(changing.targets, owners, "Trash", create=True, now_ms=now_ms)
        deleted = _move(installation, matches, to, "Trash")
    else:
        deleted = changing.delete(installation.database, matches)
    installation.show(
        {"messages": deleted, "to_trash": to_trash},
        f"{counted(deleted, 'message')} {'moved to Trash' if to_trash else 'deleted'}.",
    )


def _move(
    installation: Installation, matches: "Sequence[Match]", to: "dict[AccountId, MailboxId]", name: str
) -> int:
    from pillarbox.admin.mail import changing
    from pillarbox.mail.flags import MailboxFlagsFull

    try:
        return changing.move(installation.database, matches, to, now_ms=installation.now_ms)
    except MailboxFlagsFull as failure:
        raise CommandFailed(f"Can't move all of them to {name}: {failure}") from None


def _ended_early(installation: Installation, matches: "Sequence[Match]", *, dry_run: bool) -> bool:
    """Whether there is nothing to do, or nothing is to be done; it is told."""
    messages, what = count(matches)
    if not messages:
        installation.show({"messages": 0}, "No messages found.")
        return True
    if dry_run:
        found = list(islice(_listed(installation, matches), MAX_LISTED))
        more = [f"and {messages - len(found)} more"] if len(found) < messages else []
        text = "\n".join([_table(found), *more, f"{what} selected. Nothing changed."])
        installation.show({"selected": messages, "first": found}, text)
    return dry_run


def _confirm(installation: Installation, question: str, refusal: str, *, yes: bool) -> None:
    if not yes and (installation.as_json or not click.confirm(visible(question), err=True)):
        raise CommandFailed(refusal)


def _listed(installation: Installation, matches: "Iterable[Match]") -> "Iterable[FoundMessage]":
    from pillarbox.admin.mail.finding import listed

    return (message for match in matches for message in listed(installation.database, match))


def _table(found: "Iterable[FoundMessage]") -> str:
    return table(_HEADS, map(_row, found))


def _row(message: "FoundMessage") -> tuple[object, ...]:
    return (
        message.id,
        message.account,
        message.mailbox,
        message.uid,
        moment(message.received_at_ms),
        octets_shown(message.size_octets),
        message.flags,
        message.sender[:MAX_SENDER_CHARACTERS],
        message.subject[:MAX_SUBJECT_CHARACTERS],
    )


def _places(ident: str, copies: "Sequence[FoundMessage]") -> "Iterable[str]":
    for copy in copies:
        flags = f", {copy.flags}" if copy.flags else ""
        where = f"{copy.account}, {copy.mailbox}, UID {copy.uid}, received {moment(copy.received_at_ms)} UTC"
        yield visible(f"{ident}: {where}, {octets_shown(copy.size_octets)}{flags}")


def _found(found: "Sequence[Verdict]") -> "Iterable[str]":
    """A line for each check."""
    for each in found:
        whose = f", {each.domain}" if each.domain else ""
        why = f" ({each.reason})" if each.reason else ""
        yield visible(f"When it came: {each.method.upper()} {each.result}{whose}{why}")


def _shown(ident: str, read: "ShownMessage") -> "Iterable[str]":
    yield from ("", read.header, "", read.text)
    if read.attachments:
        yield ""
    for part in read.attachments:
        yield visible(
            f"Attachment: {part.name or '(no name)'}, {part.content_type}, {octets_shown(part.size_octets)}"
        )
    if read.cut:
        yield f"\nOnly the beginning is shown. For all of it: pillarbox mail show {ident} --raw"


def _as_data(read: "ShownMessage", *, headers: bool) -> dict[str, object]:
    if headers:
        return {"header": read.header, "cut": read.cut}
    return {"header": read.header, "text": read.text, "attachments": read.attachments, "cut": read.cut}
