"""The account's own password: a new one for the old one."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.server.http.refusals import RETRY_S
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.authentication import AuthenticationUnavailable
from pillarbox.server.pages.account.visiting import PROVE, account_page, finished, for_owner, session_of
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.local_path import with_query
from pillarbox.server.pages.rendering import go_to, words_for
from pillarbox.server.pages.sign_in import SIGN_IN
from pillarbox.server.sign_in import factors
from pillarbox.server.sign_in.choosing import NotDone

PATH: Final = "/account/password"
SECTION: Final = "password"
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
    keep: bool = False
    """Whether others stay signed in."""
    problem: str = ""
    old_error: str = ""
    new_error: str = ""
    again_error: str = ""


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
    if await _is_to_prove(request):
        return go_to(with_query(PROVE, to=PATH))
    return await password_page(request, View(request.config.passwords.shortest))


@for_owner
async def change(request: HttpRequest) -> Response:
    """Change it."""
    if await _is_to_prove(request):
        return go_to(with_query(PROVE, to=PATH))
    form, words = await form_of(request), words_for(request)
    shortest, keep = request.config.passwords.shortest, form.has("keep")
    if form["new"] != form["again"]:
        view = View(shortest, keep, again_error=words("password.differ"))
        return await password_page(request, view, status=422)
    try:
        outcome = await request.changing.change(
            session_of(request), form["old"], form["new"], request.browser, keep_sessions=keep
        )
    except AuthenticationUnavailable:
        view = View(shortest, keep, problem=words("sign_in.slow"))
        return await password_page(request, view, status=429, headers={"retry-after": str(RETRY_S)})
    if outcome is NotDone.GONE:
        return go_to(with_query(SIGN_IN, to=PATH))
    if outcome is NotDone.WRONG:
        view = View(shortest, keep, old_error=words("password.wrong"))
        return await password_page(request, view, status=403)
    if isinstance(outcome, NotDone):
        view = View(shortest, keep, new_error=words(_WORDS[outcome], number=shortest))
        return await password_page(request, view, status=422)
    return finished(PATH, "password")


async def _is_to_prove(request: HttpRequest) -> bool:
    """The old password alone is not enough where there is a second factor."""
    if request.sessions.is_fresh(session_of(request)):
        return False
    found = await request.world.database.read(factors.of, request.account.id)
    return found.is_needed
