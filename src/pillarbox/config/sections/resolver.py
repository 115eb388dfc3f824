"""`[resolver]`: who is asked for names."""

from dataclasses import dataclass
from typing import Annotated

from pillarbox.config.options import Applies, Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """The DNS resolver."""

    servers: Annotated[
        tuple[str, ...],
        Description(
            "Recursive name servers; without them, those of /etc/resolv.conf.",
            "address or address:port",
            Applies.AT_START,
        ),
    ] = ()
    trusted: Annotated[
        bool,
        Description(
            "Trust the DNSSEC validation (AD bit) of these servers, since nobody can tamper with the path to them; "
            "needed for DANE. Servers on this machine are always trusted; beside them no others are asked.",
            applies=Applies.AT_START,
        ),
    ] = False
