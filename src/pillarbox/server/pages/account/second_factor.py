"""One-time codes of an app and recovery codes: set up, made anew, removed."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.admin.change_letters import Doing
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import recovery_codes, totp
from pillarbox.directory.sign_in import second_factors as factor_rows
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.account.visiting import (
    Question,
    account_page,
    ask,
    finished,
    for_owner,
    for_proven,
    session_of,
)
from pillarbox.server.pages.doing import doing_of
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.rendering import go_to, words_for
from pillarbox.server.sign_in.recovery import RecoveryCodes
from pillarbox.server.sign_in.totp import Setup, TotpCodes
from pillarbox.world.database import Transaction

PATH: Final = "/account/second-factor"
SET_UP: Final = "/account/second-factor/set-up"
REMOVE: Final = "/account/second-factor/remove"
CODES: Final = "/account/second-factor/recovery-codes"
SECTION: Final = "second_factor"
_GROUP: Final = 4
_QR_SCALE: Final = 4


class View(Struct, frozen=True, gc=False):
    """How the account is protected."""

    since_ms: int | None
    """Since when an app shows codes; None: none does."""
    is_on: bool
    """Whether anything is asked for beside the password."""
    codes_left: int


class SetupView(Struct, frozen=True, gc=False):
    """What an app is to be given."""

    picture: str
    """A QR code, as the address of an image."""
    secret: str
    """In groups, for typing."""
    is_first: bool
    """Whether nothing is asked for beside the password yet."""


# --- pages of views


async def factor_page(request: HttpRequest, view: View) -> Response:
    """The section."""
    return await account_page(request, "account/second_factor.html", SECTION, view=view)


async def set_up_page(request: HttpRequest, view: SetupView, error: str = "") -> Response:
    """How an app is set up."""
    status = 422 if error else 200
    return await account_page(request, "account/set_up.html", SECTION, status=status, view=view, error=error)


async def codes_page(request: HttpRequest, codes: list[str]) -> Response:
    """New recovery codes, shown once."""
    return await account_page(request, "account/recovery_codes.html", SECTION, codes=codes)


# --- handlers


@for_owner
async def show(request: HttpRequest) -> Response:
    """The section."""
    return await factor_page(request, await request.world.database.read(_view, request.account))


def _view(tx: Transaction, account: Account) -> View:
    return View(
        totp.confirmed_at_ms(tx, account.id),
        factor_rows.has_second_factor(tx, account.id),
        recovery_codes.left(tx, account.id),
    )


@for_proven()
async def show_set_up(request: HttpRequest) -> Response:
    """A new secret, or the one that waits for its first code."""
    codes, of = TotpCodes(request.world), _names(request)
    setup = await codes.waiting(request.account.id, **of) or await codes.begin(request.account.id, **of)
    return await set_up_page(request, await _setup_view(request, setup))


@for_proven(at=SET_UP)
async def confirm(request: HttpRequest) -> Response:
    """The first code of the app: from now on it counts."""
    code, codes = (await form_of(request))["code"], TotpCodes(request.world)
    made = await codes.confirm(
        request.account.id, code.strip(), session=session_of(request).id, doing=doing_of(request)
    )
    if made:
        return await codes_page(request, made)
    if made is not None:
        return finished(PATH, "factor_on")
    setup = await codes.waiting(request.account.id, **_names(request))
    if setup is None:
        return go_to(SET_UP)
    wrong = words_for(request)("set_up.wrong")
    return await set_up_page(request, await _setup_view(request, setup), wrong)


@for_proven()
async def ask_remove(request: HttpRequest) -> Response:
    """Ask whether the app is to be removed."""
    t = words_for(request)
    question = Question(
        t("second_factor.remove.title"),
        t("second_factor.remove.text"),
        REMOVE,
        t("second_factor.remove"),
        PATH,
        {},
    )
    return await ask(request, SECTION, question)


@for_proven(at=REMOVE)
async def remove(request: HttpRequest) -> Response:
    """Remove the app."""
    is_on = await request.world.database.write(_remove_app, request.account, doing_of(request))
    return finished(PATH, "app_off" if is_on else "factor_off")


def _remove_app(tx: Transaction, account: Account, doing: Doing) -> bool:
    """Returns whether the account has another second factor."""
    if totp.has(tx, account.id):
        doing.tell(tx, account, Purpose.CODES_REMOVED)
    totp.remove(tx, account.id)
    tx.touch(account.id)
    return factor_rows.has_second_factor(tx, account.id)


@for_proven()
async def ask_codes(request: HttpRequest) -> Response:
    """Ask whether new recovery codes are to be made."""
    if not (await request.world.database.read(_view, request.account)).is_on:
        return go_to(PATH)
    t = words_for(request)
    question = Question(t("codes.new.title"), t("codes.new.text"), CODES, t("codes.new"), PATH, {})
    return await ask(request, SECTION, question)


@for_proven(at=CODES)
async def make_codes(request: HttpRequest) -> Response:
    """Make them, and show them."""
    if not (await request.world.database.read(_view, request.account)).is_on:
        return go_to(PATH)
    return await codes_page(request, await RecoveryCodes(request.world).renew(request.account.id))


# --- what an app is given


def _names(request: HttpRequest) -> dict[str, str]:
    return {
        "issuer": request.config.hostname,
        "label": request.account.login,
        "session": session_of(request).id,
    }


async def _setup_view(request: HttpRequest, setup: Setup) -> SetupView:
    groups = [setup.secret[at : at + _GROUP] for at in range(0, len(setup.secret), _GROUP)]
    is_on = await request.world.database.read(factor_rows.has_second_factor, request.account.id)
    return SetupView(await request.world.aside.run(_picture, setup.uri), " ".join(groups), not is_on)


def _picture(uri: str) -> str:
    """As an SVG image in a URL. Takes some hundredths of a second."""
    import segno

    picture: str = segno.make(uri, error="m", micro=False).svg_data_uri(scale=_QR_SCALE, border=2)
    return picture
