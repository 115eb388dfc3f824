"""The last sign-ins, failed ones too, and whether a mail tells of new devices."""

from typing import Final

from msgspec import Struct
from starlette.responses import Response

from pillarbox.admin import devices as verbs
from pillarbox.admin.permissions import act
from pillarbox.directory.sign_in.sign_ins import Result, SignIn, Why
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages import agents
from pillarbox.server.pages.account.visiting import account_page, finished, for_owner
from pillarbox.server.pages.doing import doing_of
from pillarbox.server.pages.forms import form_of
from pillarbox.server.pages.words import TABLE

PATH: Final = "/account/sign-ins"
NOTICES: Final = "/account/sign-ins/notices"
SECTION: Final = "sign_ins"


class Row(Struct, frozen=True, gc=False):
    """Equal attempts of a day."""

    way: str
    """The key of its words."""
    result: str
    """The key of its words."""
    why: str
    """The key of its words; empty where there is nothing to be said."""
    method: str
    """The key of its words; empty where it is not known."""
    name: str
    """Of the app password or the passkey."""
    address: str
    agent: str
    count: int
    first_at_ms: int
    last_at_ms: int
    has_failed: bool


class View(Struct, frozen=True, gc=False):
    """All of an account."""

    rows: list[Row]
    notices_wanted: bool


async def sign_ins_page(request: HttpRequest, view: View) -> Response:
    """The list."""
    return await account_page(request, "account/sign_ins.html", SECTION, view=view)


@for_owner
async def show(request: HttpRequest) -> Response:
    """The list."""
    account = request.account
    found = await request.world.database.read(act, account.id, verbs.overview, account.login)
    return await sign_ins_page(request, View([_row(one) for one in found.sign_ins], found.notices_wanted))


@for_owner
async def switch_notices(request: HttpRequest) -> Response:
    """Switch mails about new devices on or off."""
    wanted = (await form_of(request))["wanted"] == "on"
    account = request.account
    await request.world.database.write(
        act, account.id, verbs.want_notices, account.login, wanted=wanted, doing=doing_of(request)
    )
    return finished(PATH, "notices_on" if wanted else "notices_off")


def _row(one: SignIn) -> Row:
    attempt = one.attempt
    method = f"method.{attempt.method}"
    return Row(
        way=f"way.{attempt.way.value}",
        result="sign_ins.throttled" if attempt.result is Result.THROTTLED else "sign_ins.failed",
        why=_why(attempt.reason),
        method=method if method in TABLE else "",
        name=attempt.name,
        address=attempt.address,
        agent=agents.in_words(one.agent),
        count=one.count,
        first_at_ms=one.first_at_ms,
        last_at_ms=one.last_at_ms,
        has_failed=one.has_failed,
    )


def _why(reason: str) -> str:
    """The key of its words; empty for what only an older version says, and where the result says it already."""
    if reason == Why.TOO_MANY or reason not in set(Why):
        return ""
    return f"why.{Why(reason).name.lower()}"
