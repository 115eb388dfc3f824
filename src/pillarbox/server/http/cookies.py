"""Cookies of ours: how they are named, read and written (RFC 6265, and `__Host-` of its successor).

Over TLS their names begin with `__Host-`, so that no other host can set them, and they are `Secure`. Without TLS they
exist only where the listener is bound to this machine: there without both, since some browsers keep no `Secure` cookie
of http://localhost. All are `HttpOnly` and `SameSite=Lax`: a link in a mail leads to where its reader is signed in.
"""

from enum import StrEnum
from functools import cache
from typing import Final

from pillarbox.protocol.http.events import Head

HOST_PREFIX: Final = "__Host-"
MAX_TOKEN: Final = 64
STEP_S: Final = 600
LINK_S: Final = 3600
"""How long what a link has brought is kept: somebody looks for the phone in between."""
DEVICE_S: Final = 400 * 24 * 3600
"""Browsers keep none for longer."""


class Cookie(StrEnum):
    """What there is."""

    SESSION = "pillarbox"
    STEP = "pillarbox-step"
    """Of a sign-in that is not complete."""
    PASSKEY = "pillarbox-passkey"
    """Of a passkey that is to be made, or shown by whoever has one: on a page that may be open beside a sign-in."""
    DEVICE = "pillarbox-device"
    """Says that this browser has signed in before."""
    RESET = "pillarbox-reset"
    """Of a link for a new password, so that no address has it any longer."""
    CONFIRM = "pillarbox-confirm"
    """Of a link that confirms a recovery address."""


def shown(head: Head, cookie: Cookie, prefix: str | None) -> str:
    """The token that a request shows in a cookie; empty where it has none, or several.

    `prefix`: of the names on this connection; None: there are no cookies here.
    """
    if prefix is None:
        return ""
    name = _shown_name(cookie, prefix)
    pairs = [one.strip() for field, value in head.fields if field == b"cookie" for one in value.split(b";")]
    found = {one[len(name) :] for one in pairs if one.startswith(name)}
    if len(found) != 1:  # whose is it, where somebody else has set another one?
        return ""
    token = found.pop().decode("latin-1")
    return token if _is_token(token) else ""


@cache
def _shown_name(cookie: Cookie, prefix: str) -> bytes:
    return f"{prefix}{cookie}=".encode()


def given(cookie: Cookie, prefix: str, token: str, lasts_s: int) -> bytes:
    """The value of a Set-Cookie field (RFC 6265 §4.1). `lasts_s`: how long the browser keeps it, in seconds."""
    secure = "; Secure" if prefix else ""
    return f"{prefix}{cookie}={token}; Path=/; Max-Age={lasts_s}{secure}; HttpOnly; SameSite=Lax".encode()


def removed(cookie: Cookie, prefix: str) -> bytes:
    """The same, so that the browser forgets it."""
    return given(cookie, prefix, "", 0)


def _is_token(text: str) -> bool:
    return 0 < len(text) <= MAX_TOKEN and text.isascii() and text.replace("-", "").replace("_", "").isalnum()
