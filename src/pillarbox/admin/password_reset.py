"""New passwords without the old one: links that an operator makes, and links to a recovery address.

Nothing here takes part in what a sign-in asks for: whether a second factor is needed is the caller's to look at
(`ResetLink.asks_factor`), before `finish`.
"""

from msgspec import Struct

from pillarbox.admin import account_letters, accounts, concerns
from pillarbox.admin.permissions import ANYBODY, DOMAIN_ADMINISTRATOR, ONESELF, OPERATOR, may
from pillarbox.delivery import account_mail
from pillarbox.directory import accounts as rows
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import app_passwords, recovery_addresses, reset_links
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.directory.sign_in.recovery_addresses import Purpose, Recovery
from pillarbox.directory.sign_in.reset_links import MAIL_VALID_MS, MadeBy, NewLink
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction


class NewMail(Struct, frozen=True, gc=False):
    """What a mail with a link needs: all of it is made before the transaction."""

    digest: bytes
    """Of the link's token (`link_tokens`)."""
    link: str
    identity: str
    """A random token for the Message-ID (`world.entropy.nonce`)."""
    now_ms: int

    def __repr__(self) -> str:  # the link is a secret
        return "NewMail()"


# --- links


@may(DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def make_link(
    tx: Transaction, login: str, digest: bytes, *, valid_ms: int, asks_factor: bool, now_ms: int
) -> Account:
    """Store a link that an operator gives to somebody, in the place of one that there is. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    if not account.enabled:
        raise NameRefused(f"{account.login} is disabled; first: pillarbox account enable {account.login}")
    reset_links.make(tx, account.id, NewLink(digest, MadeBy.OPERATOR, asks_factor, valid_ms), now_ms=now_ms)
    return account


@may(ANYBODY)
def mail_link(tx: Transaction, login: str, new: NewMail) -> bool:
    """Send a link to the recovery address of whoever has this login; returns whether there is anybody to send it to.

    False as well where too many were sent, or an operator's link has to stay.
    """
    account = rows.by_login(tx, login)
    if account is None or not account.enabled:
        return False
    address = recovery_addresses.get(tx, account.id, now_ms=new.now_ms).address
    if address is None:
        return False
    if not recovery_addresses.may_mail(tx, account.id, address, Purpose.RESET, now_ms=new.now_ms):
        return False
    link = NewLink(new.digest, MadeBy.MAIL, asks_factor=True, valid_ms=MAIL_VALID_MS)
    if not reset_links.make(tx, account.id, link, now_ms=new.now_ms):
        return False
    return account_mail.send(
        tx,
        account_letters.by_recovery_address(
            account, address, new.link, identity=new.identity, now_ms=new.now_ms
        ),
    )


@may(ANYBODY)
def finish(
    tx: Transaction,
    digest: bytes,
    hashed: PasswordHash,
    *,
    identity: str,
    now_ms: int,
    revoke_app_passwords: bool = False,
) -> Account | None:
    """Use a link: set the password, end all sessions, and tell the owner. `None` where the link is gone.

    App passwords and their sessions stay, unless they are to be revoked.
    """
    link = reset_links.find(tx, digest, now_ms=now_ms)
    if link is None:
        return None
    accounts.set_password(tx, link.login, hashed, now_ms=now_ms)  # which ends the link
    if revoke_app_passwords:
        for one in app_passwords.listing(tx, link.account):
            app_passwords.revoke(tx, link.account, one.id)
        accounts.end_what_was_made_with_others(tx, link.account, now_ms=now_ms)
    account = accounts.find(tx, link.login)
    account_mail.send(tx, account_letters.password_set(account, identity=identity, now_ms=now_ms))
    return account


# --- recovery addresses


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def recovery(tx: Transaction, login: str, *, now_ms: int) -> Recovery:
    """The recovery address of an account, and one that is to be confirmed. Raises `NameRefused`."""
    return recovery_addresses.get(tx, accounts.find(tx, login).id, now_ms=now_ms)


@may(ONESELF, of=concerns.account_number("account_id"))
def set_recovery_address(tx: Transaction, account_id: AccountId, address: str, new: NewMail) -> str:
    """Send a link that confirms this address, and tell the owner in their own mailbox; returns the address.

    Raises `NameRefused`, also where too many were sent.
    """
    account = _account(tx, account_id)
    to = str(recovery_addresses.begin(tx, account_id, address, new.digest, now_ms=new.now_ms))
    if not recovery_addresses.may_mail(tx, account_id, to, Purpose.CONFIRM, now_ms=new.now_ms):
        raise NameRefused("too many links were sent within the last hour: try again later")
    now_ms = new.now_ms
    letter = account_letters.to_confirm(account, to, new.link, identity=new.identity, now_ms=now_ms)
    if not account_mail.send(tx, letter):
        raise NameRefused(f"no mail can be sent to '{to}'")
    told = account_letters.address_entered(account, to, identity=f"{new.identity}-own", now_ms=now_ms)
    account_mail.send(tx, told)
    return to


@may(ANYBODY)
def confirm_recovery_address(tx: Transaction, digest: bytes, *, identity: str, now_ms: int) -> str | None:
    """Let an address count from now on, and tell the owner; returns the login. `None` where the link is gone."""
    waiting = recovery_addresses.confirm(tx, digest, now_ms=now_ms)
    if waiting is None:
        return None
    account = _account(tx, waiting.account)
    account_mail.send(
        tx, account_letters.address_changed(account, waiting.address, identity=identity, now_ms=now_ms)
    )
    return account.login


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account_number("account_id"))
def remove_recovery_address(tx: Transaction, account_id: AccountId, *, identity: str, now_ms: int) -> bool:
    """Remove it, and tell the owner; returns whether there was one."""
    account = _account(tx, account_id)
    if not recovery_addresses.remove(tx, account_id):
        return False
    account_mail.send(tx, account_letters.address_changed(account, "", identity=identity, now_ms=now_ms))
    return True


@may(OPERATOR)
def end_all_links(tx: Transaction) -> None:
    """After a restore: what was used, replaced or ended since the backup must not be there again."""
    reset_links.remove_all(tx)
    recovery_addresses.forget_waiting(tx)


def _account(tx: Transaction, account_id: AccountId) -> Account:
    account = rows.get(tx, account_id)
    if account is None:
        raise NameRefused("there is no such account")
    return account
