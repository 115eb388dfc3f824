"""What checks found of an email when it came (RFC 8601 §2.7), kept beside it in a form that programs read.

The Authentication-Results field of the message says the same as text. A message that we have received has results,
none of them where nothing was checked; one that was appended by a client has nothing, and what its fields say, its
client may have written.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail.identifiers import EmailId
from pillarbox.trust.results import MethodResult
from pillarbox.world.database import Transaction

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(tuple[MethodResult, ...])


def encoded(results: Sequence[MethodResult]) -> bytes:
    """The results in the form of the column."""
    return _ENCODER.encode(results)


class Kept(Struct, frozen=True):
    """What is kept of one email."""

    received: bool
    """Whether we have received it: then its topmost Received field is ours. Not known of mail from before that was kept
    for mail that nothing was found of."""
    results: tuple[MethodResult, ...]


def kept(tx: Transaction, email: EmailId) -> Kept:
    """What is kept; nothing where the row is damaged."""
    found = tx.value("SELECT authentication FROM emails WHERE id = ?", (email,))
    try:
        return Kept(True, _DECODER.decode(found)) if isinstance(found, bytes) else _NOTHING
    except msgspec.DecodeError:
        return _NOTHING


_NOTHING: Final = Kept(False, ())


def of(tx: Transaction, email: EmailId) -> tuple[MethodResult, ...]:
    """The results; none where there are none, or where the row is damaged."""
    return kept(tx, email).results
