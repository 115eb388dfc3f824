"""What checks found of an email when it came (RFC 8601 §2.7), kept beside it in a form that programs read.

The Authentication-Results field of the message says the same as text. A message that came before there were checks,
or that was appended by a client, has none.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from pillarbox.mail.identifiers import EmailId
from pillarbox.trust.results import MethodResult
from pillarbox.world.database import Transaction

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(tuple[MethodResult, ...])


def encoded(results: Sequence[MethodResult]) -> bytes:
    """The results in the form of the column."""
    return _ENCODER.encode(results)


def of(tx: Transaction, email: EmailId) -> tuple[MethodResult, ...]:
    """The results; none where there are none, or where the row is damaged."""
    found = tx.value("SELECT authentication FROM emails WHERE id = ?", (email,))
    try:
        return _DECODER.decode(found) if isinstance(found, bytes) else ()
    except msgspec.DecodeError:
        return ()
