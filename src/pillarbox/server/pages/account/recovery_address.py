"""The recovery address: a mailbox elsewhere, to which a link for a new password may be sent."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in.recovery_addresses import MAX_CHARACTERS
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.account.visiting import (
    Question,
    account_page,
    ask,
    finished,
    for_owner,
    for_proven,
)
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.rendering import words_for
from pillarbox.server.sign_in.recovery_address import RecoveryAddresses

PATH: Final = "/account/recovery-address"
SET: Final = "/account/recovery-address/set"
REMOVE: Final = "/account/recovery-address/remove"
SECTION: Final = "recovery_address"


class View(Struct, frozen=True, gc=False):
    """What there is."""

    address: str
    """The one that counts; empty: there is none."""
    waiting: str
    """One that is to be confirmed."""
    is_offered: bool
    """Whether links are sent at all."""


class Filled(Struct, frozen=True, gc=False):
    """The form for another one."""

    address: str = ""
    error: str = ""


async def address_page(request: HttpRequest, view: View) -> Response:
    """The section."""
    return await account_page(request, "account/recovery_address.html", SECTION, view=view)


async def form_page(request: HttpRequest, filled: Filled) -> Response:
    """The form for another one."""
    return await account_page(
        request,
        "account/recovery_address_set.html",
        SECTION,
        status=422 if filled.error else 200,
        filled=filled,
    )


@for_owner
async def show(request: HttpRequest) -> Response:
    """The section."""
    addresses = request.shared(RecoveryAddresses)
    found = await addresses.of(request.account.id)
    return await address_page(request, View(found.address or "", found.waiting or "", addresses.is_offered))


@for_proven()
async def show_set(request: HttpRequest) -> Response:
    """The form."""
    return await form_page(request, Filled())


@for_proven(at=SET)
async def set_address(request: HttpRequest) -> Response:
    """Send a link to it."""
    written = (await form_of(request))["address"].strip()
    try:
        await request.shared(RecoveryAddresses).set(request.account.id, written)
    except NameRefused:
        error = words_for(request)("recovery_address.refused")
        return await form_page(request, Filled(written[:MAX_CHARACTERS], error))
    return finished(PATH, "address_sent")


@for_proven()
async def ask_remove(request: HttpRequest) -> Response:
    """Ask whether it is to be removed."""
    t = words_for(request)
    question = Question(
        t("recovery_address.remove.title"),
        t("recovery_address.remove.text"),
        REMOVE,
        t("recovery_address.remove"),
        PATH,
        {},
    )
    return await ask(request, SECTION, question)


@for_proven(at=REMOVE)
async def remove(request: HttpRequest) -> Response:
    """Remove it."""
    await request.shared(RecoveryAddresses).remove(request.account.id)
    return finished(PATH, "address_removed")
