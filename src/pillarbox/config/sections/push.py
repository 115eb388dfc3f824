"""`[push]`: notifications to devices."""

from dataclasses import dataclass
from typing import Annotated

from pillarbox.config.options import Applies, Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Notifications to devices that are not connected, by the push services of their browsers and systems (Web Push).
    They are encrypted for devices that have given keys, as browsers do; a push service learns when there is one, and
    who sends it.
    """

    subject: Annotated[
        str,
        Description(
            "Where the operators of push services reach you, as a mailto: or https: URL; without it, the postmaster "
            "of `domain`. Apple's refuses all notifications where it is no address or page on the Internet.",
            example='"mailto:postmaster@example.org"',
        ),
    ] = ""
    allowed_networks: Annotated[
        tuple[str, ...],
        Description(
            "Networks of your own in which push services may be, such as one for an intranet. Clients say where "
            "notifications are sent, so that all other addresses which are not public are refused.",
            "networks",
            Applies.AT_START,
            example='["10.1.0.0/24"]',
        ),
    ] = ()
