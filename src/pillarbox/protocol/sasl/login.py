"""LOGIN: an obsolete mechanism that old clients still use (draft-murchison-sasl-login).

Some clients expect exactly these prompts (§2.2 of the draft), and many send the name as an initial response although
the mechanism is server-first; that answers the first prompt.
"""

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

NAME_PROMPT = b"Username:"
PASSWORD_PROMPT = b"Password:"


def login() -> Mechanism:
    """LOGIN, server side."""
    name = prepared_identity(response_of((yield Challenge(NAME_PROMPT))))
    password = prepared_password(response_of((yield Challenge(PASSWORD_PROMPT))))
    if not granted_of((yield CheckPassword(name, password))):
        raise AuthenticationFailed(Reason.CREDENTIALS, "password refused")
    return Success(name)
