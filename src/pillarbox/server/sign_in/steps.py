"""What comes out of a part of a sign-in, and what those parts need that others bring."""

from typing import Protocol

from msgspec import Struct

from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.browser_sessions import TOKEN_OCTETS, BrowserSession
from pillarbox.directory.sign_in.sign_in_steps import Step
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.client import Client
from pillarbox.server.sign_in.factors import Factors
from pillarbox.world.entropy import Entropy, token


class Browser(Struct, frozen=True, gc=False):
    """What is known of the browser that somebody uses."""

    address: str
    """The IP address."""
    agent: str
    """What it calls itself."""
    device: str = ""
    """The token by which it was known before; empty where it has none."""


class SignedIn(Struct, frozen=True):
    """The sign-in is complete."""

    account: Account
    token: str
    """Of the session, for its cookie: nobody can be told it again."""
    session: BrowserSession
    device: str
    """The token by which the browser is known from now on."""


class StepNeeded(Struct, frozen=True):
    """The password was right, and something else is to be shown."""

    token: str
    """Of the step, for its cookie."""
    factors: Factors


class Wrong(Struct, frozen=True):
    """What was shown is wrong."""

    tries_left: int = 0
    """In this step; then it has ended."""


class Gone(Struct, frozen=True):
    """The step has ended, was used, or never was: the person begins anew."""


class Attempt(Struct, frozen=True):
    """Something is shown in a step, and to be checked."""

    account: Account
    step: Step
    known: str
    """The client, if it has signed in to the account before; else empty."""


class CodeCheck(Protocol):
    """Checks a code, and uses it up in the same transaction."""

    async def __call__(self, account: AccountId, code: str, known: str, /) -> bool:
        """Whether it is right now. `known`: the client that shows it, if the account knows it, else empty."""


def client_of(browser: Browser) -> Client:
    """Who signs in, for the throttle and for what the owner is shown of sign-ins."""
    return Client(browser.address, Scope.JMAP, browser.agent, by_browser=True)


def new_token(entropy: Entropy) -> str:
    """A token that nobody guesses: 43 letters, digits, `-` and `_`."""
    return token(entropy, TOKEN_OCTETS)
