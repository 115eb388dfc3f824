"""`[passwords]`: what people may choose."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pillarbox.config.options import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """What passwords must be that people choose."""

    shortest: Annotated[
        Annotated[int, Meta(ge=1, le=64)],
        Description("The shortest password that is accepted.", "characters"),
    ] = 8
    breached: Annotated[
        Path | None,
        Description(
            "A file of the SHA-1 hashes of passwords that are known to be stolen, sorted, each with how often it was "
            "seen (HASH:COUNT), as Have I Been Pwned offers it. Such a password is refused when it is set. The file is "
            "only read, and nobody else is asked.",
            example='"/var/lib/pwned-passwords.txt"',
        ),
    ] = None
    reset_by_mail: Annotated[
        bool,
        Description(
            "Send links for a new password to the recovery addresses that people have confirmed. They lead to "
            "`http.url`. Off, only an operator can make such a link (pillarbox account reset-link)."
        ),
    ] = True
