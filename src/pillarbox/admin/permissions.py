"""Who may call a verb of `admin/`: declared at the verb, and checked where it is called for somebody.

    @may(ONESELF, DOMAIN_ADMINISTRATOR, of=account("login"))
    def rename_owner(tx: Transaction, login: str, name: str) -> None: ...

    await database.write(act, actor, renaming.rename_owner, login, name)

The command line calls verbs themselves: whoever operates the machine is above all. A declaration is an entry in a table
beside the functions, which stay as they are, so that costs nothing. What is not declared is permitted to nobody.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from pillarbox.admin.concerns import Concern, OfAccount, OfDomain, OfMachine, OfProvider, Thing
from pillarbox.directory import accounts, roles
from pillarbox.directory.accounts import Account
from pillarbox.directory.roles import Standing
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction

P = ParamSpec("P")
T = TypeVar("T")
Verb = TypeVar("Verb", bound=Callable[..., Any])


class Who(StrEnum):
    """Who may."""

    ANYBODY = "anybody"
    """Without having signed in: the arguments show who it is, such as the token of a link."""
    ONESELF = "the person"
    """Whose account it is."""
    DOMAIN_ADMINISTRATOR = "administrators of the domain"
    """And owners, who administer all."""
    OWNER = "owners"
    OPERATOR = "operators of the machine"
    """By the command line, and nobody else: what reads everybody's mail, or works with files."""


ANYBODY: Final = Who.ANYBODY
ONESELF: Final = Who.ONESELF
DOMAIN_ADMINISTRATOR: Final = Who.DOMAIN_ADMINISTRATOR
OWNER: Final = Who.OWNER
OPERATOR: Final = Who.OPERATOR


class NotPermitted(Exception):
    """Somebody may not do this. The text is for them, and says nothing of what they may not see."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a verb says of who may call it."""

    who: frozenset[Who]
    of: tuple[Concern, ...]
    """What it is about. Somebody needs to be permitted for everything that these find."""


DECLARED: Final[dict[Callable[..., Any], Declaration]] = {}
"""By verb, of all modules that are imported."""


def may(*who: Who, of: Concern | tuple[Concern, ...] = ()) -> Callable[[Verb], Verb]:
    """Declare who may call a verb, and what it is about."""
    several = of if isinstance(of, tuple) else (of,)
    declared = Declaration(frozenset(who), several)
    assert declared.who, "somebody may"
    assert declared.who.isdisjoint((ONESELF, DOMAIN_ADMINISTRATOR)) or several, "of whom, of which domain?"

    def declare(verb: Verb) -> Verb:
        DECLARED[verb] = declared
        return verb

    return declare


def act(
    tx: Transaction,
    actor: AccountId,
    verb: Callable[Concatenate[Transaction, P], T],
    /,
    *arguments: P.args,
    **keywords: P.kwargs,
) -> T:
    """Call a verb for somebody who has signed in. Raises `NotPermitted`, and what the verb raises.

    Roles are those of a person. What limits the password or the session of a request, such as the scopes of an app
    password, is looked at where the request comes in.
    """
    permitted(tx, actor, verb, *arguments, **keywords)
    return verb(tx, *arguments, **keywords)


def permitted(
    tx: Transaction, actor: AccountId, verb: Callable[..., object], /, *arguments: Any, **keywords: Any
) -> None:
    """Raises `NotPermitted` where somebody may not call a verb with these arguments (without its transaction).

    For verbs that await, or have transactions of their own: what is found here may have changed when they begin.
    """
    declared = DECLARED.get(verb)
    if declared is None or OPERATOR in declared.who:
        raise NotPermitted("not permitted: this is done on the machine itself, by the command line")
    if ANYBODY in declared.who:
        return
    person = accounts.get(tx, actor)
    if person is None or not person.enabled:
        raise NotPermitted("not permitted: the account is disabled or removed")
    has = roles.standing(tx, actor)
    given = _given(tx, verb, arguments, keywords)
    about_something = False
    for concern in declared.of:
        for thing in concern.things(tx, given):
            about_something = True
            if not _is_permitted(tx, declared.who, person, has, thing):
                raise NotPermitted(_refusal(thing))
    if not about_something and not (has.owner and _is_for_owners(declared.who)):
        raise NotPermitted(_refusal(OfProvider("this")))


def _is_permitted(tx: Transaction, who: frozenset[Who], person: Account, has: Standing, thing: Thing) -> bool:
    if isinstance(thing, OfMachine):
        return False
    if has.owner and _is_for_owners(who):
        return True
    if isinstance(thing, OfAccount):
        own = thing.account is not None and thing.account.id == person.id
        if own and ONESELF in who:
            return True
        return DOMAIN_ADMINISTRATOR in who and _administers(tx, has, thing)
    return DOMAIN_ADMINISTRATOR in who and isinstance(thing, OfDomain) and thing.domain in has.domains


def _is_for_owners(who: frozenset[Who]) -> bool:
    """What is one's own alone, such as a new app password, is not for owners either."""
    return OWNER in who or DOMAIN_ADMINISTRATOR in who


def _administers(tx: Transaction, has: Standing, thing: OfAccount) -> bool:
    """Whoever has power over an account has all that it may do: its login being in the domain is not enough."""
    if thing.domain not in has.domains:
        return False
    if thing.account is None or thing.shown_only:
        return True
    theirs = roles.standing(tx, thing.account.id)
    reach = roles.reach(tx, thing.account.id) | theirs.domains
    return not theirs.owner and reach <= has.domains


def _refusal(thing: Thing) -> str:
    match thing:
        case OfMachine(named):
            return f"not permitted: {named} is for the command line, on the machine itself"
        case OfProvider(named):
            return f"not permitted: {named} is for owners of the provider"
        case OfAccount(named) | OfDomain(named):
            return f"not permitted: {named} is not yours to manage"


def _given(
    tx: Transaction, verb: Callable[..., object], arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    signature = _signature(verb)
    first = next(iter(signature.parameters), "")
    bound = signature.bind(*((tx, *arguments) if first == "tx" else arguments), **keywords)
    bound.apply_defaults()
    return bound.arguments


@cache
def _signature(verb: Callable[..., object]) -> inspect.Signature:
    return inspect.signature(verb)
