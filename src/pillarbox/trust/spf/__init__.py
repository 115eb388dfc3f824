"""SPF (RFC 7208): whether a domain lets the client send mail in its name.

identities.py   the two identities of a session that are checked: MAIL FROM and HELO
evaluation.py   check_host: finds a record and evaluates its terms in their order
mechanisms.py   a, mx, ptr, exists: those that ask the DNS
explanation.py  what the domain says to those that fail (`exp=`)
session.py      one evaluation: its arguments, what it has asked, its limits
parsing.py      a record's text to a `Record`, or all that is wrong with it
macros.py       `%{ir}.%{v}._spf.%{d2}` to a name
breadth.py      whether a record lets (nearly) everybody send
record.py       a record as values
result.py       what was found, and as a result of RFC 8601
"""

from pillarbox.trust.spf.evaluation import check_host
from pillarbox.trust.spf.identities import check_helo, check_mail_from
from pillarbox.trust.spf.parsing import parse
from pillarbox.trust.spf.record import Mistake, Record
from pillarbox.trust.spf.result import Identity, SpfResult
from pillarbox.trust.spf.session import client_address

__all__ = [
    "Identity",
    "Mistake",
    "Record",
    "SpfResult",
    "check_helo",
    "check_host",
    "check_mail_from",
    "client_address",
    "parse",
]
