"""Where somebody is signed in: browsers, which are signed out one by one or all at once, and programs."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.admin import devices as verbs
from pillarbox.admin.permissions import act, permitted
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import devices as device_rows
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.devices import Device, Kind
from pillarbox.directory.sign_in.second_factors import has_second_factor
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages import agents
from pillarbox.server.pages.account.visiting import account_page, finished, for_owner, session_of
from pillarbox.server.pages.forms import form_of, row_number
from pillarbox.server.pages.rendering import go_to
from pillarbox.server.sign_in.ending import end_device

PATH: Final = "/account/devices"
END: Final = "/account/devices/end"
END_OTHERS: Final = "/account/devices/end-others"
END_PROGRAM: Final = "/account/devices/end-program"
FORGET: Final = "/account/devices/forget"
SECTION: Final = "devices"


class Browser(Struct, frozen=True, gc=False):
    """A browser that is signed in."""

    id: str
    name: str
    """Empty where it says nothing of itself."""
    address: str
    method: str
    """The key of the words for how its owner has signed in."""
    signed_in_at_ms: int
    seen_at_ms: int
    is_this: bool


class Program(Struct, frozen=True, gc=False):
    """Something else that has signed in."""

    id: int
    name: str
    """Of its app password; empty where it uses the account's own password."""
    kind: str
    """The key of the words for what it is, where it has no name."""
    agent: str
    address: str
    seen_at_ms: int
    app_password: int | None
    """By its number it is revoked."""
    can_end: bool
    """Whether its sessions can be told from others, and so be ended."""


class View(Struct, frozen=True, gc=False):
    """All of an account."""

    browsers: list[Browser]
    programs: list[Program]
    may_return: bool
    """Whether a program that is signed out comes in again with the account's own password."""


async def devices_page(request: HttpRequest, view: View) -> Response:
    """The list."""
    return await account_page(request, "account/devices.html", SECTION, view=view)


@for_owner
async def show(request: HttpRequest) -> Response:
    """The list."""
    here = session_of(request).id
    found = await request.sessions.listing(request.account)
    known = await request.world.database.read(device_rows.listing, request.account.id)
    programs = [_program(one) for one in known if one.kind is not Kind.BROWSER]
    has_factor = await request.world.database.read(has_second_factor, request.account.id)
    may_return = not has_factor and any(one.app_password is None for one in programs)
    return await devices_page(request, View([_browser(one, here) for one in found], programs, may_return))


@for_owner
async def end(request: HttpRequest) -> Response:
    """Sign one browser out."""
    identifier = (await form_of(request))["id"]
    if await request.sessions.end(request.account, identifier):
        return finished(PATH, "ended")
    return finished(PATH, "ended_before")


@for_owner
async def end_others(request: HttpRequest) -> Response:
    """Sign out all but this one."""
    await request.sessions.end_all(request.account, but=session_of(request).id)
    return finished(PATH, "ended_others")


@for_owner
async def end_program(request: HttpRequest) -> Response:
    """End what a program with the account's own password has open."""
    account, number = request.account, row_number((await form_of(request))["id"])
    try:
        await request.world.database.read(
            permitted, account.id, verbs.end, account.login, number, now_ms=request.world.clock.now_ms()
        )
        await end_device(request.world, request.config, account.login, number)
    except NameRefused:
        return go_to(PATH)  # it is gone already
    return finished(PATH, "program_ended")


@for_owner
async def forget(request: HttpRequest) -> Response:
    """Forget a program: it is a new device when it signs in again."""
    account, number = request.account, row_number((await form_of(request))["id"])
    try:
        await request.world.database.write(act, account.id, verbs.forget, account.login, number)
    except NameRefused:
        return go_to(PATH)
    return finished(PATH, "forgotten")


def _program(device: Device) -> Program:
    is_program = device.kind is Kind.PROGRAM
    return Program(
        id=device.id,
        name=device.name if device.kind is Kind.APP_PASSWORD else "",
        kind="devices.program" if is_program else "devices.earlier",
        agent=agents.in_words(device.agent),
        address=device.address,
        seen_at_ms=device.last_seen_at_ms,
        app_password=device.app_password,
        can_end=is_program and bool(device.name),
    )


def _browser(session: BrowserSession, here: str) -> Browser:
    return Browser(
        id=session.id,
        name=agents.in_words(session.agent),
        address=session.address,
        method=f"method.{session.method}",
        signed_in_at_ms=session.created_at_ms,
        seen_at_ms=session.seen_at_ms,
        is_this=session.id == here,
    )
