"""What the script of the pages (`assets/passkeys.js`) asks: JSON both ways.

A browser can only be asked for a passkey by a script. There are four occasions: to sign in alone, as second step, to
prove once more who one is, and to make a new one. Each begins with options, whose challenge is in a step of its own; to
sign in alone, it is bound to a cookie and kept nowhere.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import wraps
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from starlette.responses import Response

from pillarbox.admin import second_factors
from pillarbox.config.relying_party import NoPasskeys
from pillarbox.config.schema import Config
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import passkeys as rows
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.passkeys import Passkey
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.authentication import SESSION_ENDED
from pillarbox.server.http.cookies import STEP_S, Cookie
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from pillarbox.server.pages.doing import doing_of
from pillarbox.server.pages.letting_in import let_in
from pillarbox.server.sign_in.passkey_responses import MAX_RESPONSE_OCTETS
from pillarbox.server.sign_in.passkey_steps import Asked, PasskeySteps
from pillarbox.server.sign_in.passkeys import Passkeys
from pillarbox.server.sign_in.steps import Gone, Wrong

MAX_NAME_OCTETS: Final = 1024
GONE: Final = Problem(410, "The sign-in has taken too long. Begin once more.", "urn:pillarbox:step-ended")
WRONG: Final = Problem(403, "The passkey was not accepted.", "urn:pillarbox:passkey-refused")
PROVE: Final = Problem(403, "Prove first who you are.", "urn:pillarbox:prove-first")
UNKNOWN: Final = Problem(404, "There is no such passkey.")
UNREADABLE: Final = Problem(400, "The body is not the JSON that is expected.")

T = TypeVar("T")
Handler = Callable[[HttpRequest], Awaitable[Response]]
OwnersHandler = Callable[[HttpRequest, BrowserSession], Awaitable[Response]]


class Occasion(StrEnum):
    """What a passkey is shown for."""

    SIGN_IN = "sign-in"
    """Alone."""
    CODE = "code"
    """After the password."""
    PROVE = "prove"


_COOKIES: Final = {
    Occasion.SIGN_IN: Cookie.PASSKEY,
    Occasion.CODE: Cookie.STEP,
    Occasion.PROVE: Cookie.STEP,
}


class _New(Struct):
    """What is sent of a new one."""

    response: Raw
    name: str = ""


class _Name(Struct):
    name: str


def why_not(request: HttpRequest) -> NoPasskeys | None:
    """Why the page that was asked for can't use passkeys; None where it can."""
    return request.shared(Passkeys).why_not(request.page_origin)


def elsewhere(request: HttpRequest) -> str:
    """The address at which passkeys work, where they do not on the page that was asked for; empty where they do, or
    nowhere do."""
    party = request.shared(Passkeys).party
    if isinstance(party, NoPasskeys) or why_not(request) is None:
        return ""
    return party.origins[0]


def _steps(request: HttpRequest) -> PasskeySteps:
    """Raises `Refused` where there are no passkeys."""
    why = why_not(request)
    if why is not None:
        detail = f"No passkeys here: {why.value}."
        raise Refused(Problem(409, detail, "urn:pillarbox:no-passkeys", {"reason": why.name.lower()}))
    return PasskeySteps(request.world, request.shared(Passkeys), request.sign_in)


# --- shown


async def ask(request: HttpRequest) -> Response:
    """Options for `navigator.credentials.get()`."""
    steps, occasion = _steps(request), _occasion(request)
    cookie = _COOKIES[occasion]
    if occasion is Occasion.SIGN_IN:
        asked: Asked | Gone = await steps.ask_anybody()
    else:
        step = request.token(cookie)
        asked = await steps.ask(await _proof(request, step) if occasion is Occasion.PROVE else step)
    if isinstance(asked, Gone):
        raise Refused(GONE)
    request.give(cookie, asked.token, STEP_S)
    return _json(asked.options)


async def _proof(request: HttpRequest, step: str) -> str:
    """The step in which the person proves who they are; a new one where there is none."""
    if request.browser_session is None:
        raise Refused(SESSION_ENDED)
    return step or (await request.sign_in.prove(request.browser_session)).token


async def show(request: HttpRequest) -> Response:
    """What `navigator.credentials.get()` has resulted in."""
    steps, occasion = _steps(request), _occasion(request)
    cookie, response = _COOKIES[occasion], await request.body()
    show_it = steps.show_alone if occasion is Occasion.SIGN_IN else steps.show
    outcome = await show_it(request.token(cookie), response, request.browser)
    if isinstance(outcome, Wrong):
        raise Refused(WRONG if outcome.tries_left else GONE)
    if isinstance(outcome, Gone):
        raise Refused(GONE)
    await let_in(request, outcome)
    request.take_back(cookie)
    return _json(msgspec.json.encode({"login": outcome.account.login}))


