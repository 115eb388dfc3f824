"""What all pages of the account have: who may see them, their frame, and what is said after something was done."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.local_path import local_path, with_query
from pillarbox.server.pages.rendering import go_to, page, words_for
from pillarbox.server.pages.sign_in import HOME, SIGN_IN
from pillarbox.server.pages.stopping import Handler, for_people
from pillarbox.server.pages.words import TABLE

PROVE: Final = "/account/prove"


class Section(Struct, frozen=True, gc=False):
    """A page of the account, as it is listed."""

    key: str
    """Of its words."""
    path: str


SECTIONS: Final = (
    Section("password", "/account/password"),
    Section("second_factor", "/account/second-factor"),
    Section("passkeys", "/account/passkeys"),
    Section("app_passwords", "/account/app-passwords"),
    Section("devices", "/account/devices"),
    Section("sign_ins", "/account/sign-ins"),
    Section("recovery_address", "/account/recovery-address"),
)


def session_of(request: HttpRequest) -> BrowserSession:
    """The session of who looks at a page that `for_owner` or `for_proven` has let through."""
    session = request.browser_session
    assert session is not None, "the page is for who is signed in"
    return session


def for_owner(handler: Handler) -> Handler:
    """A page for who is signed in; others sign in first and come back."""

    @for_people
    @wraps(handler)
    async def handled(request: HttpRequest) -> Response:
        if request.browser_session is None:
            return go_to(with_query(SIGN_IN, to=_here(request)))
        return await handler(request)

    return handled


def for_proven(*, at: str = "") -> Callable[[Handler], Handler]:
    """A page for who has just proved who they are; others do so first and come back.

    `at`: the path where they come back to, that of the form; without it, the one that was asked for.
    """

    def decorated(handler: Handler) -> Handler:
        @for_owner
        @wraps(handler)
        async def handled(request: HttpRequest) -> Response:
            if not request.sessions.is_fresh(session_of(request)):
                return go_to(with_query(PROVE, to=at or _here(request)))
            return await handler(request)

        return handled

    return decorated


def _here(request: HttpRequest) -> str:
    """The page that was asked for."""
    if request.method not in ("GET", "HEAD"):
        return HOME
    path, query = request.scope["raw_path"].decode("ascii"), request.url.query
    return local_path(f"{path}?{query}" if query else path, otherwise=HOME)


async def account_page(
    request: HttpRequest,
    template: str,
    section: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page in the account's frame. `section`: the key of the one that it belongs to; empty on the overview."""
    return await page(
        request,
        template,
        status=status,
        headers=headers,
        sections=SECTIONS,
        section=section,
        login=request.account.login,
        done=_done(request),
        **values,
    )


def finished(path: str, done: str) -> Response:
    """Go on to a page, which says that it is done: `done.…` of the words."""
    assert f"done.{done}" in TABLE
    return go_to(with_query(path, done=done))


def _done(request: HttpRequest) -> str:
    """What was done just now, if the address says so: one of our sentences, whatever is in it."""
    key = f"done.{request.query_params.get('done', '')}"
    return words_for(request)(key) if key in TABLE else ""


class Question(Struct, frozen=True, gc=False):
    """What is asked before something that can't be undone."""

    title: str
    text: str
    action: str
    """Where the form goes."""
    verb: str
    """On the button."""
    back: str
    values: dict[str, str]
    """What the form sends with it."""


async def ask(request: HttpRequest, section: str, question: Question) -> Response:
    """Ask it on a page of its own."""
    return await account_page(request, "account/ask.html", section, question=question)
