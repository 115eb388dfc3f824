"""A person proves once more who they are, before what could lock them out, and goes on where they were.

Who has a second factor shows that one; others show their password.
"""

from typing import Final

from starlette.responses import Response

from pillarbox.server.http.cookies import STEP_S, Cookie
from pillarbox.server.http.refusals import RETRY_S
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.pages.account.visiting import PROVE, account_page, for_owner, session_of
from pillarbox.server.pages.forms import Form, form_of
from pillarbox.server.pages.local_path import with_query
from pillarbox.server.pages.passkeys import elsewhere, why_not
from pillarbox.server.pages.rendering import go_to, words_for
from pillarbox.server.pages.sign_in import destination, signed_in
from pillarbox.server.sign_in import factors
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.steps import Gone, SignedIn, StepNeeded

_LATER: Final = {"retry-after": str(RETRY_S)}


@for_owner
async def show(request: HttpRequest) -> Response:
    """The form."""
    to, session = destination(request.query_params.get("to", "")), session_of(request)
    if request.sessions.is_fresh(session):
        return go_to(to)
    found = await request.world.database.read(factors.of, request.account.id)
    if found.is_needed:
        step = await request.sign_in.prove(session)
        request.give(Cookie.STEP, step.token, STEP_S)
    return await _form(request, to, found)


@for_owner
async def submit(request: HttpRequest) -> Response:
    """A password, or a code."""
    form = await form_of(request)
    to = destination(form["to"])
    found = await request.world.database.read(factors.of, request.account.id)
    try:
        outcome = await (_by_code(request, form) if form.has("code") else _by_password(request, form))
    except AuthenticationUnavailable:
        slow = words_for(request)("sign_in.slow")
        return await _form(request, to, found, status=429, problem=slow, headers=_LATER)
    if isinstance(outcome, SignedIn):
        return await signed_in(request, outcome, to)  # of another session, where its cookie was of a sign-in
    if isinstance(outcome, StepNeeded | Gone):
        return go_to(with_query(PROVE, to=to))
    wrong = words_for(request)("prove.wrong")
    return await _form(request, to, found, status=403, error=wrong)


async def _by_code(request: HttpRequest, form: Form) -> SignedIn | Gone | None:
    outcome = await request.sign_in.with_code(
        request.token(Cookie.STEP), form["code"].strip(), request.browser
    )
    return outcome if isinstance(outcome, SignedIn | Gone) else None


async def _by_password(request: HttpRequest, form: Form) -> SignedIn | StepNeeded | Gone | None:
    outcome = await request.sign_in.prove_with_password(
        session_of(request), form["password"], request.browser
    )
    return outcome if isinstance(outcome, SignedIn | StepNeeded | Gone) else None


async def _form(
    request: HttpRequest,
    to: str,
    found: Factors,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    problem: str = "",
    error: str = "",
) -> Response:
    where = elsewhere(request) if found.passkeys else ""
    return await account_page(
        request,
        "account/prove.html",
        "",
        status=status,
        headers=headers,
        to=to,
        factors=found,
        problem=problem,
        error=error,
        passkeys="prove" if found.passkeys and not why_not(request) else "",
        no_passkeys=words_for(request)("passkey.elsewhere", address=where) if where else "",
    )