def _occasion(request: HttpRequest) -> Occasion:
    try:
        return Occasion(request.path_params["occasion"])
    except ValueError:
        raise Refused(Problem(404, "There is nothing here.")) from None


# --- made, and what their owner does with them


def _for_owner(*, proven: bool) -> Callable[[OwnersHandler], Handler]:
    """A handler for who is signed in, and (`proven`) has just proved who they are."""

    def decorated(handler: OwnersHandler) -> Handler:
        @wraps(handler)
        async def handled(request: HttpRequest) -> Response:
            session = request.browser_session
            if session is None:
                raise Refused(SESSION_ENDED)
            if proven and not request.sessions.is_fresh(session):
                raise Refused(PROVE)
            try:
                return await handler(request, session)
            except NameRefused as refused:
                raise Refused(Problem(422, f"{refused}.")) from None

        return handled

    return decorated


@_for_owner(proven=True)
async def ask_for_new(request: HttpRequest, session: BrowserSession) -> Response:
    """Options for `navigator.credentials.create()`."""
    asked = await _steps(request).ask_for_new(request.account, session)
    request.give(Cookie.PASSKEY, asked.token, STEP_S)
    return _json(asked.options)


@_for_owner(proven=True)
async def make(request: HttpRequest, session: BrowserSession) -> Response:
    """What `navigator.credentials.create()` has resulted in, and a name. The answer may have recovery codes."""
    steps, sent = _steps(request), _read(await request.body(), _New)
    outcome = await steps.add(
        request.token(Cookie.PASSKEY),
        session,
        bytes(sent.response),
        sent.name.strip(),
        doing=doing_of(request),
    )
    if isinstance(outcome, Wrong):
        raise Refused(WRONG if outcome.tries_left else GONE)
    if isinstance(outcome, Gone):
        raise Refused(GONE)
    request.take_back(Cookie.PASSKEY)
    told = {**_told(outcome.passkey), "recoveryCodes": outcome.recovery_codes}
    return _json(msgspec.json.encode(told), 201)


@_for_owner(proven=False)
async def listing(request: HttpRequest, _: BrowserSession) -> Response:
    """All of who is signed in."""
    found = await request.world.database.read(rows.listing, request.account.id)
    return _json(msgspec.json.encode([_told(one) for one in found]))


@_for_owner(proven=False)
async def rename(request: HttpRequest, _: BrowserSession) -> Response:
    """Give one another name."""
    name = _read(await request.body(), _Name).name.strip()
    if not await request.world.database.write(rows.rename, request.account.id, _number(request), name):
        raise Refused(UNKNOWN)
    return _json(msgspec.json.encode({"name": name}))


@_for_owner(proven=True)
async def remove(request: HttpRequest, _: BrowserSession) -> Response:
    """Remove one; the answer says whether it was the last second factor."""
    was_last = await request.world.database.write(
        second_factors.remove_passkey, request.account.id, _number(request), doing=doing_of(request)
    )
    if was_last is None:
        raise Refused(UNKNOWN)
    return _json(msgspec.json.encode({"wasLast": was_last}))


def _told(passkey: Passkey) -> dict[str, object]:
    """What its owner sees of it."""
    return {
        "id": passkey.id,
        "name": passkey.name,
        "created": passkey.created_at_ms,
        "lastUsed": passkey.last_used_at_ms,
        "lastAddress": passkey.last_used_address,
        "alone": passkey.verified,
        "backedUp": passkey.backed_up,
        "warned": passkey.warned_at_ms,
    }


def _number(request: HttpRequest) -> int:
    text = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Refused(UNKNOWN)
    return int(text)


_MAX_DIGITS: Final = 15


def _read(octets: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(UNREADABLE) from None


def _json(octets: bytes, status: int = 200) -> Response:
    return Response(octets, status, {"cache-control": "no-store"}, "application/json")


# --- routes


def _nothing(_config: Config) -> int:
    return 2  # `{}`


def _response(_config: Config) -> int:
    return MAX_RESPONSE_OCTETS + MAX_NAME_OCTETS


def _name(_config: Config) -> int:
    return MAX_NAME_OCTETS


def _sent(path: str, handler: Handler, most: Callable[[Config], int]) -> Route:
    return Route(
        path=path,
        methods=("POST",),
        handler=handler,
        access=Access.PAGE,
        max_body_octets=most,
        media_types=("application/json",),
    )


ROUTES: Final[tuple[Route, ...]] = (
    _sent("/passkeys/show/{occasion}/options", ask, _nothing),
    _sent("/passkeys/show/{occasion}", show, _response),
    _sent("/passkeys/make/options", ask_for_new, _nothing),
    _sent("/passkeys/make", make, _response),
    Route(path="/passkeys", methods=("GET",), handler=listing, access=Access.PAGE),
    _sent("/passkeys/{number}/rename", rename, _name),
    _sent("/passkeys/{number}/remove", remove, _nothing),
)
