"""Signing in and out: address and password, then a code where the account wants one.

A sign-in that is refused shows its form again, with a sentence; who has signed in goes on to where they were going.
"""

from typing import Any, Final

from starlette.responses import Response

from pillarbox.directory.sign_in import sign_in_steps
from pillarbox.directory.sign_in.browser_sessions import digest_of
from pillarbox.server.http.cookies import STEP_S, Cookie
from pillarbox.server.http.refusals import RETRY_S
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.outcome import Unsuitable
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.letting_in import let_in
from pillarbox.server.pages.local_path import local_path, with_query
from pillarbox.server.pages.passkeys import elsewhere, why_not
from pillarbox.server.pages.rendering import go_to, page, words_for
from pillarbox.server.pages.stopping import for_people, no_tls
from pillarbox.server.sign_in import factors
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.steps import Gone, SignedIn, StepNeeded
from pillarbox.world.database import DatabaseUnavailable, Transaction

SIGN_IN: Final = "/sign-in"
CODE: Final = "/sign-in/code"
SIGN_OUT: Final = "/sign-out"
SIGNED_OUT: Final = "/signed-out"
HOME: Final = "/account"
"""Where people go who were going nowhere."""
_MAX_SHOWN: Final = 320
"""Characters of an address that are shown once more."""
_NOTES: Final = {"expired": "sign_in.expired"}
"""What the sign-in page may be told to say first, by its query."""
_LATER: Final = {"retry-after": str(RETRY_S)}


def destination(to: str) -> str:
    """Where a person goes on."""
    return local_path(to, otherwise=HOME)


# --- the first step


@for_people
async def show(request: HttpRequest) -> Response:
    """The form; who is signed in goes on."""
    to = destination(request.query_params.get("to", ""))
    if request.browser_session is not None:
        return go_to(to)
    if not request.may_sign_in:
        return await no_tls(request)
    note = _NOTES.get(request.query_params.get("note", ""))
    return await _form(request, to, problem=words_for(request)(note) if note else "")


@for_people
async def submit(request: HttpRequest) -> Response:
    """Address and password."""
    form = await form_of(request)
    to, words = destination(form["to"]), words_for(request)
    address, password = form["address"].strip(), form["password"]
    if not address or not password:
        return await _form(
            request,
            to,
            status=422,
            address=address,
            address_error="" if address else words("sign_in.no_address"),
            password_error="" if password else words("sign_in.no_password"),
        )
    try:
        outcome = await request.sign_in.with_password(address, password, request.browser)
    except AuthenticationUnavailable:
        slow = words("sign_in.slow")
        return await _form(request, to, status=429, address=address, problem=slow, headers=_LATER)
    except DatabaseUnavailable:
        gone = words("sign_in.unavailable")
        return await _form(request, to, status=503, address=address, problem=gone, headers=_LATER)
    if isinstance(outcome, SignedIn):
        return await signed_in(request, outcome, to)
    if isinstance(outcome, StepNeeded):
        request.give(Cookie.STEP, outcome.token, STEP_S)
        return go_to(with_query(CODE, to=to))
    wrong = words("sign_in.for_programs" if isinstance(outcome, Unsuitable) else "sign_in.wrong")
    return await _form(request, to, status=403, address=address, problem=wrong, is_wrong=True)


async def _form(
    request: HttpRequest,
    to: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    address: str = "",
    **values: Any,
) -> Response:
    where = elsewhere(request)
    shown = {
        "to": to,
        "address": address[:_MAX_SHOWN],
        "note": "",
        "problem": "",
        "is_wrong": False,
        "address_error": "",
        "password_error": "",
        "passkeys": "" if why_not(request) else "sign-in",
        "no_passkeys": words_for(request)("passkey.elsewhere", address=where) if where else "",
        "can_reset": True,
    }
    return await page(request, "sign_in.html", status=status, headers=headers, **{**shown, **values})


# --- the second step


@for_people
async def show_code(request: HttpRequest) -> Response:
    """The form for a code, where a sign-in waits for one."""
    to = destination(request.query_params.get("to", ""))
    if request.browser_session is not None:
        return go_to(to)
    if not request.token(Cookie.STEP):
        return go_to(with_query(SIGN_IN, to=to))
    return await _code_form(request, to)


@for_people
async def submit_code(request: HttpRequest) -> Response:
    """A one-time code, or a recovery code."""
    form = await form_of(request)
    to, words = destination(form["to"]), words_for(request)
    code, step = form["code"].strip(), request.token(Cookie.STEP)
    if not step:
        return expired(request, to)
    if not code:
        return await _code_form(request, to, status=422, code_error=words("code.missing"))
    try:
        outcome = await request.sign_in.with_code(step, code, request.browser)
    except AuthenticationUnavailable:
        return await _code_form(request, to, status=429, problem=words("sign_in.slow"), headers=_LATER)
    except DatabaseUnavailable:
        return await _code_form(request, to, status=503, problem=words("sign_in.unavailable"), headers=_LATER)
    if isinstance(outcome, SignedIn):
        return await signed_in(request, outcome, to)
    if isinstance(outcome, Gone) or not outcome.tries_left:
        return expired(request, to)
    return await _code_form(request, to, status=403, code_error=words("code.wrong"))


async def _code_form(
    request: HttpRequest,
    to: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    problem: str = "",
    code_error: str = "",
) -> Response:
    found = await request.world.database.read(
        _factors, digest_of(request.token(Cookie.STEP)), now_ms=request.world.clock.now_ms()
    )
    where = elsewhere(request) if found.passkeys else ""
    return await page(
        request,
        "code.html",
        status=status,
        headers=headers,
        to=to,
        problem=problem,
        code_error=code_error,
        by_passkey_only=found.passkeys > 0 and not found.totp,
        passkeys="code" if found.passkeys and not why_not(request) else "",
        no_passkeys=words_for(request)("passkey.elsewhere", address=where) if where else "",
    )


def _factors(tx: Transaction, digest: bytes, *, now_ms: int) -> Factors:
    """Those of whoever the step is about."""
    step = sign_in_steps.find(tx, digest, now_ms=now_ms)
    return factors.of(tx, step.account) if step else Factors()


# --- for all ways to sign in


def expired(request: HttpRequest, to: str) -> Response:
    """The sign-in has taken too long, or too many tries."""
    request.take_back(Cookie.STEP)
    return go_to(with_query(SIGN_IN, note="expired", to=to))


async def signed_in(request: HttpRequest, done: SignedIn, to: str) -> Response:
    """Let the browser in, and go on."""
    await let_in(request, done)
    request.take_back(Cookie.STEP)
    return go_to(to)


@for_people
async def sign_out(request: HttpRequest) -> Response:
    """End the session of this browser."""
    if request.browser_session is not None:
        await request.sessions.end(request.account, request.browser_session.id)
    request.take_back(Cookie.SESSION)
    request.take_back(Cookie.STEP)
    return go_to(SIGNED_OUT)


@for_people
async def signed_out(request: HttpRequest) -> Response:
    """What is said then."""
    if request.browser_session is not None:
        return go_to(HOME)
    return await page(request, "signed_out.html")
