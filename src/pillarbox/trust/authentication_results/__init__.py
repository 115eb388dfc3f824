"""The Authentication-Results field (RFC 8601), and ARC-Authentication-Results (RFC 8617 §4.1.1).

writing.py      a field from results, in which no text of a sender can pass for a result
reading.py      the results in a field of anybody, tolerantly
ownership.py    whether a field claims to be ours, and so has to go
"""

from pillarbox.trust.authentication_results.ownership import claims_to_be_by
from pillarbox.trust.authentication_results.reading import AuthenticationResults, read
from pillarbox.trust.authentication_results.writing import arc_field, field, payload

__all__ = ["AuthenticationResults", "arc_field", "claims_to_be_by", "field", "payload", "read"]
