"""LOGIN: the older way to send a password, still asked for by old clients (draft-murchison-sasl-login).

Some clients look for exactly these prompts (§2.2 of the draft), and many send the name as an initial
response although the mechanism is server-first; that answers the first prompt.
"""

from pillarbox.protocol.sasl.exchange import (
    Challenge,
    CheckPassword,
    Mechanism,
    Reason,
    Refused,
    Success,
    response_of,
    verdict_of,
)
from pillarbox.protocol.sasl.identity import prepared_identity, prepared_password

NAME_PROMPT = b"Username:"
PASSWORD_PROMPT = b"Password:"


def login() -> Mechanism:
    """The server's side of LOGIN."""
    name = prepared_identity(response_of((yield Challenge(NAME_PROMPT))))
    password = prepared_password(response_of((yield Challenge(PASSWORD_PROMPT))))
    if not verdict_of((yield CheckPassword(name, password))):
        raise Refused(Reason.CREDENTIALS, "password refused")
    return Success(name)
