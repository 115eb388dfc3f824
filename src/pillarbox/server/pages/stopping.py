"""Pages for what can't be done: said to a person, where a program is told a problem (RFC 9457)."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.responses import HTMLResponse, Response

from pillarbox.admin.permissions import NotPermitted
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.authentication import NO_SIGN_IN
from pillarbox.server.http.cross_site import FOREIGN
from pillarbox.server.http.refusals import RETRY_S, Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pages.rendering import page
from pillarbox.world.database import DatabaseUnavailable

_REASONS: Final = {FOREIGN.type: "stop.elsewhere", NO_SIGN_IN.type: "stop.plain"}
AGAIN: Final = "/sign-in"

Handler = Callable[[HttpRequest], Awaitable[Response]]


async def refused(request: HttpRequest, problem: Problem) -> HTMLResponse:
    """Why a request was refused; for the table of routes."""
    reason = _REASONS.get(problem.type, "stop.unreadable")
    again = AGAIN if reason == "stop.elsewhere" else ""
    made = await page(request, "stop.html", status=problem.status, reason=reason, again=again)
    for name, value in problem.fields:
        made.headers[name.decode("ascii")] = value.decode("latin-1")
    return made


async def no_tls(request: HttpRequest) -> HTMLResponse:
    """Nobody can sign in here, since others may listen."""
    return await refused(request, NO_SIGN_IN)


async def later(request: HttpRequest, *, status: int = 503) -> HTMLResponse:
    """It does not work now."""
    made = await page(request, "stop.html", status=status, reason="stop.later", again="")
    made.headers["retry-after"] = str(RETRY_S)
    return made


def for_people(handler: Handler) -> Handler:
    """A handler whose failures are pages."""

    @wraps(handler)
    async def handled(request: HttpRequest) -> Response:
        try:
            return await handler(request)
        except Refused as stopped:
            return await refused(request, stopped.problem)
        except NotPermitted:
            return await page(request, "stop.html", status=403, reason="stop.forbidden", again="")
        except AuthenticationUnavailable:
            return await later(request, status=429)
        except DatabaseUnavailable:
            return await later(request)

    return handled
