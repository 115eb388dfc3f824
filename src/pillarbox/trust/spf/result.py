"""What an SPF check found."""

from enum import StrEnum

from msgspec import Struct

from pillarbox.trust.results import MethodResult, Property, Result


class Identity(StrEnum):
    """What of a session is checked (RFC 7208 §2.3, §2.4)."""

    __hash__ = str.__hash__

    MAIL_FROM = "mailfrom"
    HELO = "helo"


class SpfResult(Struct, frozen=True, gc=False):
    """The result for one identity.

    Identity and domain are kept together: only a MAIL FROM identity counts for DMARC, and only for the very domain
    that was checked (RFC 7489 §3.1.2).
    """

    result: Result
    """`none`, `neutral`, `pass`, `fail`, `softfail`, `temperror` or `permerror` (RFC 7208 §2.6)."""
    identity: Identity
    domain: str
    """The domain whose record was asked for: A-labels in lower case; empty where the identity has none."""
    reason: str
    """In words and ASCII."""
    mechanism: str = ""
    """The term that decided, as it is written in the record; empty where none matched."""
    explanation: str = ""
    """What the domain says to those that fail (`exp=`), in visible ASCII: the words of a third party."""
    lookups: int = 0
    """Terms that asked the DNS (RFC 7208 §4.6.4)."""
    allows_everybody: bool = False
    """The domain lets (nearly) the whole world send in its name: a `pass` gives no credit."""
    null_sender: bool = False
    """The reverse-path was null, so that the domain of the MAIL FROM identity is the one of HELO."""

    @property
    def method_result(self) -> MethodResult:
        """For Authentication-Results (RFC 8601 §2.7.2): no local part, since no record says anything of it."""
        # What is named is the parameter of SMTP that had the domain
        name = Identity.HELO if self.null_sender else self.identity
        properties = (Property("smtp", name.value, self.domain),) if self.domain else ()
        return MethodResult("spf", self.result, self.domain, self.reason, properties)
