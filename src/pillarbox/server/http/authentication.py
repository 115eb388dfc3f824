"""Whose request it is: name and password in each request (RFC 7617), or an app password alone as a token (RFC 6750),
checked as at every other door; or the cookie of a browser session.

A connection remembers the last login that was right, for a while, so that a request costs no more than the one
before it. It keeps no password: a digest under a key of this process, as decision 3 has it.
"""

import hmac
from hashlib import blake2b
from typing import Final

from msgspec import structs

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.http.credentials import (
    CHALLENGE,
    CHALLENGE_OF_TOKENS,
    INSUFFICIENT_SCOPE,
    INVALID_TOKEN,
    basic,
    bearer,
)
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.origin import Origin
from pillarbox.server.http.refusals import Refused
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Unsuitable
from pillarbox.server.sign_in.sessions import Sessions

REMEMBERED_S: Final = 60.0
"""An equal login on the same connection is not checked again for so long. A session of another protocol is checked
once; what ends it, ends this connection, too."""
KEY_OCTETS: Final = 32
_DIGEST_OCTETS: Final = 16
_KINDS: Final = (b"login", b"session")

_OF_PAGES: Final = ((b"www-authenticate", CHALLENGE_OF_TOKENS),)
_CHALLENGED: Final = ((b"www-authenticate", CHALLENGE), *_OF_PAGES)
NO_LOGIN: Final = Problem(
    401, "Log in with name and password, or with an app password as token.", fields=_CHALLENGED
)
WRONG_LOGIN: Final = Problem(401, "Authentication failed.", fields=_CHALLENGED)
WRONG_TOKEN: Final = Problem(401, "Authentication failed.", fields=((b"www-authenticate", INVALID_TOKEN),))
_INSUFFICIENT: Final = ((b"www-authenticate", INSUFFICIENT_SCOPE),)
PLAIN: Final = Problem(403, "Passwords are not accepted without TLS. Use https.")


SESSION_ENDED: Final = Problem(
    401, "The session has ended. Sign in once more.", "urn:pillarbox:session-ended", fields=_OF_PAGES
)
NO_SIGN_IN: Final = Problem(403, "Nobody can sign in without TLS. Use https.", "urn:pillarbox:no-tls")


class LoginFailed(Refused):
    """There was a login, and it is wrong, or of no good here; too many end the connection."""


def for_pages(problem: Problem) -> Problem:
    """The same, without a challenge that a browser answers by itself."""
    is_asking = problem.status == 401 and problem.fields == _CHALLENGED
    return structs.replace(problem, fields=_OF_PAGES) if is_asking else problem


class Remembered:
    """The last login of a connection that was right."""

    __slots__ = ("_digest", "_until_s", "who")

    def __init__(self) -> None:
        self.who: Authenticated | None = None
        self._digest = b""
        self._until_s = 0.0

    def of(self, digest: bytes, now_s: float) -> Authenticated | None:
        """Whoever this was the login of, if that is known."""
        is_same = now_s < self._until_s and hmac.compare_digest(digest, self._digest)
        return self.who if is_same else None

    def keep(self, who: Authenticated, digest: bytes, now_s: float) -> None:
        """Remember it instead of the one before."""
        self.who, self._digest, self._until_s = who, digest, now_s + REMEMBERED_S


class Logins:
    """Checks the logins of requests."""

    def __init__(
        self,
        authenticator: Authenticator,
        sessions: Sessions,
        key: bytes,
        *,
        plain_allowed: bool,
        web_url: str,
    ) -> None:
        self._authenticator = authenticator
        self._sessions = sessions
        self._digests = {kind: blake2b(digest_size=_DIGEST_OCTETS, key=key, person=kind) for kind in _KINDS}
        self._plain_allowed = plain_allowed
        self._web_url = web_url

    async def check(
        self, field: bytes, origin: Origin, remembered: Remembered, now_s: float, *, agent: str = ""
    ) -> Authenticated:
        """Who sends a request with this Authorization field. `agent`: what the client says it is.

        Raises `Refused`, which a failed login is too, `AuthenticationUnavailable`, `DatabaseUnavailable`.
        """
        if not origin.secure and not self._plain_allowed:
            raise Refused(PLAIN)  # before anybody is asked for a password
        if not field:
            raise Refused(NO_LOGIN)
        digest = self._digest(b"login", origin, field)
        who = remembered.of(digest, now_s)
        if who is None:
            who = await self._checked(field, Client(origin.address, Scope.JMAP, agent))
        if who is not remembered.who:
            remembered.keep(who, digest, now_s)
        return who

    async def check_session(
        self, token: str, origin: Origin, remembered: Remembered, now_s: float
    ) -> tuple[Authenticated, int] | None:
        """Who shows this token of a browser session, and how long the browser is to keep its cookie from now on, in
        seconds (0: it has it); None where there is no such session. Raises `DatabaseUnavailable`."""
        digest = self._digest(b"session", origin, token.encode())
        who = remembered.of(digest, now_s)
        if who is not None:
            return who, 0
        found = await self._sessions.of(token, origin.address)
        if found is None:
            return None
        who = Authenticated(found.account, credential=found.session.mark, session=found.session)
        remembered.keep(who, digest, now_s)
        return who, found.lasts_s

    def _digest(self, kind: bytes, origin: Origin, shown: bytes) -> bytes:
        made = self._digests[kind].copy()
        made.update(b"%b\0%b" % (origin.address.encode(), shown))
        return made.digest()

    async def _checked(self, field: bytes, client: Client) -> Authenticated:
        if (token := bearer(field)) is not None:
            who, wrong = await self._authenticator.check_token(token, client), WRONG_TOKEN
        elif (credentials := basic(field)) is not None:
            who, wrong = await self._authenticator.check_password(*credentials, client), WRONG_LOGIN
        else:
            raise Refused(NO_LOGIN)
        if who is None:
            raise LoginFailed(wrong)
        if isinstance(who, Unsuitable):
            detail = f"Authentication failed: {who.words}."
            if who.needs_app_password:
                detail = who.hint(self._web_url)
            if wrong is WRONG_LOGIN:  # RFC 9110 §15.5.2: other credentials are asked for
                raise LoginFailed(structs.replace(wrong, detail=detail))
            raise LoginFailed(Problem(403, detail, fields=_INSUFFICIENT))
        return who
