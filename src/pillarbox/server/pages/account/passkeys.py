"""Passkeys: what there are, another one (by the script), other names, and removing one."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.admin import second_factors
from pillarbox.admin.permissions import act
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import passkeys as rows
from pillarbox.directory.sign_in.passkeys import MAX_PER_ACCOUNT, Passkey
from pillarbox.directory.sign_in.second_factors import has_second_factor
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.account.visiting import (
    Question,
    account_page,
    ask,
    finished,
    for_owner,
    for_proven,
    session_of,
)
from pillarbox.server.pages.doing import doing_of
from pillarbox.server.pages.forms import form_of, row_number
from pillarbox.server.pages.passkeys import elsewhere, why_not
from pillarbox.server.pages.rendering import go_to, words_for

PATH: Final = "/account/passkeys"
RENAME: Final = "/account/passkeys/rename"
REMOVE: Final = "/account/passkeys/remove"
SECTION: Final = "passkeys"


class Row(Struct, frozen=True, gc=False):
    """One in the list."""

    id: int
    name: str
    is_enough: bool
    """Whether it may be used without the password."""
    created_at_ms: int
    used_at_ms: int | None
    used_address: str
    is_warned: bool
    """Whether there may be a copy of it."""


class View(Struct, frozen=True, gc=False):
    """All of an account."""

    rows: list[Row]
    why_not: str
    """Why there can be none here, and what to do; empty: there can."""
    is_proven: bool
    """Whether its owner has just proved who they are, so that one can be added."""
    is_full: bool
    is_first: bool
    """Whether nothing is asked for beside the password yet."""
    refused: int = 0
    """The one whose new name can't be used."""


async def passkeys_page(request: HttpRequest, view: View) -> Response:
    """The list."""
    status = 422 if view.refused else 200
    return await account_page(request, "account/passkeys.html", SECTION, status=status, view=view)


@for_owner
async def show(request: HttpRequest) -> Response:
    """The list."""
    return await _list(request)


async def _list(request: HttpRequest, refused: int = 0) -> Response:
    found = await request.world.database.read(rows.listing, request.account.id)
    has_factor = await request.world.database.read(has_second_factor, request.account.id)
    view = View(
        [_row(one) for one in found],
        _why_not(request),
        request.sessions.is_fresh(session_of(request)),
        len(found) >= MAX_PER_ACCOUNT,
        not has_factor,
        refused,
    )
    return await passkeys_page(request, view)


def _why_not(request: HttpRequest) -> str:
    words, where, reason = words_for(request), elsewhere(request), why_not(request)
    if where:
        return words("passkey.elsewhere", address=where)
    return words(f"passkeys.why.{reason.name.lower()}") if reason else ""


@for_owner
async def rename(request: HttpRequest) -> Response:
    """Give one another name."""
    form = await form_of(request)
    number = row_number(form["id"])
    try:
        done = await request.world.database.write(
            rows.rename, request.account.id, number, form["name"].strip()
        )
    except NameRefused:
        return await _list(request, refused=number)
    return finished(PATH, "renamed") if done else go_to(PATH)


@for_proven()
async def ask_remove(request: HttpRequest) -> Response:
    """Ask whether one is to be removed."""
    number = row_number(request.query_params.get("id", ""))
    there = await request.world.database.read(rows.listing, request.account.id)
    found = next((one for one in there if one.id == number), None)
    if found is None:
        return go_to(PATH)
    t = words_for(request)
    question = Question(
        t("passkeys.remove.title", name=found.name),
        t("passkeys.remove.text"),
        REMOVE,
        t("passkeys.remove"),
        PATH,
        {"id": str(found.id)},
    )
    return await ask(request, SECTION, question)


@for_proven(at=PATH)
async def remove(request: HttpRequest) -> Response:
    """Remove it."""
    number = row_number((await form_of(request))["id"])
    account = request.account.id
    was_last = await request.world.database.write(
        act, account, second_factors.remove_passkey, account, number, doing=doing_of(request)
    )
    if was_last is None:
        return go_to(PATH)
    return finished(PATH, "last_passkey_removed" if was_last else "passkey_removed")


def _row(one: Passkey) -> Row:
    return Row(
        id=one.id,
        name=one.name,
        is_enough=one.verified,
        created_at_ms=one.created_at_ms,
        used_at_ms=one.last_used_at_ms,
        used_address=one.last_used_address or "",
        is_warned=one.warned_at_ms is not None,
    )
