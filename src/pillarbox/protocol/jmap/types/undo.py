"""Undoing an Email/set: an extension of our own, `urn:pillarbox:jmap:undo`."""

from typing import Final

from pillarbox.protocol.jmap.arguments import Arguments, SetArguments
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.scalars import State

TOKEN_NOT_FOUND: Final = "undoTokenNotFound"  # noqa: S105 - no password
"""Of Email/undo: the account has no such token; perhaps it was used, or has expired."""
_MARK: Final = "U"


class UndoableSetArguments(SetArguments, frozen=True, kw_only=True):
    """Email/set of a client that knows the extension."""

    undoable: bool = False


class UndoArguments(Arguments, frozen=True, kw_only=True):
    """Email/undo."""

    undo_token: str
    if_in_state: State | None = None


def text_of(token: bytes) -> str:
    """A token as clients have it."""
    return _MARK + token.hex()


def token_of(text: str) -> bytes:
    """The token that a client names. Raises undoTokenNotFound, for whatever it is not."""
    try:
        token = bytes.fromhex(text[1:])
    except ValueError:
        token = b""
    if not token or text_of(token) != text:
        raise token_not_found()
    return token


def token_not_found() -> MethodError:
    """There is none, or none any more."""
    return MethodError(TOKEN_NOT_FOUND)


def conflict(properties: list[str]) -> SetError:
    """What a call has changed was changed again by somebody else, and stays as that is."""
    return SetError("undoConflict", "It was changed since", {"properties": properties})
