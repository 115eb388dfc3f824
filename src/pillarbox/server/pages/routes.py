"""The routes of all pages."""

from typing import Final

from pillarbox.server.http.route import Access, Handler, Route
from pillarbox.server.pages import assets, front, reset, sign_in
from pillarbox.server.pages.account import (
    app_passwords,
    devices,
    overview,
    passkeys,
    password,
    proving,
    recovery_address,
    second_factor,
    sign_ins,
    visiting,
)
from pillarbox.server.pages.forms import MEDIA_TYPES, max_form_octets
from pillarbox.server.pages.stopping import refused


def shown(path: str, handler: Handler) -> Route:
    """A page."""
    return Route(path=path, methods=("GET",), handler=handler, access=Access.PAGE, refused=refused)


def sent(path: str, handler: Handler) -> Route:
    """What a form is sent to."""
    return Route(
        path=path,
        methods=("POST",),
        handler=handler,
        access=Access.PAGE,
        max_body_octets=max_form_octets,
        media_types=MEDIA_TYPES,
        refused=refused,
    )


ROUTES: Final[tuple[Route, ...]] = (
    shown("/", front.front),
    Route(path=assets.PATH, methods=("GET",), handler=assets.asset, access=Access.ANYONE),
    shown(sign_in.SIGN_IN, sign_in.show),
    sent(sign_in.SIGN_IN, sign_in.submit),
    shown(sign_in.CODE, sign_in.show_code),
    sent(sign_in.CODE, sign_in.submit_code),
    sent(sign_in.SIGN_OUT, sign_in.sign_out),
    shown(sign_in.SIGNED_OUT, sign_in.signed_out),
    # --- without the password
    shown(reset.RESET, reset.show),
    sent(reset.RESET, reset.submit),
    shown(reset.ASK, reset.show_ask),
    sent(reset.ASK, reset.submit_ask),
    shown(reset.ASKED, reset.asked),
    shown(reset.DONE, reset.done),
    shown(reset.CONFIRM, reset.show_confirm),
    sent(reset.CONFIRM, reset.submit_confirm),
    shown(reset.CONFIRMED, reset.confirmed),
    shown(reset.CONFIRM_LINK, reset.open_confirmation),
    shown(reset.LINK, reset.open_link),
    # --- the account
    shown(sign_in.HOME, overview.show),
    shown(visiting.PROVE, proving.show),
    sent(visiting.PROVE, proving.submit),
    shown(password.PATH, password.show),
    sent(password.PATH, password.change),
    shown(passkeys.PATH, passkeys.show),
    sent(passkeys.RENAME, passkeys.rename),
    shown(passkeys.REMOVE, passkeys.ask_remove),
    sent(passkeys.REMOVE, passkeys.remove),
    shown(recovery_address.PATH, recovery_address.show),
    shown(recovery_address.SET, recovery_address.show_set),
    sent(recovery_address.SET, recovery_address.set_address),
    shown(recovery_address.REMOVE, recovery_address.ask_remove),
    sent(recovery_address.REMOVE, recovery_address.remove),
    shown(second_factor.PATH, second_factor.show),
    shown(second_factor.SET_UP, second_factor.show_set_up),
    sent(second_factor.SET_UP, second_factor.confirm),
    shown(second_factor.REMOVE, second_factor.ask_remove),
    sent(second_factor.REMOVE, second_factor.remove),
    shown(second_factor.CODES, second_factor.ask_codes),
    sent(second_factor.CODES, second_factor.make_codes),
    shown(app_passwords.PATH, app_passwords.show),
    shown(app_passwords.NEW, app_passwords.show_new),
    sent(app_passwords.NEW, app_passwords.make),
    shown(app_passwords.REVOKE, app_passwords.ask_revoke),
    sent(app_passwords.REVOKE, app_passwords.revoke),
    shown(devices.PATH, devices.show),
    sent(devices.END, devices.end),
    sent(devices.END_OTHERS, devices.end_others),
    sent(devices.END_PROGRAM, devices.end_program),
    sent(devices.FORGET, devices.forget),
    shown(sign_ins.PATH, sign_ins.show),
    sent(sign_ins.NOTICES, sign_ins.switch_notices),
)
