"""What the provider writes to people about their passwords: in English, and once more in German.

Links in them are made of what the configuration says (`Config.web_url`), never of what a request says.
"""

from typing import Final

from pillarbox.directory.accounts import Account
from pillarbox.mail.account_notice import AccountNotice

RESET_PATH: Final = "/reset/"
CONFIRM_PATH: Final = "/reset/confirm/"
"""A token follows. Both are paths of pages."""


def reset_link(web_url: str, token: str) -> str:
    """The URL of a link by which a new password is set."""
    return f"{web_url}{RESET_PATH}{token}"


def confirmation_link(web_url: str, token: str) -> str:
    """The URL of a link by which a recovery address is confirmed."""
    return f"{web_url}{CONFIRM_PATH}{token}"


def by_recovery_address(account: Account, to: str, link: str, *, identity: str, now_ms: int) -> AccountNotice:
    """With a link for a new password."""
    return _notice(
        account,
        to,
        f"New password for {account.login}",
        f"""\
Somebody has asked for a new password for {account.login}.

If it was you, set it here within an hour:

{link}

If it was not you, do nothing: the password stays as it is.


Für {account.login} wurde ein neues Passwort angefordert. Wenn Sie das waren,
setzen Sie es innerhalb einer Stunde mit diesem Link. Wenn nicht, tun Sie
nichts: Das Passwort bleibt, wie es ist.
""",
        identity,
        now_ms,
    )


def to_confirm(account: Account, to: str, link: str, *, identity: str, now_ms: int) -> AccountNotice:
    """With a link that confirms a recovery address."""
    return _notice(
        account,
        to,
        f"Recovery address for {account.login}",
        f"""\
This address was entered as the recovery address of {account.login}: a new
password could then be set by mail to it.

If that is right, confirm it within a day:

{link}

If you do not know of it, do nothing: the address is then not used.


Diese Adresse wurde als Ersatzadresse von {account.login}
angegeben. Wenn das stimmt, bestätigen Sie sie innerhalb eines Tages mit diesem
Link. Wenn Sie davon nichts wissen, tun Sie nichts.
""",
        identity,
        now_ms,
    )


def address_entered(account: Account, address: str, *, identity: str, now_ms: int) -> AccountNotice:
    """For the own mailbox: somebody has entered a recovery address."""
    return _notice(
        account,
        account.address,
        "Your recovery address is about to change",
        f"""\
{address} was entered as the recovery address of {account.login}.
It counts once somebody who reads its mail has confirmed it: a new password can
then be set by mail to it.

If it was not you, somebody else can use your account: change your password.


{address} wurde als Ersatzadresse von
{account.login} angegeben. Sie gilt, sobald sie bestätigt ist.
Wenn Sie das nicht waren, kann jemand anderes Ihr Konto benutzen: Ändern Sie
Ihr Passwort.
""",
        identity,
        now_ms,
    )


def address_changed(account: Account, address: str, *, identity: str, now_ms: int) -> AccountNotice:
    """For the own mailbox: a recovery address counts now, or none does (an empty one)."""
    english = f"is now {address}" if address else "was removed"
    german = f"ist jetzt {address}" if address else "wurde entfernt"
    # A changed password alone would not keep out whoever reads the mail of that address
    remedy = "remove that address, then\nchange your password" if address else "change your\npassword"
    abhilfe = (
        "Entfernen Sie\ndiese Adresse, und ändern Sie dann Ihr Passwort"
        if address
        else "Ändern Sie\nIhr Passwort"
    )
    return _notice(
        account,
        account.address,
        "Your recovery address was changed",
        f"""\
The recovery address of {account.login} {english}.

If it was not you, somebody else can use your account: {remedy}.


Die Ersatzadresse von {account.login} {german}.
Wenn Sie das nicht waren, kann jemand anderes Ihr Konto benutzen: {abhilfe}.
""",
        identity,
        now_ms,
    )


def password_set(account: Account, *, identity: str, now_ms: int) -> AccountNotice:
    """For the own mailbox: a new password was set by a link."""
    return _notice(
        account,
        account.address,
        "Your password was changed",
        f"""\
A new password for {account.login} was set by a link. Whoever was signed in with
the former one is signed out.

If it was not you, tell the people who run your mail.


Für {account.login} wurde mit einem Link ein neues Passwort gesetzt. Wer mit dem
früheren angemeldet war, ist abgemeldet. Wenn Sie das nicht waren, sagen Sie es
denen, die Ihre Mail betreiben.
""",
        identity,
        now_ms,
    )


def passkey_may_be_copied(
    account: Account, name: str, address: str, *, identity: str, now_ms: int
) -> AccountNotice:
    """For the own mailbox: a passkey's counter has not risen. It has no link: whoever gets used to links in such mail
    follows those of others."""
    return _notice(
        account,
        account.address,
        "A passkey of your account may have been copied",
        f"""\
The passkey "{name}" has signed in to {account.login}, from
{address or "the server itself"}, and counts its uses otherwise than before. This can
be a mistake of the device. It can also mean that somebody has a copy of it.

If it was not you, or if you are not sure: remove this passkey from your account
and make a new one. Then look at the last sign-ins of your account.


Der Passkey "{name}" hat sich bei {account.login} angemeldet, von
{address or "dem Server selbst"}, und zählt anders als bisher, wie oft er benutzt
wurde. Das kann ein Fehler des Geräts sein. Es kann auch heißen, dass jemand eine
Kopie hat.

Wenn Sie das nicht waren oder nicht sicher sind: Entfernen Sie diesen Passkey aus
Ihrem Konto und legen Sie einen neuen an. Sehen Sie sich dann die letzten
Anmeldungen an.
""",
        identity,
        now_ms,
    )


def _notice(account: Account, to: str, subject: str, text: str, identity: str, now_ms: int) -> AccountNotice:
    domain = account.login.rpartition("@")[2]
    return AccountNotice(f"postmaster@{domain}", to, subject, text, identity, now_ms)
