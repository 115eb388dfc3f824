"""The door to names: what the DNS says, or that it cannot say.

    records.py    questions and outcomes as values
    resolver.py   what every resolver offers
    cache.py      `CachingResolver`: in front of any other
    system.py     `SystemResolver`: asks the machine's name servers, through dnspython
    zone.py       `ZoneResolver`: answers from given records, for the demo and for tests

Always true: a resolver never raises for what the DNS says or fails to say; an outcome is one of four, and
only `Failure` is worth trying again. Names are lower-case A-labels without a final dot.
"""

from pillarbox.world.resolver.records import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.resolver.resolver import Resolver

__all__ = ["Answer", "Failure", "Kind", "Mx", "NoData", "NxDomain", "Outcome", "Resolver", "Tlsa"]
