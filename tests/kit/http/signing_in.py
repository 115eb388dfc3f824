"""A page on which a test signs in: what the real pages do, without their looks."""

from collections.abc import Mapping

from starlette.responses import JSONResponse, PlainTextResponse, Response

from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.cookies import Cookie
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from pillarbox.server.login.outcome import Unsuitable
from pillarbox.server.sign_in.steps import Gone, SignedIn, StepNeeded, Wrong
from tests.kit.http.server import HttpClient
from tests.kit.http.server import Response as Answer
from tests.kit.provider import PASSWORD, PEOPLE

PATH = "/signing-in"
PREFIX = "__Host-"
HOST = "mail.one.example"
SECURE_ORIGIN = f"https://{HOST}"


async def sign_in(request: HttpRequest) -> Response:
    """`login=…&password=…`, or `code=…` for a step, or `again=…`: the password of who is signed in."""
    given = {
        name: value
        for name, _, value in (one.partition("=") for one in (await request.body()).decode().split("&"))
    }
    outcome: SignedIn | StepNeeded | Unsuitable | Wrong | Gone | None
    if "code" in given:
        outcome = await request.sign_in.with_code(request.token(Cookie.STEP), given["code"], request.browser)
    elif "again" in given:
        assert request.browser_session is not None
        outcome = await request.sign_in.prove_with_password(
            request.browser_session, given["again"].replace("+", " "), request.browser
        )
    else:
        outcome = await request.sign_in.with_password(
            given["login"], given["password"].replace("+", " "), request.browser
        )
    if isinstance(outcome, SignedIn):
        request.give(Cookie.SESSION, outcome.token, request.sessions.lasts_s(outcome.session))
        request.give(Cookie.DEVICE, outcome.device, 1000)
        request.take_back(Cookie.STEP)
        return JSONResponse({"login": outcome.account.login, "session": outcome.session.id})
    if isinstance(outcome, StepNeeded):
        request.give(Cookie.STEP, outcome.token, 600)
        return JSONResponse({"totp": outcome.factors.totp}, 202)
    if isinstance(outcome, Wrong):
        return JSONResponse({"left": outcome.tries_left}, 403)
    if isinstance(outcome, Gone):
        return JSONResponse({}, 410)
    return JSONResponse({"words": outcome.words if outcome else ""}, 403)


async def visit(request: HttpRequest) -> Response:
    """Who looks at the page."""
    session = request.browser_session
    return PlainTextResponse(request.account.login if session else "nobody")


async def refused(_request: HttpRequest, problem: Problem) -> Response:
    """Why a person's request was refused."""
    return PlainTextResponse(f"page: {problem.detail}", problem.status)


SIGN_IN = (
    Route(path=PATH, methods=("GET",), handler=visit, access=Access.PAGE, refused=refused),
    Route(
        path=PATH,
        methods=("POST",),
        handler=sign_in,
        access=Access.PAGE,
        refused=refused,
        max_body_octets=lambda _: 10_000,
        media_types=("application/x-www-form-urlencoded",),
    ),
)


def form(fields: Mapping[str, str], **more: str) -> tuple[dict[str, str], bytes]:
    """Fields and body of a form that a page of ours sends."""
    body = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in fields.items()).encode()
    return {"Content-Type": "application/x-www-form-urlencoded", "Origin": SECURE_ORIGIN, **more}, body


def signed_in(
    client: HttpClient,
    person: int = 0,
    *,
    prefix: str = PREFIX,
    origin: str = SECURE_ORIGIN,
    host: str = HOST,
) -> str:
    """Sign in over this connection: the Cookie field that shows it."""
    answer = post(client, {"login": PEOPLE[person], "password": PASSWORD}, origin=origin, host=host)
    assert answer.status == 200, answer.body
    token = answer.cookies[f"{prefix}pillarbox"].partition(";")[0]
    return f"{prefix}pillarbox={token}"


def post(
    client: HttpClient,
    fields: Mapping[str, str],
    *,
    cookie: str = "",
    origin: str = SECURE_ORIGIN,
    host: str = HOST,
) -> Answer:
    """Send a form."""
    head, body = form(fields)
    head["Origin"] = origin
    if cookie:
        head["Cookie"] = cookie
    return client.ask(f"POST {PATH}", head, body, host=host)
