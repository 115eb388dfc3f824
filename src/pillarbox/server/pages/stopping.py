"""Pages for what can't be done: said to a person, where a program is told a problem (RFC 9457)."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from starlette.responses import HTMLResponse, Response

from pillarbox.admin.permissions import NotPermitted
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.authentication import AuthenticationUnavailable
from pillarbox.server.http.authentication import NO_SIGN_IN
from pillarbox.server.http.cross_site import FOREIGN
from pillarbox.server.http.refusals import RETRY_S, Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.rendering import page_at_once
from pillarbox.world.database import DatabaseUnavailable

_REASONS: Final = {FOREIGN.type: "stop.elsewhere", NO_SIGN_IN.type: "stop.plain"}
AGAIN: Final = "/sign-in"

Handler = Callable[[HttpRequest], Awaitable[Response]]


def refused(request: HttpRequest, problem: Problem) -> HTMLResponse:
    """Why a request was refused; for the table of routes."""
    reason = _REASONS.get(problem.type, "stop.unreadable")
    again = AGAIN if reason == "stop.elsewhere" else ""
    made = page_at_once(request, "stop.html", status=problem.status, reason=reason, again=again)
    for name, value in problem.fields:
        made.headers[name.decode("ascii")] = value.decode("latin-1")
    return made


def no_tls(request: HttpRequest) -> HTMLResponse:
    """Nobody can sign in here, since others may listen."""
    return refused(request, NO_SIGN_IN)


def later(request: HttpRequest, *, status: int = 503) -> HTMLResponse:
    """It does not work now."""
    made = page_at_once(request, "stop.html", status=status, reason="stop.later", again="")
    made.headers["retry-after"] = str(RETRY_S)
    return made


def for_people(handler: Handler) -> Handler:
    """A handler whose failures are pages."""

    @wraps(handler)
    async def handled(request: HttpRequest) -> Response:
        try:
            return await handler(request)
        except Refused as stopped:
            return refused(request, stopped.problem)
        except NotPermitted:
            return page_at_once(request, "stop.html", status=403, reason="stop.forbidden", again="")
        except AuthenticationUnavailable:
            return later(request, status=429)
        except DatabaseUnavailable:
            return later(request)

    return handled
