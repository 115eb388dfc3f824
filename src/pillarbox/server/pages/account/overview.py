"""All sections at a glance."""

from msgspec import Struct
from starlette.responses import Response

from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import app_passwords, browser_sessions
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.account.visiting import account_page, for_owner
from pillarbox.server.pages.rendering import words_for
from pillarbox.server.sign_in import factors
from pillarbox.world.database import Transaction


class Counts(Struct, frozen=True, gc=False):
    """What the overview counts."""

    app_passwords: int
    sessions: int
    factors: factors.Factors


@for_owner
async def show(request: HttpRequest) -> Response:
    """The page."""
    now_ms = request.world.clock.now_ms()
    counts = await request.world.database.read(_counts, request.account, now_ms=now_ms)
    return await account_page(request, "account/overview.html", "", states=_states(request, counts))


def _counts(tx: Transaction, account: Account, *, now_ms: int) -> Counts:
    return Counts(
        len(app_passwords.listing(tx, account.id)),
        len(browser_sessions.listing(tx, account.id, now_ms=now_ms)),
        factors.of(tx, account.id),
    )


def _states(request: HttpRequest, counts: Counts) -> dict[str, str]:
    """By the key of the section."""
    t = words_for(request)

    def number(key: str, count: int) -> str:
        which = {0: "none", 1: "one"}.get(count, "many")
        return t(f"{key}.{which}", number=count)

    return {
        "password": t("password.state"),
        "second_factor": t("second_factor.on" if counts.factors.is_needed else "second_factor.off"),
        "app_passwords": number("app_passwords.count", counts.app_passwords),
        "passkeys": number("passkeys.count", counts.factors.passkeys),
        "sign_ins": t("sign_ins.state"),
        "recovery_address": t("recovery_address.state"),
        "devices": number("devices.count", counts.sessions),
    }
