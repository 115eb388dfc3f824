"""`[reports]`: what other domains are told."""

from dataclasses import dataclass
from typing import Annotated

from pillarbox.config.options import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Reports to other domains about their mail: what SPF, DKIM and DMARC say of it, and how the TLS of deliveries to
    them went. They have numbers, addresses of servers and names of domains, and nothing of any message.
    """

    send: Annotated[
        bool,
        Description(
            "Send reports once a day, to domains that ask for them in the DNS. They come from the postmaster of "
            "`domain`."
        ),
    ] = True
