"""Setting a password by a link, asking for one, and confirming a recovery address by one.

A link's token is in the address once: it is put into a cookie, and the browser is sent to an address without it, so
that it is neither in the history nor told to any other server. Opening a link uses nothing up; its form does.
"""

from typing import Any, Final

from starlette.responses import Response

from pillarbox.admin.account_letters import CONFIRM_PATH, RESET_PATH
from pillarbox.directory.sign_in import link_tokens
from pillarbox.server.http.cookies import LINK_S, Cookie
from pillarbox.server.http.refusals import RETRY_S
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pages import staying
from pillarbox.server.pages.forms import Form, form_of
from pillarbox.server.pages.local_path import with_query
from pillarbox.server.pages.rendering import go_to, page, words_for
from pillarbox.server.pages.sign_in import HOME, SIGN_IN
from pillarbox.server.pages.stopping import for_people, no_tls
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.recovery_address import RecoveryAddresses
from pillarbox.server.sign_in.resetting import Shown, Wanted

RESET: Final = "/reset"
LINK: Final = RESET_PATH + "{token}"
ASK: Final = "/reset/ask"
ASKED: Final = "/reset/asked"
DONE: Final = "/reset/done"
CONFIRM: Final = "/reset/confirm"
CONFIRM_LINK: Final = CONFIRM_PATH + "{token}"
CONFIRMED: Final = "/reset/confirmed"
_STAYING: Final = "stays"
"""In the address: the account has ways in that a new password leaves as they are."""
_LATER: Final = {"retry-after": str(RETRY_S)}
_ABOUT_PASSWORD: Final = {
    NotDone.TOO_SHORT: "reset.set.short",
    NotDone.STOLEN: "reset.set.stolen",
    NotDone.UNUSABLE: "reset.set.unusable",
}


# --- links


@for_people
async def open_link(request: HttpRequest) -> Response:
    """Keep the token of a link for a new password, and go where the address has none."""
    return await _kept(request, Cookie.RESET, RESET)


@for_people
async def open_confirmation(request: HttpRequest) -> Response:
    """The same for a link that confirms a recovery address."""
    return await _kept(request, Cookie.CONFIRM, CONFIRM)


async def _kept(request: HttpRequest, cookie: Cookie, path: str) -> Response:
    if not request.may_sign_in:
        return await no_tls(request)
    token = request.path_params["token"]
    if link_tokens.digest_of(token) is None:  # cut in two, perhaps, by what has shown the mail
        token = "none"  # noqa: S105 - it is none
    request.give(cookie, token, LINK_S)
    return go_to(path)


# --- a new password


@for_people
async def show(request: HttpRequest) -> Response:
    """The form for a new password, where the browser has a link; else the one that asks for a link."""
    if not request.may_sign_in:
        return await no_tls(request)
    token = request.token(Cookie.RESET)
    found = await request.resetting.look(token) if token else None
    if found is not None:
        return await _set_form(request, found)
    return _gone(request) if token else await _ask_form(request)


def _gone(request: HttpRequest) -> Response:
    request.take_back(Cookie.RESET)
    return go_to(f"{ASK}?note=gone")


@for_people
async def submit(request: HttpRequest) -> Response:
    """Set it."""
    form, token = await form_of(request), request.token(Cookie.RESET)
    found = await request.resetting.look(token) if token else None
    if found is None:
        return _gone(request)
    words = words_for(request)
    if not form["new"]:
        return await _set_form(request, found, form, status=422, new_error=words("reset.set.missing"))
    if form["new"] != form["again"]:
        return await _set_form(request, found, form, status=422, again_error=words("reset.set.differ"))
    wanted = Wanted(form["new"], form["code"].strip(), revoke_app_passwords=form.has("revoke"))
    try:
        done = await request.resetting.finish(token, wanted, request.browser)
    except AuthenticationUnavailable:
        slow = words("sign_in.slow")
        return await _set_form(request, found, form, status=429, problem=slow, headers=_LATER)
    if done is NotDone.GONE:
        return _gone(request)
    if done is NotDone.WRONG:
        return await _set_form(request, found, form, status=403, code_error=words("reset.set.wrong"))
    if isinstance(done, NotDone):
        shortest = request.config.passwords.shortest
        error = words(_ABOUT_PASSWORD[done], number=shortest)
        return await _set_form(request, found, form, status=422, new_error=error)
    request.take_back(Cookie.RESET)
    now_ms = request.world.clock.now_ms()
    stays = await request.world.database.read(staying.find, done.id, now_ms=now_ms)
    return go_to(with_query(DONE, note=_STAYING) if stays else DONE)


