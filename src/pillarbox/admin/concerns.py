"""What the arguments of a verb are about: whose account, which domain. `permissions` says what that is for.

A `Concern` finds `Thing`s in the database, by the arguments that it is made for: a name, or a part of an argument as in
`new.address`. It is run in the verb's transaction, before the verb. What does not exist is a thing all the same:
whoever may not know whether it does must not be told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pillarbox.directory import accounts as directory_accounts
from pillarbox.directory import domains as directory_domains
from pillarbox.directory import groups as directory_groups
from pillarbox.directory import references, roles
from pillarbox.directory.accounts import Account
from pillarbox.directory.addresses import parse_key
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.quota import UNLIMITED
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class OfAccount:
    """Something of an account; `None` where there is no such account."""

    named: str
    """As the caller has it."""
    account: Account | None
    domain: str | None
    """Of its login, or that it would have; `None` where that is not served."""
    shown_only: bool = False
    """What is done gives no power over the account."""


@dataclass(frozen=True, slots=True)
class OfDomain:
    """Something of a domain that is served, after domain aliases; `None` where it is not served."""

    named: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class OfProvider:
    """What is not of one domain, or goes beyond what its administrators decide."""

    named: str


@dataclass(frozen=True, slots=True)
class OfMachine:
    """What only those do who operate the machine."""

    named: str


Thing = OfAccount | OfDomain | OfProvider | OfMachine


@dataclass(frozen=True, slots=True)
class Concern:
    """What some arguments are about."""

    words: str
    """For people, in the table of permissions."""
    arguments: tuple[str, ...]
    find: Callable[..., Iterable[Thing]]
    """Is called with the transaction and these arguments."""

    def things(self, tx: Transaction, given: Mapping[str, Any]) -> Iterable[Thing]:
        """What these arguments of a verb are about."""
        return self.find(tx, *(_value(given, argument) for argument in self.arguments))


def _value(given: Mapping[str, Any], argument: str) -> Any:
    name, *parts = argument.split(".")
    return reduce(getattr, parts, given[name])


# --- accounts


def account(login: str, *, shown_only: bool = False) -> Concern:
    """The account with this login. `shown_only`: it is looked at, or mail is sent there."""
    return Concern("the account", (login,), lambda tx, text: [account_of(tx, text, shown_only=shown_only)])


def members(logins: str) -> Concern:
    """Accounts that get mail."""

    def find(tx: Transaction, texts: Sequence[str]) -> Iterator[Thing]:
        return (account_of(tx, text, shown_only=True) for text in texts)

    return Concern("the members", (logins,), find)


def account_number(number: str) -> Concern:
    """The account with this number."""

    def find(tx: Transaction, value: AccountId) -> Iterator[Thing]:
        yield account_of_number(tx, value, f"account {value}")

    return Concern("the account", (number,), find)


def account_of(tx: Transaction, login: str, *, shown_only: bool = False) -> OfAccount:
    """What the account with this login is to a verb."""
    found = directory_accounts.by_login(tx, login)
    if found is not None:
        return OfAccount(login, found, _domain_of(found), shown_only)
    domain = login.rpartition("@")[2] if "@" in login else ""
    return OfAccount(login, None, served(tx, domain), shown_only)


def account_of_number(
    tx: Transaction, account: AccountId, named: str, *, shown_only: bool = False
) -> OfAccount:
    """What the account with this number is to a verb."""
    found = directory_accounts.get(tx, account)
    return OfAccount(named, found, _domain_of(found) if found else None, shown_only)


def _domain_of(found: Account) -> str:
    return found.login.rpartition("@")[2]  # a login is in the form for comparison


def remaining_owner(login: str, *, unless: str = "") -> Concern:
    """The provider keeps an owner, other than this account. `unless`: an argument with which it stays one."""

    def find(tx: Transaction, text: str, *stays: bool) -> Iterator[Thing]:
        found = directory_accounts.by_login(tx, text)
        if found is None or any(stays):
            return
        if roles.standing(tx, found.id).owner and not roles.has_other_owner(tx, found.id):
            yield OfMachine("that nobody is owner any more")

    return Concern("an owner remains", (login, unless) if unless else (login,), find)


def leading_aliases(login: str) -> Concern:
    """The aliases that lead to this account: they are changed when it goes."""

    def find(tx: Transaction, text: str) -> Iterator[Thing]:
        found = directory_accounts.by_login(tx, text)
        if found is not None:
            for reference in references.to_account(tx, found.id):
                yield OfDomain("an alias that leads to it", reference.key.domain)

    return Concern("the aliases that lead there", (login,), find)


def quota(octets: str, *, login: str = "", address: str = "") -> Concern:
    """A quota for an account with this login, or to be made with this address: up to that of its domain."""

    def find(tx: Transaction, wanted: int | None, text: str) -> Iterator[Thing]:
        name = account_of(tx, text).domain if login else _domain_in(tx, text)
        domain = directory_domains.get(tx, name) if name else None
        limit = domain.quota_octets if domain else None
        if wanted is not None and limit and (wanted == UNLIMITED or wanted > limit):
            yield OfProvider("a quota above that of the domain")

    return Concern("a quota up to the domain's", (octets, login or address), find)


# --- domains and addresses


def domain(name: str) -> Concern:
    """The domain with this name; without a name, all of them."""

    def find(tx: Transaction, text: str | None) -> Iterator[Thing]:
        yield OfDomain(text, served(tx, text)) if text else OfProvider("what all domains have")

    return Concern("the domain", (name,), find)


def domain_names(names: str, words: str) -> Concern:
    """The domains with these names; none at all is all of them."""

    def find(tx: Transaction, texts: Iterable[str] | None) -> Iterator[Thing]:
        if not texts:
            yield OfProvider("what all domains have")
        for text in texts or ():
            yield OfDomain(text, served(tx, text))

    return Concern(words, (names,), find)


def address(text: str) -> Concern:
    """The domain of this address, or of the catch-all `@domain`; `None` is about nothing."""

    def find(tx: Transaction, given: str | None) -> Iterator[Thing]:
        if given is not None:
            yield OfDomain(given, _domain_in(tx, given))

    return Concern("the domain of the address", (text,), find)


def group(name: str) -> Concern:
    """The domain of the address of this group."""

    def find(tx: Transaction, text: str) -> Iterator[Thing]:
        number = directory_groups.by_name(tx, text)
        at = None if number is None else _domain_in(tx, directory_groups.address_of(tx, number))
        yield OfDomain(text, at)

    return Concern("the domain of the group", (name,), find)


def served(tx: Transaction, name: str) -> str | None:
    """The domain that is served under this name, after domain aliases."""
    try:
        return directory_domains.served(tx, name).name
    except NameRefused:
        return None


def _domain_in(tx: Transaction, text: str) -> str | None:
    try:
        return parse_key(tx, text)[0].domain
    except NameRefused:
        return None
