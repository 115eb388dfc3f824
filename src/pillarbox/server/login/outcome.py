"""What a login comes to."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in.app_passwords import Matched, Scope
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.directory.sign_in.credentials import Candidate
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.server.login.client import Client


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who has logged in, and by what."""

    account: Account
    app_password: Matched | None = None
    """None: with the account's own password, or a browser session."""
    credential: str = ""
    """The mark of the password that was given, or of the session (`directory.sign_in.credential_marks`)."""
    session: BrowserSession | None = None
    """The browser session whose cookie was shown."""

    def may_use(self, scope: Scope) -> bool:
        """Whether the same credential is good for this service as well."""
        return self.app_password is None or self.app_password.is_for(scope)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed by what was logged in with."""
        return self.app_password is not None and self.app_password.read_only


INSTEAD: Final = "Application-specific password required"
"""What people search for, and mail programs look for in an answer: large providers say it so."""
ACCOUNT_PATH: Final = "/account"
"""Where somebody makes an app password, below the URL for browsers."""
_LONGEST_HINT: Final = 300
"""Octets of a URL that is told: POP3 and SMTP have 512 for a line."""


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """A password is right, but no good here. A failed login."""

    why: str
    """For the log."""
    words: str = ""
    """For the client, as a sentence without its end; empty: it is answered as a wrong password is."""
    needs_app_password: bool = False
    """It is the account's own, which programs may not use. It slows nobody down as a guess would."""
    app_password: Matched | None = field(default=None, compare=False)
    """It is this one, for its owner's list of sign-ins."""

    def hint(self, web_url: str) -> str:
        """Where `needs_app_password`, all that the client's person is told, where `web_url` is this server's for
        browsers, or empty. It ends with a URL, and so without a full stop."""
        page = web_url + ACCOUNT_PATH
        if not web_url or len(page) > _LONGEST_HINT:
            return f"{INSTEAD}: ask who runs this server for one"
        return f"{INSTEAD}: make one at {page}"


Outcome: TypeAlias = Authenticated | Unsuitable | None
"""What a login comes to. None: login or password is wrong."""


def by_password(candidate: Candidate) -> Authenticated:
    """Somebody has shown the account's own password."""
    return Authenticated(candidate.account, None, candidate.mark)


def by_app_password(account: Account, matched: Matched) -> Authenticated:
    """Somebody has shown this app password."""
    return Authenticated(account, matched, mark(matched.digest))


SECOND_FACTOR: Final = Unsuitable(Why.SECOND_FACTOR.value, INSTEAD, needs_app_password=True)
APP_PASSWORD: Final = "app password"  # noqa: S105 - no password
FOR_PROGRAMS: Final = "this is an app password, which is for programs"
_READ_ONLY: Final = "this app password is read-only, and may not send mail"


def is_silent(unsuitable: Unsuitable | None) -> bool:
    """Whether it is answered as a wrong password is, as slowly."""
    return unsuitable is not None and not unsuitable.words


def is_app_password(outcome: Outcome) -> bool:
    """Whether an app password was shown, from where it may be used."""
    if isinstance(outcome, Authenticated):
        return outcome.app_password is not None
    return outcome is not None and bool(outcome.words)


def unsuitable_for(matched: Matched, client: Client) -> Unsuitable | None:
    """Why an app password is no good for what this client wants; the one place that says so."""
    if matched.has_expired:
        return Unsuitable(Why.EXPIRED.value, app_password=matched)
    if not matched.is_allowed_at(client.address):
        return Unsuitable(Why.OUTSIDE.value, app_password=matched)
    if not matched.is_for(client.scope):
        service = client.scope.upper()
        return Unsuitable(
            Why.OTHER_SERVICE.value, f"this app password is not for {service}", app_password=matched
        )
    if client.scope is Scope.SMTP and matched.read_only:
        return Unsuitable(Why.READ_ONLY.value, _READ_ONLY, app_password=matched)
    return None
