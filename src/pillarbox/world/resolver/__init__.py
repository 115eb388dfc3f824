"""DNS lookups.

    resolver.py    the interface of every resolver
    cache.py       `CachingResolver`: in front of another resolver
    hosts.py       `HostsFile`: the machine's hosts file, in front of another resolver
    system.py      `SystemResolver`: queries the machine's name servers
    servers.py     which name servers there are, which are trusted, and which answer
    exchange.py    one query and its response, over UDP or TCP
    validation.py  whether name servers validate by DNSSEC
    zone.py        `ZoneResolver`: answers from given records, for the demo and for tests

Always true: a resolver never raises because of the DNS; an outcome (`pillarbox.dns`) is one of four, and only
`Failure` may be retried.
"""

from pillarbox.world.resolver.resolver import Resolver

__all__ = ["Resolver"]
