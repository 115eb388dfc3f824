"""What is written of sign-ins to one account, in one transaction: the sign-ins, the devices, the use of app passwords,
and the mail to the owner about a device that is new.

So the mail and the device that it is about are there together or not at all: a crash in between loses neither, and
nobody is told twice. What a crash loses is what was noted and not yet written: then the device is new at its next
sign-in.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.placement import Placement
from pillarbox.delivery.trace import return_path
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import app_passwords, devices, sign_ins
from pillarbox.directory.sign_in.devices import Kind, Known, Seen
from pillarbox.directory.sign_in.sign_ins import Noted, Way
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.new_device_mail import NewDeviceMail, compose
from pillarbox.mail.prepending import prepend
from pillarbox.mail.summary import summarize
from pillarbox.store import mailboxes
from pillarbox.store.append import Message
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction

_WAYS: Final = {
    Way.IMAP: "IMAP",
    Way.POP3: "POP3",
    Way.SMTP: "SMTP",
    Way.JMAP: "JMAP",
    Way.WEB: "the web pages",
}
_DEVICES: Final = {
    Kind.BROWSER: "a browser",
    Kind.APP_PASSWORD: "a mail program or an app",
    Kind.PROGRAM: "a mail program or an app",
    Kind.EARLIER: "a mail program or an app",
}
_CHANGE: Final = "change the password of your account now."
_REMEDIES: Final = {
    Kind.BROWSER: f"sign out that browser, and {_CHANGE}",
    Kind.APP_PASSWORD: "revoke that app password now.",
    Kind.PROGRAM: _CHANGE,
    Kind.EARLIER: _CHANGE,
}
_METHODS: Final = {
    "password": "the password of the account",
    "password+totp": "the password of the account and a one-time code",
    "password+recovery": "the password of the account and a recovery code",
    "password+passkey": "the password of the account and a passkey",
    "passkey": "a passkey",
}
"""Others are told as they are."""


class Noticed(Struct, frozen=True, gc=False):
    """Equal attempts to sign in, and the device that has succeeded."""

    noted: Noted
    known: Known | None
    """`None`: nobody was let in."""


def record(
    tx: Transaction, account: AccountId, noticed: Sequence[Noticed], *, token: str, now_ms: int
) -> int:
    """Write them; returns of how many new devices the owner was told. `token`: random, of letters and digits.

    Nothing is written for an account that is gone by now, and an app password that is gone is no device.
    """
    owner = accounts.get(tx, account)
    if owner is None:
        return 0
    told = 0
    for number, each in enumerate(noticed):
        known, noted = each.known, each.noted
        sign_ins.add(tx, account, noted)
        if known is None or not _mark_used(tx, account, known, noted):
            continue
        seen = _seen(known, noted)
        device = devices.add(tx, account, seen)
        if device is not None and _tell(tx, owner, seen, noted, device, f"{token}-{number}", now_ms):
            told += 1
    return told


def _mark_used(tx: Transaction, account: AccountId, known: Known, noted: Noted) -> bool:
    """Note the use of an app password; false where it was revoked meanwhile, and perhaps another has its number."""
    identifier, attempt = known.app_password, noted.attempt
    if identifier is None:
        return True
    if app_passwords.name_of(tx, account, identifier) != attempt.name:
        return False
    app_passwords.mark_used(
        tx, identifier, address=attempt.address, scope=attempt.way.value, now_ms=noted.last_at_ms
    )
    return True


def _seen(known: Known, noted: Noted) -> Seen:
    attempt = noted.attempt
    name = known.key.partition(" ")[2] if known.kind is Kind.PROGRAM else attempt.name
    return Seen(known, name, noted.first_at_ms, noted.last_at_ms, attempt.address, attempt.way, noted.agent)


def _tell(
    tx: Transaction, owner: Account, seen: Seen, noted: Noted, device: int, identity: str, now_ms: int
) -> bool:
    """Put the mail into the owner's INBOX, regardless of quota: whoever has too much mail is to know of it, too."""
    inbox = mailboxes.inbox(tx, owner.id)
    if inbox is None:
        return False
    try:
        to = Address.parse(owner.address)
    except InvalidAddress:  # damaged; fsck tells of it
        return False
    if not devices.may_tell(tx, owner.id, device, now_ms=now_ms):
        return False
    mail = NewDeviceMail(
        to=to,
        domain=to.domain,
        device=_DEVICES[seen.known.kind],
        how=_how(noted),
        address=seen.address,
        agent=seen.agent,
        remedy=_REMEDIES[seen.known.kind],
        at_ms=noted.first_at_ms,
        identity=identity,
        now_ms=now_ms,
    )
    placed = prepend(return_path("<>"), compose(mail))
    message = Message(prepare(placed), summarize(placed))
    accept(tx, Acceptance((Placement(owner.id, inbox),), message, None), now_ms=now_ms)
    return True


def _how(noted: Noted) -> str:
    attempt = noted.attempt
    own = _METHODS.get(attempt.method, attempt.method)
    method = f'the {attempt.method} "{attempt.name}"' if attempt.name else own
    return f"{_WAYS[attempt.way]}, with {method}"
