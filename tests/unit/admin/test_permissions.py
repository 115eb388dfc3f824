"""Who may call which verb of `admin/`: each says so, and each role may do what is declared and nothing else."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import pillarbox.admin
from pillarbox.admin.accounts import NewAccount
from pillarbox.admin.domains import DomainChange
from pillarbox.admin.log_reading import LogQuery, LogScope
from pillarbox.admin.permissions import (
    ANYBODY,
    DECLARED,
    DOMAIN_ADMINISTRATOR,
    ONESELF,
    OPERATOR,
    OWNER,
    Declaration,
    NotPermitted,
    act,
    permitted,
)
from pillarbox.directory.roles import Role
from pillarbox.queue.inspection import Selection
from pillarbox.world.database import Transaction
from tests.kit import roles as kit
from tests.kit.database import RecordingTransaction
from tests.kit.people import SALT, hashed
from tests.kit.roles import A, B

Verb = Callable[..., Any]

WORLDLY = (
    *("Transaction", "Database", "SqliteDatabase", "Blobs", "FileBlobs", "Resolver", "World"),
    *("DataDirectory", "BackupFolder", "OpenPoint", "Surroundings"),
)
"""Whoever takes one of these works with more than its arguments."""


def modules() -> Iterator[ModuleType]:
    """All of `admin/`."""
    for found in pkgutil.walk_packages(pillarbox.admin.__path__, "pillarbox.admin."):
        yield importlib.import_module(found.name)


def verbs_of(module: ModuleType) -> Iterator[Verb]:
    """Its public functions, and those of other rooms that it offers as its own."""
    offered = getattr(module, "__all__", ())
    for name, value in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(value):
            continue
        if value.__module__ == module.__name__ or (name in offered and not is_package(module)):
            yield value


def is_package(module: ModuleType) -> bool:
    """Whether it only shows what its modules have."""
    return hasattr(module, "__path__")


def undeclared(module: ModuleType) -> Iterator[str]:
    """What is wrong with the declarations of a module."""
    if module.__name__ in ("pillarbox.admin.permissions", "pillarbox.admin.concerns"):
        return
    for verb in verbs_of(module):
        parameters = inspect.signature(verb).parameters
        name, declared = f"{verb.__module__}.{verb.__name__}", DECLARED.get(verb)
        if declared is None:
            types = " ".join(str(one.annotation) for one in parameters.values())
            words = types.replace("|", " ").replace(".", " ").replace("'", " ").split()
            if not set(WORLDLY).isdisjoint(words):
                yield f"{name} does not say who may call it: @may(...), see pillarbox/admin/permissions.py"
            continue
        for argument in (each for concern in declared.of for each in concern.arguments):
            if argument.partition(".")[0] not in parameters:
                yield f"{name} has no argument {argument}, which its declaration is about"


def test_every_verb_names_who_may_call_it() -> None:
    assert [line for module in modules() for line in undeclared(module)] == []


def test_a_verb_without_declaration_is_noticed() -> None:
    module = ModuleType("pillarbox.admin.novelty")

    def change(tx: Transaction, login: str) -> None: ...

    change.__module__ = module.__name__
    module.change = change  # type: ignore[attr-defined] # a module has what it is given
    (line,) = undeclared(module)
    assert "pillarbox.admin.novelty.change does not say who may call it" in line


def test_a_verb_without_declaration_is_permitted_to_nobody() -> None:
    def change(tx: Transaction, login: str) -> None: ...

    with kit.provider() as tx, pytest.raises(NotPermitted):
        act(tx, kit.number(tx, kit.OWNER), change, kit.user(A))


# --- each role, each verb, each domain


def samples(tx: Transaction, verb: Verb, domain: str) -> dict[str, Any]:
    """Arguments that are about a domain, its user, or what belongs to it."""
    user = kit.user(domain)
    known: dict[str, Any] = {
        "login": user,
        "address": f"info@{domain}",
        "name": kit.group(domain) if "group" in f"{verb.__module__}.{verb.__name__}" else domain,
        "domain": domain,
        "names": [domain],
        "members": [user],
        "logins": [user],
        "targets": [user],
        "account": kit.number(tx, user),
        "account_id": kit.number(tx, user),
        "selection": Selection(domains=(domain,)),
        "message": tx.value("SELECT id FROM queue_messages WHERE reverse_path = ?", (user,)),
        "number": tx.value("SELECT id FROM received_reports WHERE domain = ?", (domain,)),
        "query": LogQuery(scope=LogScope(frozenset({domain}), frozenset())),
        "wanted": DomainChange(separator="-", postmaster=user),
        "quota_octets": None,
        "enabled": False,
        "new": f"new@{domain}",
        "role": Role.DOMAIN,
    }
    if verb.__name__ == "create":
        known["new"] = NewAccount(f"new@{domain}", "", SALT, hashed("secret"))
    return {
        name: known.get(name, 1)
        for name, parameter in inspect.signature(verb).parameters.items()
        if name != "tx" and (name in known or parameter.default is parameter.empty)
    }


def expected(declared: Declaration, actor: str, domain: str) -> bool:
    """Whether a verb that is about a domain, and its user, is to be permitted."""
    if ANYBODY in declared.who:
        return True
    if actor == kit.OWNER:
        return not declared.who.isdisjoint({OWNER, DOMAIN_ADMINISTRATOR})
    if actor == kit.administrator(domain):
        return DOMAIN_ADMINISTRATOR in declared.who
    return actor == kit.user(domain) and ONESELF in declared.who


def every_verb() -> list[Verb]:
    """What is declared, once all modules are imported."""
    assert list(modules())
    return sorted(DECLARED, key=named)


def named(verb: Verb) -> str:
    """A verb, for people."""
    return f"{verb.__module__.removeprefix('pillarbox.')}.{verb.__name__}"


ACTORS = (kit.OWNER, *(who(domain) for domain in (A, B) for who in (kit.administrator, kit.user)))


@pytest.mark.parametrize("verb", every_verb(), ids=named)
def test_each_role_may_do_what_is_declared(verb: Verb) -> None:
    declared = DECLARED[verb]
    with kit.provider() as tx:
        for actor, domain in ((actor, domain) for actor in ACTORS for domain in (A, B)):
            recording = RecordingTransaction(tx)
            arguments = samples(tx, verb, domain)
            who = kit.number(tx, actor)
            if expected(declared, actor, domain):
                permitted(recording, who, verb, **arguments)
            else:
                with pytest.raises(NotPermitted, match="not permitted"):
                    _called(recording, who, verb, arguments)
            written = [one for one in recording.statements if not one.lstrip().startswith("SELECT")]
            assert not written, f"{named(verb)} by {actor} about {domain}"


def _called(tx: Any, who: Any, verb: Verb, arguments: dict[str, Any]) -> None:
    """As pages call it: verbs of a transaction together with the check."""
    takes_transaction = next(iter(inspect.signature(verb).parameters), "") == "tx"
    (act if takes_transaction else permitted)(tx, who, verb, **arguments)


def test_the_matrix_has_every_kind_of_declaration() -> None:
    """So that the test above cannot be empty."""
    kinds = [declared.who for declared in (DECLARED[verb] for verb in every_verb())]
    assert {frozenset(kind) for kind in kinds} == {
        frozenset({ANYBODY}),
        frozenset({OPERATOR}),
        frozenset({OWNER}),
        frozenset({ONESELF}),
        frozenset({DOMAIN_ADMINISTRATOR}),
        frozenset({ONESELF, DOMAIN_ADMINISTRATOR}),
    }
    assert len(kinds) > 100


def test_only_the_machine_reads_everybody_s_mail_and_works_with_its_files() -> None:
    private = tuple(f"pillarbox.admin.{room}." for room in ("mail", "backup", "rebuild", "fsck", "importing"))
    found = [verb for verb in every_verb() if f"{verb.__module__}.".startswith(private)]
    assert len(found) > 40
    assert [named(verb) for verb in found if DECLARED[verb].who != {OPERATOR}] == []
