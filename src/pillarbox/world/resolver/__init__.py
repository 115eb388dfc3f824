"""DNS lookups.

    records.py    record types and outcomes as values
    resolver.py   the interface of every resolver
    cache.py      `CachingResolver`: in front of another resolver
    hosts.py      `HostsFile`: the machine's hosts file, in front of another resolver
    system.py     `SystemResolver`: queries the machine's name servers
    message.py    queries and responses as octets
    zone.py       `ZoneResolver`: answers from given records, for the demo and for tests

Always true: a resolver never raises because of the DNS; an outcome is one of four, and only `Failure` may be
retried. Names are lower-case A-labels without a final dot.
"""

from pillarbox.world.resolver.records import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.resolver.resolver import Resolver

__all__ = ["Answer", "Failure", "Kind", "Mx", "NoData", "NxDomain", "Outcome", "Resolver", "Tlsa"]
