"""What the DNS says, as pure values.

    records.py    record types, and the four outcomes of a lookup
    names.py      names in the form in which they are compared
    message.py    queries and responses as octets

Who asks: `world.resolver`. Names are lower-case A-labels without a final dot.
"""

from pillarbox.dns.names import normal_name
from pillarbox.dns.records import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Record, Tlsa, with_ttl

__all__ = [
    "Answer",
    "Failure",
    "Kind",
    "Mx",
    "NoData",
    "NxDomain",
    "Outcome",
    "Record",
    "Tlsa",
    "normal_name",
    "with_ttl",
]
