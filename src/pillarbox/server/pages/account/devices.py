"""Where somebody is signed in: browsers, which are signed out one by one or all at once."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.directory.browser_sessions import BrowserSession
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages import agents
from pillarbox.server.pages.account.visiting import account_page, finished, for_owner, session_of
from pillarbox.server.pages.forms import form_of

PATH: Final = "/account/devices"
END: Final = "/account/devices/end"
END_OTHERS: Final = "/account/devices/end-others"
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


class View(Struct, frozen=True, gc=False):
    """All of an account."""

    browsers: list[Browser]


async def devices_page(request: HttpRequest, view: View) -> Response:
    """The list."""
    return await account_page(request, "account/devices.html", SECTION, view=view)


@for_owner
async def show(request: HttpRequest) -> Response:
    """The list."""
    here = session_of(request).id
    found = await request.sessions.listing(request.account)
    return await devices_page(request, View([_browser(one, here) for one in found]))


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
