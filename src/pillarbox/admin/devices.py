"""What somebody can see of who signs in to their account, and end: the last sign-ins, and the devices."""

from msgspec import Struct

from pillarbox.admin import accounts, app_passwords, concerns
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.control.messages import Selection
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, may
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import browser_sessions, devices, sign_ins
from pillarbox.directory.sign_in.devices import Device, Kind
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.directory.sign_in.sign_ins import SignIn
from pillarbox.world.database import Transaction


class Overview(Struct, frozen=True, gc=False):
    """All of it, as one transaction has seen it."""

    devices: tuple[Device, ...]
    """The one that was seen last first."""
    sign_ins: tuple[SignIn, ...]
    """The latest first; failed ones, too."""
    notices_wanted: bool
    """The owner gets a mail about each new device."""


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def overview(tx: Transaction, login: str) -> Overview:
    """What is known of an account's devices and sign-ins. Raises `NameRefused`."""
    account = accounts.find(tx, login).id
    return Overview(
        tuple(devices.listing(tx, account)),
        tuple(sign_ins.listing(tx, account)),
        devices.are_notices_wanted(tx, account),
    )


@may(ONESELF, of=concerns.account("login"))
def want_notices(tx: Transaction, login: str, *, wanted: bool, doing: Doing | None = None) -> None:
    """Switch the mails about new devices on or off. `doing`: the owner is told that they are off, which a stranger
    would do first. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    if doing is not None and not wanted:
        doing.tell(tx, account, Purpose.LETTERS_OFF)
    devices.want_notices(tx, account.id, wanted=wanted)


@may(ONESELF, of=concerns.account("login"))
def forget(tx: Transaction, login: str, number: int) -> None:
    """Forget a device: it is a new one when it signs in again. Its sessions go on. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    _found(tx, login, number)
    devices.forget(tx, account.id, number)


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def end(tx: Transaction, login: str, number: int, *, now_ms: int) -> Selection | None:
    """End what a device has open: a browser is signed out, an app password revoked. A program with the account's own
    password has nothing that could be revoked: its sessions are those that the caller is given, to have them ended
    (`Kick`), and it may come again until the password is changed. Raises `NameRefused`.
    """
    device = _found(tx, login, number)
    if device.app_password is not None:
        app_passwords.revoke(tx, login, device.app_password, now_ms=now_ms)
        return None
    account = accounts.find(tx, login)
    if device.kind is Kind.BROWSER:
        if browser_sessions.end_in(tx, account.id, bytes.fromhex(device.key)):
            accounts.end_what_was_made_with_others(tx, account.id, now_ms=now_ms)
            tx.touch(account.id)
        return None
    if device.kind is Kind.PROGRAM and device.name:
        return Selection(login=account.login, network=device.name)
    raise NameRefused(f"device {number} can't be ended alone; to end all sessions: pillarbox kick {login}")


def _found(tx: Transaction, login: str, number: int) -> Device:
    device = devices.find(tx, accounts.find(tx, login).id, number)
    if device is None:
        raise NameRefused(
            f"'{login}' has no device {number}; to list them: pillarbox account devices {login}"
        )
    return device
