"""Words of address lists (RFC 5322 §3.4).

An address is written as it has to be: its domain as A-labels, so that the message needs no SMTPUTF8; its local part in
UTF-8 only where it is not ASCII (RFC 6532). What is no address yet, in a draft, is kept as one local part, in quotes:
it can never be read as two addresses, nor as another one.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_tokens import MAX_ADDRESSES
from pillarbox.mail.composing.folding import NotWritable, checked
from pillarbox.mail.composing.words import phrase, quoted

MAX_ADDRESS_OCTETS: Final = 700
"""An address, or what stands in its place; it has to fit on a line."""
MAX_LIST_CHARACTERS: Final = 256 * 1024
"""All names and addresses of a list together."""
MAX_NAME_OCTETS: Final = 4 * 1024
"""A display name."""

_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+")


class Mailbox(NamedTuple):
    """One address with its display name (RFC 5322 §3.4)."""

    name: str | None
    address: str


class MailboxGroup(NamedTuple):
    """Mailboxes with a common name; None: they are in no group."""

    name: str | None
    mailboxes: Sequence[Mailbox]


def address_list(groups: Sequence[MailboxGroup]) -> list[str]:
    """The words of a list. Raises `NotWritable`, also where readers would not read it to its end."""
    if sum(len(group.mailboxes) + 1 for group in groups) > MAX_ADDRESSES:
        raise NotWritable(f"more than {MAX_ADDRESSES - 1} addresses")
    if sum(map(_characters, groups)) > MAX_LIST_CHARACTERS:
        raise NotWritable(f"longer than {MAX_LIST_CHARACTERS} characters")
    items = [item for group in groups for item in _items(group)]
    return [word for place, item in enumerate(items) for word in _ended(item, place + 1 < len(items))]


def _characters(group: MailboxGroup) -> int:
    return len(group.name or "") + sum(len(each.name or "") + len(each.address) for each in group.mailboxes)


def _ended(item: list[str], is_followed: bool) -> list[str]:
    return [*item[:-1], item[-1] + ","] if is_followed else item


def _items(group: MailboxGroup) -> list[list[str]]:
    members = [words for mailbox in group.mailboxes if (words := _mailbox(mailbox))]
    name = phrase(checked(group.name, MAX_NAME_OCTETS)) if group.name else []
    if not name:
        return members
    # RFC 2047 §5 (3): white space stands between an encoded word and what follows it
    opening = [*name, ":"] if name[-1].startswith("=?") else [*name[:-1], name[-1] + ":"]
    inside = [word for n, words in enumerate(members) for word in _ended(words, n + 1 < len(members))]
    whole = [*opening, *inside]
    return [[*whole[:-1], whole[-1] + ";"]]


def _mailbox(mailbox: Mailbox) -> list[str]:
    """No words of one that has neither an address nor a name."""
    name = phrase(checked(mailbox.name, MAX_NAME_OCTETS)) if mailbox.name else []
    written = addr_spec(mailbox.address)
    if name:
        return [*name, f"<{written}>"]
    return [f"<{written}>" if written.startswith('"') else written] if written else []


def addr_spec(address: str) -> str:
    """An address as it is written between "<" and ">". Raises `NotWritable`."""
    address = checked(address, MAX_ADDRESS_OCTETS).replace("\t", " ").strip(" ")
    if not address:
        return ""
    try:
        parsed = Address.parse(address)
    except InvalidAddress:
        return address if _ATOMS.fullmatch(address) else quoted(address)
    return str(parsed if parsed.needs_smtputf8 else parsed.with_ascii_domain())
