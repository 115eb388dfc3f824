"""PLAIN: name and password in one message (RFC 4616). Offered with TLS only, unless configured otherwise."""

from pillarbox.protocol.sasl.exchange import (
    AuthenticationFailed,
    Challenge,
    CheckPassword,
    Mechanism,
    Reason,
    Success,
    granted_of,
    response_of,
)
from pillarbox.protocol.sasl.identity import prepared_identity, prepared_password


def plain() -> Mechanism:
    """PLAIN, server side."""
    message = response_of((yield Challenge(b"")))
    # RFC 4616 §2: [authzid] NUL authcid NUL passwd, and no NUL within any of them.
    match message.split(b"\0"):
        case [authorization, login, password]:
            check = CheckPassword(
                login=prepared_identity(login),
                password=prepared_password(password),
                authorization=prepared_identity(authorization) if authorization else "",
            )
        case _:
            raise AuthenticationFailed(Reason.MALFORMED, "PLAIN message without its two NULs")
    if not granted_of((yield check)):
        raise AuthenticationFailed(Reason.CREDENTIALS, "password refused")
    return Success(check.login, check.authorization)
