"""Whether what is read of the queue was written by it.

Jobs keep these values in memory, and are settled long after the row was read: what a damaged one leads to by then looks
like a mistake of ours. `values` has `fsck` find the same.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.protocol.smtp.commands import Body
from pillarbox.world.database.values import DATES_MS, MAX_NUMBER

_BODIES: Final = frozenset(Body)


def is_sound_message(row: Sequence[object]) -> bool:
    """Of `queue_messages`: its columns in their order, but for the id."""
    blob, size, reverse_path, account, body, smtputf8, require_tls, *rest = row
    envelope_id, return_content, queued_at_ms, expires_at_ms, release_at_ms, release_request = rest
    return (
        isinstance(blob, bytes)
        and is_within(size, 0, MAX_NUMBER)
        and isinstance(reverse_path, str | None)
        and (account is None or is_within(account, 0, MAX_NUMBER))
        and body in _BODIES
        and smtputf8 in (0, 1)
        and require_tls in (0, 1)
        and isinstance(envelope_id, str | None)
        and return_content in (None, "FULL", "HDRS")
        and is_within(queued_at_ms, *DATES_MS)
        and is_within(expires_at_ms, *DATES_MS)
        and (release_at_ms is None or is_within(release_at_ms, *DATES_MS))
        and isinstance(release_request, str | None)
    )


def is_sound_recipient(
    address: object, notify: object, original: object, attempts: object, unfinished: object
) -> bool:
    """Of a row of `queue_recipients`."""
    return (
        isinstance(address, str)
        and isinstance(notify, str)
        and isinstance(original, str | None)
        and is_within(attempts, 0, MAX_NUMBER)
        and is_within(unfinished, 0, MAX_NUMBER)
    )


def is_within(value: object, low: int, high: int) -> bool:
    """Whether it is a number, and within these bounds."""
    return isinstance(value, int) and low <= value <= high
