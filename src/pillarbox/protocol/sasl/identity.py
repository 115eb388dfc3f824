"""Names and passwords as mechanisms take them: limits, UTF-8, SASLprep."""

from pillarbox.protocol.sasl.exchange import AuthenticationFailed, Reason
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query

# RFC 4616 §2: "MUST accept up to 255 octets" of each; an address of RFC 5321 may have 320.
MAX_IDENTITY_OCTETS = 512
"""The longest login or authorization identity."""
MAX_PASSWORD_OCTETS = 1024
"""The longest password: long enough for any passphrase, short enough to hash."""


def prepared_identity(octets: bytes) -> str:
    """A login or authorization identity. Raises `AuthenticationFailed`."""
    return _prepared(octets, MAX_IDENTITY_OCTETS, "identity")


def prepared_password(octets: bytes) -> str:
    """A password. Raises `AuthenticationFailed`."""
    return _prepared(octets, MAX_PASSWORD_OCTETS, "password")


def _prepared(octets: bytes, limit_octets: int, what: str) -> str:
    if len(octets) > limit_octets:
        raise AuthenticationFailed(Reason.TOO_LONG, f"{what} over {limit_octets} octets")
    try:
        prepared = prepare_query(octets.decode())
    except (UnicodeDecodeError, PreparationFailed):
        raise AuthenticationFailed(Reason.CREDENTIALS, f"{what} is not prepared text") from None
    if not prepared:
        # RFC 4616 §2: "if preparation fails or results in an empty string, verification SHALL fail".
        raise AuthenticationFailed(Reason.CREDENTIALS, f"empty {what}")
    return prepared
