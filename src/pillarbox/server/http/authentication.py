"""Whose request it is: name and password in each request (RFC 7617), checked as at every other door.

A connection remembers the last login that was right, for a while, so that a request costs no more than the one
before it. It keeps no password: a digest under a key of this process, as decision 3 has it.
"""

import hashlib
import hmac
from typing import Final

from msgspec import structs

from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope
from pillarbox.protocol.http.credentials import CHALLENGE, CHALLENGE_OF_PAGES, basic
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.authentication import Authenticator, Client
from pillarbox.server.http.origin import Origin
from pillarbox.server.http.refusals import Refused

REMEMBERED_S: Final = 60.0
"""An equal login on the same connection is not checked again for so long. A session of another protocol is checked
once; what ends it, ends this connection, too."""
KEY_OCTETS: Final = 32
_DIGEST_OCTETS: Final = 16

_CHALLENGED: Final = ((b"www-authenticate", CHALLENGE),)
_OF_PAGES: Final = ((b"www-authenticate", CHALLENGE_OF_PAGES),)
NO_LOGIN: Final = Problem(401, "Log in with name and password.", fields=_CHALLENGED)
WRONG_LOGIN: Final = Problem(401, "Authentication failed.", fields=_CHALLENGED)
PLAIN: Final = Problem(403, "Passwords are not accepted without TLS. Use https.")


def for_pages(problem: Problem) -> Problem:
    """The same, without a challenge that a browser answers by itself."""
    return structs.replace(problem, fields=_OF_PAGES) if problem.status == 401 else problem


class Remembered:
    """The last login of a connection that was right."""

    __slots__ = ("_digest", "_until_s", "account")

    def __init__(self) -> None:
        self.account: Account | None = None
        self._digest = b""
        self._until_s = 0.0

    def of(self, digest: bytes, now_s: float) -> Account | None:
        """The account that this was the login of, if that is known."""
        is_same = now_s < self._until_s and hmac.compare_digest(digest, self._digest)
        return self.account if is_same else None

    def keep(self, account: Account, digest: bytes, now_s: float) -> None:
        """Remember it instead of the one before."""
        self.account, self._digest, self._until_s = account, digest, now_s + REMEMBERED_S


class Logins:
    """Checks the logins of requests."""

    def __init__(self, authenticator: Authenticator, key: bytes, *, plain_allowed: bool) -> None:
        self._authenticator = authenticator
        self._key = key
        self._plain_allowed = plain_allowed

    async def check(self, field: bytes, origin: Origin, remembered: Remembered, now_s: float) -> Account:
        """The account of a request with this Authorization field.

        Raises `Refused`, `AuthenticationUnavailable`, `DatabaseUnavailable`.
        """
        if not origin.secure and not self._plain_allowed:
            raise Refused(PLAIN)  # before anybody is asked for a password
        if not field:
            raise Refused(NO_LOGIN)
        digest = hashlib.blake2b(
            b"%b\0%b" % (origin.address.encode(), field), digest_size=_DIGEST_OCTETS, key=self._key
        ).digest()
        account = remembered.of(digest, now_s)
        if account is not None:
            return account
        credentials = basic(field)
        if credentials is None:
            raise Refused(NO_LOGIN)
        account = await self._authenticator.check_password(*credentials, Client(origin.address, Scope.JMAP))
        if account is None:
            raise Refused(WRONG_LOGIN)
        remembered.keep(account, digest, now_s)
        return account
