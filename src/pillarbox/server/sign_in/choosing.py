"""What a person may choose as a password, and its hashes: the same wherever it is done."""

import asyncio
from enum import Enum, auto
from typing import Final

from pillarbox.admin.password_rules import FileUnusable, PasswordRefused, PasswordRules, Weakness
from pillarbox.config.sections.passwords import Passwords
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.protocol.sasl.identity import MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_stored
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.world.telemetry import Telemetry


class NotDone(Enum):
    """Why a password was not set. A page has the words for each."""

    GONE = auto()
    """The link was used, has expired, or never was; the session or the account has ended."""
    WRONG = auto()
    """The old password, or the code of the second factor, is wrong or missing."""
    TOO_SHORT = auto()
    STOLEN = auto()
    """It is known to be among stolen ones."""
    UNUSABLE = auto()
    """It is empty, too long, or has characters that no password may have."""


_WEAK: Final = {Weakness.TOO_SHORT: NotDone.TOO_SHORT, Weakness.STOLEN: NotDone.STOLEN}


async def refusal(demanded: Passwords, password: str, telemetry: Telemetry) -> NotDone | None:
    """Why a password must not be chosen; `None`: it may.

    Where the list of stolen ones can't be read, that is logged, and the password is accepted: nobody who sets one can
    do anything about it.
    """
    if len(password.encode(errors="replace")) > MAX_PASSWORD_OCTETS or not _is_preparable(password):
        return NotDone.UNUSABLE
    rules = PasswordRules(demanded.shortest, demanded.breached)
    try:
        if demanded.breached is None:
            rules.check(password)
        else:  # it is on a disk
            await asyncio.to_thread(rules.check, password)
    except PasswordRefused as refused:
        return _WEAK[refused.weakness]
    except (FileUnusable, OSError) as failure:
        telemetry.warning("stolen passwords can't be looked up", why=str(failure))
    return None


def _is_preparable(password: str) -> bool:
    """Whether it can be hashed: what is found only then has used up a code of the second factor."""
    try:
        return bool(prepare_stored(password))
    except PreparationFailed:
        return False


async def hashed(authenticator: Authenticator, password: str, salt: bytes) -> PasswordHash | NotDone:
    """The hashes of a new password, made in the threads of the password checks. Raises `AuthenticationUnavailable`."""
    try:
        return await authenticator.hash_new(password, salt)
    except NameRefused:
        return NotDone.UNUSABLE
