"""Letters that tell the owner of an account what was changed of the ways into it.

Whoever has found out a password may add a way in of their own, which stays when the owner changes the password: so the
owner hears of it, in the own mailbox, and at the recovery address, which a stranger does not read. It is in the
transaction of the change: told once or not at all. There are none where mails about devices are
switched off, of which there is one, too.
"""

from typing import Final

from msgspec import Struct

from pillarbox.delivery import account_mail
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import devices, recovery_addresses
from pillarbox.directory.sign_in.allowed_networks import plain_address
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.mail.account_notice import AccountNotice
from pillarbox.mail.date import rfc5322
from pillarbox.world.database import Transaction

_CHANGES: Final = {
    Purpose.CODES_SET_UP: (
        "One-time codes were set up",
        "One-time codes of an app were set up for",
        "Einmalcodes einer App wurden eingerichtet für",
    ),
    Purpose.CODES_REMOVED: (
        "One-time codes were removed",
        "The one-time codes of an app were removed from",
        "Die Einmalcodes einer App wurden entfernt bei",
    ),
    Purpose.FACTORS_REMOVED: (
        "The second step was removed",
        "One-time codes, passkeys and recovery codes were removed from",
        "Einmalcodes, Passkeys und Wiederherstellungscodes wurden entfernt bei",
    ),
    Purpose.PASSKEY_ADDED: (
        "A passkey was added",
        "A passkey was added to",
        "Ein Passkey wurde hinzugefügt bei",
    ),
    Purpose.PASSKEY_REMOVED: (
        "A passkey was removed",
        "A passkey was removed from",
        "Ein Passkey wurde entfernt bei",
    ),
    Purpose.APP_PASSWORD_MADE: (
        "An app password was made",
        "An app password was made for",
        "Ein App-Passwort wurde gemacht für",
    ),
    Purpose.LETTERS_OFF: (
        "Mails about your account were switched off",
        "Mails about new devices and changed ways in were switched off for",
        "Mails über neue Geräte und geänderte Zugänge wurden abgeschaltet für",
    ),
    Purpose.PASSWORD_CHANGED: (
        "The password was changed",
        "The password was changed for",
        "Das Passwort wurde geändert für",
    ),
}
"""The subject, and how the first line begins, in English and in German. The login follows."""


class Doing(Struct, frozen=True, gc=False):
    """By whom a change is made, and what the letter needs beside."""

    identity: str
    """A random token for the Message-ID (`world.entropy.nonce`)."""
    web_url: str
    """Where the pages are (`Config.web_url`); empty where there are none."""
    now_ms: int
    address: str | None = None
    """The IP address of the browser, empty for a local socket; `None`: those who operate the machine do it."""

    def tell(self, tx: Transaction, account: Account, change: Purpose, *, name: str = "") -> bool:
        """Tell the owner, unless they want no such mails, or were told of many such changes within a day; returns
        whether they are told. `name`: of the passkey or app password."""
        if not devices.are_notices_wanted(tx, account.id):
            return False
        if not recovery_addresses.may_tell(tx, account.id, change, now_ms=self.now_ms):
            return False
        account_mail.send(tx, letter(account, account.address, change, self, name=name))
        elsewhere = recovery_addresses.get(tx, account.id, now_ms=self.now_ms).address
        if elsewhere is not None:
            account_mail.send(tx, letter(account, elsewhere, change, self, name=name))
        return True


def letter(account: Account, to: str, change: Purpose, doing: Doing, *, name: str = "") -> AccountNotice:
    """What is written to this address."""
    subject, english, german = _CHANGES[change]
    called = f'\n    Name: "{name}"' if name else ""
    at = doing.web_url and f"{doing.web_url}/account"
    text = f"""\
{english}
{account.login}.

    When: {rfc5322(doing.now_ms)}
    From: {_whence(doing)}{called}

If that was you, or done for you, there is nothing to do.

If it was not you, somebody else can use your account. Change your password, and
look at passkeys and app passwords{" at" if at else ": what is not yours, remove."}
{_linked(at, "Remove what is not yours.")}
If you need help, ask the people who run your mail.


{german}
{account.login}. Wann und von wo, steht oben.

Wenn Sie das waren, oder es für Sie geschah, ist nichts zu tun.

Wenn nicht, kann jemand anderes Ihr Konto benutzen. Ändern Sie Ihr Passwort, und
sehen Sie Passkeys und App-Passwörter durch{":" if at else "."}
{_linked(at, "Entfernen Sie, was nicht von Ihnen ist.")}
Hilfe gibt es bei denen, die Ihre Mail betreiben.
"""
    far = "" if to == account.address else "-far"
    domain = account.login.rpartition("@")[2]
    return AccountNotice(f"postmaster@{domain}", to, subject, text, f"{doing.identity}{far}", doing.now_ms)


def _whence(doing: Doing) -> str:
    if doing.address is None:
        return "the people who run your mail, by a command on the server"
    return plain_address(doing.address) or "the server itself"


def _linked(at: str, remedy: str) -> str:
    return f"\n{at}\n\n{remedy}\n" if at else ""
