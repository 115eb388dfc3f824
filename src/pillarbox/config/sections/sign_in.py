"""`[sign_in]`: how long people stay signed in, and what is kept of it."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from pillarbox.config.options import Description

Days = Annotated[int, Meta(ge=1, le=3650)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Signing in, and what is kept of it."""

    session_days: Annotated[
        Days,
        Description("How long a browser stays signed in that is not used.", "days"),
    ] = 30
    longest_session_days: Annotated[
        Days,
        Description("How long a browser stays signed in at most, however much it is used.", "days"),
    ] = 365
    history_days: Annotated[
        Days,
        Description(
            "How long the last sign-ins of an account are kept, and the devices that have not signed in since.",
            "days",
        ),
    ] = 180