async def _set_form(
    request: HttpRequest,
    found: Shown,
    form: Form | None = None,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> Response:
    shown = {
        "login": found.login,
        "factors": found.factors,
        "shortest": request.config.passwords.shortest,
        "revoke": form is not None and form.has("revoke"),
        **dict.fromkeys(("problem", "new_error", "again_error", "code_error"), ""),
    }
    return await page(request, "reset/set.html", status=status, headers=headers, **{**shown, **values})


@for_people
async def done(request: HttpRequest) -> Response:
    """What is said then."""
    stays = request.query_params.get("note", "") == _STAYING
    return await _said(request, "reset.done", to=SIGN_IN, verb="sign_in.submit", stays=stays)


# --- asking for a link


@for_people
async def show_ask(request: HttpRequest) -> Response:
    """The form that asks for a link."""
    if not request.may_sign_in:
        return await no_tls(request)
    gone = request.query_params.get("note", "") == "gone"
    return await _ask_form(request, problem=words_for(request)("reset.gone") if gone else "")


@for_people
async def submit_ask(request: HttpRequest) -> Response:
    """Have a link sent, if there is anybody to send it to. Who asks is told the same in any case."""
    form, words = await form_of(request), words_for(request)
    address = form["address"].strip()
    if not request.resetting.is_offered:
        return go_to(RESET)
    if not address:
        return await _ask_form(request, status=422, address_error=words("reset.ask.no_address"))
    if not request.resetting.ask(address, request.browser):
        return await _ask_form(request, status=429, problem=words("reset.ask.slow"), headers=_LATER)
    return go_to(ASKED)


async def _ask_form(
    request: HttpRequest,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    problem: str = "",
    address_error: str = "",
) -> Response:
    if not request.resetting.is_offered:
        return await _said(request, "reset.off", to=SIGN_IN, verb="stop.again")
    return await page(
        request,
        "reset/ask.html",
        status=status,
        headers=headers,
        problem=problem,
        address_error=address_error,
    )


@for_people
async def asked(request: HttpRequest) -> Response:
    """What everybody is told who has asked."""
    return await _said(request, "reset.asked", help=True)


# --- a recovery address


@for_people
async def show_confirm(request: HttpRequest) -> Response:
    """What is confirmed."""
    if not request.may_sign_in:
        return await no_tls(request)
    token = request.token(Cookie.CONFIRM)
    waiting = await request.shared(RecoveryAddresses).look(token) if token else None
    if waiting is None:
        request.take_back(Cookie.CONFIRM)
        return await _said(request, "confirm.gone", to=HOME, verb="front.account")
    return await page(request, "reset/confirm.html", waiting=waiting)


@for_people
async def submit_confirm(request: HttpRequest) -> Response:
    """Confirm it."""
    token = request.token(Cookie.CONFIRM)
    request.take_back(Cookie.CONFIRM)
    if not token or await request.shared(RecoveryAddresses).confirm(token) is None:
        return await _said(request, "confirm.gone", to=HOME, verb="front.account")
    return go_to(CONFIRMED)


@for_people
async def confirmed(request: HttpRequest) -> Response:
    """What is said then."""
    return await _said(request, "confirm.done", to=HOME, verb="front.account")


async def _said(
    request: HttpRequest,
    said: str,
    *,
    to: str = "",
    verb: str = "",
    help: bool = False,  # noqa: A002 - what it shows
    stays: bool = False,
) -> Response:
    return await page(request, "reset/said.html", said=said, to=to, verb=verb, help=help, staying=stays)
