"""App passwords: what there are, a new one, and revoking one."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.admin import app_passwords as verbs
from pillarbox.admin.permissions import act
from pillarbox.directory.naming import NameRefused, telling_name
from pillarbox.directory.sign_in import allowed_networks, app_passwords
from pillarbox.directory.sign_in.app_passwords import MAX_PER_ACCOUNT, AppPassword, Limits, Scope
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.account.visiting import (
    Question,
    account_page,
    ask,
    finished,
    for_owner,
    for_proven,
)
from pillarbox.server.pages.doing import doing_of
from pillarbox.server.pages.forms import Form, form_of, row_number
from pillarbox.server.pages.rendering import go_to, words_for
from pillarbox.server.pages.words import Words

PATH: Final = "/account/app-passwords"
NEW: Final = "/account/app-passwords/new"
REVOKE: Final = "/account/app-passwords/revoke"
SECTION: Final = "app_passwords"
MAX_NAME: Final = 80
"""Characters of a name."""
_DAY_MS: Final = 24 * 3600 * 1000
LIFETIMES: Final = ("", "30", "90", "365")
"""Days until a new one expires, as the form offers them; empty: never."""


class Row(Struct, frozen=True, gc=False):
    """One in the list."""

    id: int
    name: str
    scopes: str
    """In words."""
    read_only: bool
    networks: str
    created_at_ms: int
    expires_at_ms: int | None
    has_expired: bool
    used_at_ms: int | None
    used_address: str


class ListView(Struct, frozen=True, gc=False):
    """All of an account."""

    rows: list[Row]


class Filled(Struct, frozen=True, gc=False):
    """The form for a new one as it was filled in, and what is wrong with it, by field."""

    name: str = ""
    scopes: frozenset[Scope] = frozenset({Scope.MAIL})
    read_only: bool = False
    networks: str = ""
    days: str = ""
    errors: dict[str, str] = {}


class Server(Struct, frozen=True, gc=False):
    """A server to be entered in a mail program."""

    key: str
    """Of its words."""
    host: str
    port: str


class MadeView(Struct, frozen=True, gc=False):
    """A new one, shown once."""

    name: str
    password: str
    login: str
    servers: list[Server]
    address: str
    """Where programs find everything by themselves; empty where they do not."""


# --- pages of views


async def list_page(request: HttpRequest, view: ListView) -> Response:
    """The list."""
    return await account_page(request, "account/app_passwords.html", SECTION, view=view)


async def form_page(request: HttpRequest, filled: Filled) -> Response:
    """The form for a new one."""
    return await account_page(
        request,
        "account/app_password_new.html",
        SECTION,
        status=422 if filled.errors else 200,
        filled=filled,
        scopes=[scope.value for scope in Scope if scope is not Scope.MAIL],
        lifetimes=LIFETIMES,
    )


async def made_page(request: HttpRequest, view: MadeView) -> Response:
    """The new one."""
    return await account_page(request, "account/app_password_made.html", SECTION, view=view)


# --- handlers


@for_owner
async def show(request: HttpRequest) -> Response:
    """The list."""
    found = await request.world.database.read(app_passwords.listing, request.account.id)
    now_ms, words = request.world.clock.now_ms(), words_for(request)
    return await list_page(request, ListView([_row(one, words, now_ms) for one in found]))


@for_proven()
async def show_new(request: HttpRequest) -> Response:
    """The form."""
    return await form_page(request, Filled())


@for_proven(at=NEW)
async def make(request: HttpRequest) -> Response:
    """Make one, and show it."""
    world, account = request.world, request.account
    filled = _filled(await form_of(request), words_for(request))
    there = await world.database.read(app_passwords.listing, account.id)
    errors = filled.errors or _taken(filled, there, words_for(request))
    if errors:
        return await form_page(request, _with(filled, errors))
    parameters = await world.database.write(
        act, account.id, verbs.hash_parameters, account.login, entropy=world.entropy
    )
    password, hashed = await world.aside.run(verbs.generate, parameters, entropy=world.entropy)
    now_ms = world.clock.now_ms()
    try:
        await world.database.write(
            act,
            account.id,
            verbs.add,
            account.login,
            hashed,
            name=filled.name,
            scopes=filled.scopes,
            now_ms=now_ms,
            terms=verbs.Terms(
                now_ms + int(filled.days) * _DAY_MS if filled.days else None,
                Limits(filled.read_only, _networks(filled.networks)),
            ),
            doing=doing_of(request),
        )
    except NameRefused:  # another one was made meanwhile
        taken = {"name": words_for(request)("app_passwords.taken")}
        return await form_page(request, _with(filled, taken))
    return await made_page(request, _made(request, filled, password))


@for_owner
async def ask_revoke(request: HttpRequest) -> Response:
    """Ask whether one is to be revoked."""
    number = row_number(request.query_params.get("id", ""))
    there = await request.world.database.read(app_passwords.listing, request.account.id)
    found = next((one for one in there if one.id == number), None)
    if found is None:
        return go_to(PATH)
    t = words_for(request)
    question = Question(
        t("app_passwords.revoke.title", name=found.name),
        t("app_passwords.revoke.text"),
        REVOKE,
        t("app_passwords.revoke"),
        PATH,
        {"id": str(found.id)},
    )
    return await ask(request, SECTION, question)


@for_owner
async def revoke(request: HttpRequest) -> Response:
    """Revoke it."""
    number = row_number((await form_of(request))["id"])
    try:
        await request.world.database.write(
            act,
            request.account.id,
            verbs.revoke,
            request.account.login,
            number,
            now_ms=request.world.clock.now_ms(),
        )
    except NameRefused:
        return go_to(PATH)  # it is gone already
    return finished(PATH, "revoked")


# --- forms and rows


def _filled(form: Form, words: Words) -> Filled:
    named = {scope.value: scope for scope in Scope}
    scopes = frozenset(named[value] for value in form.all("scope") if value in named)
    if form["reach"] != "some":
        scopes = frozenset({Scope.MAIL})
    days = form["days"] if form["days"] in LIFETIMES else ""
    errors = {}
    name = form["name"].strip()
    try:
        telling_name(name, "it")
    except NameRefused:
        errors["name"] = words("app_passwords.no_name")
    if len(name) > MAX_NAME:
        errors["name"] = words("app_passwords.long_name", number=MAX_NAME)
    if not scopes:
        errors["scope"] = words("app_passwords.no_scope")
    try:
        allowed_networks.joined(_networks(form["networks"]))
    except NameRefused:
        errors["networks"] = words("app_passwords.no_network")
    return Filled(name, scopes, form.has("read_only"), form["networks"], days, errors)


def _networks(written: str) -> tuple[str, ...]:
    return tuple(written.replace(",", " ").split())


def _taken(filled: Filled, there: list[AppPassword], words: Words) -> dict[str, str]:
    if len(there) >= MAX_PER_ACCOUNT:
        return {"name": words("app_passwords.full", number=MAX_PER_ACCOUNT)}
    if any(one.name == filled.name for one in there):
        return {"name": words("app_passwords.taken")}
    return {}


def _with(filled: Filled, errors: dict[str, str]) -> Filled:
    return Filled(filled.name, filled.scopes, filled.read_only, filled.networks, filled.days, errors)


def _row(one: AppPassword, words: Words, now_ms: int) -> Row:
    scopes = sorted(one.scopes)
    return Row(
        id=one.id,
        name=one.name,
        scopes=", ".join(words(f"scope.{scope.value}") for scope in scopes),
        read_only=one.read_only,
        networks=", ".join(one.networks),
        created_at_ms=one.created_at_ms,
        expires_at_ms=one.expires_at_ms,
        has_expired=app_passwords.has_expired(one.expires_at_ms, now_ms=now_ms),
        used_at_ms=one.last_used_at_ms,
        used_address=one.last_used_address or "",
    )


def _made(request: HttpRequest, filled: Filled, password: str) -> MadeView:
    config, is_all = request.config, Scope.MAIL in filled.scopes
    offered = (
        ("imap", Scope.IMAP, config.listen.imaps),
        ("pop3", Scope.POP3, config.listen.pop3s),
        ("smtp", Scope.SMTP, config.listen.submissions),
    )
    servers = [
        Server(key, config.hostname, listed[0].rpartition(":")[2])
        for key, scope, listed in offered
        if listed and (is_all or scope in filled.scopes) and not (key == "smtp" and filled.read_only)
    ]
    is_web = is_all or Scope.JMAP in filled.scopes
    return MadeView(filled.name, password, request.account.login, servers, config.web_url if is_web else "")
