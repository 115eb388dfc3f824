"""SPF (RFC 7208): whether a domain lets the client send mail in its name.

    parsing.py      a record's text to a `Record`, or all that is wrong with it
    macros.py       `%{ir}.%{v}._spf.%{d2}` to a name
    breadth.py      whether a record lets (nearly) everybody send
    record.py       a record as values
"""

from pillarbox.trust.spf.parsing import parse
from pillarbox.trust.spf.record import Mistake, Record

__all__ = ["Mistake", "Record", "parse"]
