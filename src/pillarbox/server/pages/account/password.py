"""The account's own password: a new one for the old one."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.directory.sign_in.second_factors import has_second_factor
from pillarbox.server.http.refusals import RETRY_S
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pages import staying
from pillarbox.server.pages.account.visiting import PROVE, account_page, finished, for_owner, session_of
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.local_path import with_query
from pillarbox.server.pages.rendering import go_to, words_for
from pillarbox.server.pages.sign_in import SIGN_IN
from pillarbox.server.sign_in.choosing import NotDone

PATH: Final = "/account/password"
SECTION: Final = "password"
CHANGED: Final = "password"
"""Of the words `done.…`."""
_WORDS: Final = {
    NotDone.TOO_SHORT: "password.short",
    NotDone.STOLEN: "password.stolen",
    NotDone.UNUSABLE: "password.unusable",
}
"""What is said beside the new one."""


class View(Struct, frozen=True, gc=False):
    """The form, and what is wrong with what was sent."""

    shortest: int
    """Characters that a password needs."""
    has_factor: bool
    """Whether mail programs need app passwords."""
    keep: bool = False
    """Whether others stay signed in."""
    problem: str = ""
    old_error: str = ""
    new_error: str = ""
    again_error: str = ""
    staying: tuple[str, ...] = ()
    """What a changed password has left as it is (`staying.find`), where one was changed just now."""


async def password_page(
    request: HttpRequest, view: View, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """The form."""
    return await account_page(
        request, "account/password.html", SECTION, status=status, headers=headers, view=view
    )


@for_owner
async def show(request: HttpRequest) -> Response:
    """The form."""
    has_factor = await _has_factor(request)
    if _is_to_prove(request, has_factor):
        return go_to(with_query(PROVE, to=PATH))
    view = View(request.config.passwords.shortest, has_factor, staying=await _staying(request))
    return await password_page(request, view)


@for_owner
async def change(request: HttpRequest) -> Response:
    """Change it."""
    has_factor = await _has_factor(request)
    if _is_to_prove(request, has_factor):
        return go_to(with_query(PROVE, to=PATH))
    form, words = await form_of(request), words_for(request)
    shortest, keep = request.config.passwords.shortest, form.has("keep")
    if form["new"] != form["again"]:
        view = View(shortest, has_factor, keep, again_error=words("password.differ"))
        return await password_page(request, view, status=422)
    try:
        outcome = await request.changing.change(
            session_of(request), form["old"], form["new"], request.browser, keep_sessions=keep
        )
    except AuthenticationUnavailable:
        view = View(shortest, has_factor, keep, problem=words("sign_in.slow"))
        return await password_page(request, view, status=429, headers={"retry-after": str(RETRY_S)})
    if outcome is NotDone.GONE:
        return go_to(with_query(SIGN_IN, to=PATH))
    if outcome is NotDone.WRONG:
        view = View(shortest, has_factor, keep, old_error=words("password.wrong"))
        return await password_page(request, view, status=403)
    if isinstance(outcome, NotDone):
        view = View(shortest, has_factor, keep, new_error=words(_WORDS[outcome], number=shortest))
        return await password_page(request, view, status=422)
    return finished(PATH, CHANGED)


async def _staying(request: HttpRequest) -> tuple[str, ...]:
    if request.query_params.get("done", "") != CHANGED:
        return ()
    now_ms = request.world.clock.now_ms()
    return await request.world.database.read(staying.find, request.account.id, now_ms=now_ms)


def _is_to_prove(request: HttpRequest, has_factor: bool) -> bool:
    """The old password alone is not enough where there is a second factor."""
    return has_factor and not request.sessions.is_fresh(session_of(request))


async def _has_factor(request: HttpRequest) -> bool:
    return await request.world.database.read(has_second_factor, request.account.id)
