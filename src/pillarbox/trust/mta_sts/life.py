"""How a policy is found, kept, renewed and lost (RFC 8461 §3.3, §5.1).

A policy that was fetched holds until its time is over, or until another one was fetched from the web, where a public
authority vouches for the domain. Nothing that the DNS says ends it: neither a record that is missing, nor another `id`,
nor a web server that cannot be found. So somebody who lies in the DNS can keep a policy from being found for the first
time, and from being renewed, but who has it, is protected.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.dns import Answer, Kind, Outcome
from pillarbox.trust.mta_sts.policy import MAX_OCTETS, InvalidPolicy, Mode, StsPolicy, read_policy
from pillarbox.trust.mta_sts.record import read_record
from pillarbox.trust.questions import Asking, FetchFailed, fetch, look_up
from pillarbox.trust.tls_result import TlsResult

FETCH_S: Final = 60.0
"""How long a fetch may take (RFC 8461 §3.3)."""
RETRY_S: Final = 300
"""After a fetch that failed, and while the policy lives (RFC 8461 §3.3)."""
REFRESH_S: Final = 86_400
"""A policy this old is fetched again, whatever its life (RFC 8461 §3.3); one of a shorter life, at half of it."""


class KnownPolicy(Struct, frozen=True):
    """What is known of a domain that has, or had, a record: it is kept until `expires_at_s`."""

    policy: StsPolicy | None
    """`None`: none was fetched yet, or its time is over."""
    identity: str
    """The `id` in the DNS when it was fetched."""
    fetched_at_s: int
    """When this policy was fetched, in UNIX seconds."""
    tried_at_s: int
    """When a fetch was last tried."""
    tried_identity: str
    """The `id` in the DNS then."""
    failure: TlsResult | None = None
    """Why the last fetch failed, for a report."""
    failure_reason: str = ""

    @property
    def expires_at_s(self) -> int:
        """Until when it means anything."""
        life_s = self.policy.max_age_s if self.policy else 0
        return max(self.fetched_at_s + life_s, self.tried_at_s + RETRY_S)


def policy_url(domain: str) -> str:
    """Where the policy of a domain is (RFC 8461 §3.2)."""
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def usable_policy(known: KnownPolicy | None, now_s: int) -> StsPolicy | None:
    """The policy that is in force: its time is not over, and its mode is not `none`."""
    if known is None or known.policy is None or known.policy.mode is Mode.NONE or not _lives(known, now_s):
        return None
    return known.policy


def current_policy(
    domain: str, known: KnownPolicy | None, now_s: int, *, unlike_mx: bool = False
) -> Asking[KnownPolicy | None]:
    """What is known of the domain's policy now; the same object where nothing has changed.

    `unlike_mx`: the DNS names a host that `known` does not allow, so there may be a newer one, though the `id` is the
    same (RFC 8461 §5.1).
    """
    found: Outcome[Any] = yield from look_up(f"_mta-sts.{domain}", Kind.TXT)
    texts = [text for text in found.records if isinstance(text, bytes)] if isinstance(found, Answer) else []
    identity = read_record(texts)
    lives = known is not None and _lives(known, now_s)
    if known and not lives:
        known = replace(known, policy=None) if known.policy else known
    if not _is_due(known, identity, now_s, unlike_mx=unlike_mx):
        return known
    return (yield from _fetched(domain, known, identity, now_s))


def _is_due(known: KnownPolicy | None, identity: str | None, now_s: int, *, unlike_mx: bool) -> bool:
    """Whether the policy is to be fetched."""
    if known is None:
        return identity is not None
    if identity is not None and identity not in (known.identity, known.tried_identity):
        return True
    if (
        known.policy is None and known.failure is None
    ):  # it was there, for a shorter time than that between fetches
        return identity is not None
    if abs(now_s - known.tried_at_s) < RETRY_S:
        return False
    if known.policy is None:
        return identity is not None
    return (
        unlike_mx
        or (identity is not None and identity != known.identity)
        or _age_s(known, now_s) >= min(REFRESH_S, known.policy.max_age_s // 2)
    )


def _fetched(domain: str, known: KnownPolicy | None, identity: str | None, now_s: int) -> Asking[KnownPolicy]:
    tried = identity or (known.identity if known else "")
    page = yield from fetch(policy_url(domain), max_octets=MAX_OCTETS, timeout_s=FETCH_S)
    if isinstance(page, FetchFailed):
        kind = TlsResult.STS_WEBPKI_INVALID if page.kind == "tls" else TlsResult.STS_POLICY_FETCH_ERROR
        return _failed(known, tried, now_s, kind, page.reason)
    if page.media_type != "text/plain":
        # RFC 8461 §3.2: a page that strangers can write is rarely plain text
        return _failed(known, tried, now_s, TlsResult.STS_POLICY_INVALID, "it is not text/plain")
    policy = read_policy(page.octets)
    if isinstance(policy, InvalidPolicy):
        return _failed(known, tried, now_s, TlsResult.STS_POLICY_INVALID, policy.reason)
    return KnownPolicy(policy, tried, now_s, now_s, tried)


def _failed(
    known: KnownPolicy | None, identity: str, now_s: int, failure: TlsResult, reason: str
) -> KnownPolicy:
    if known is None:
        return KnownPolicy(None, "", now_s, now_s, identity, failure, reason)
    return replace(known, tried_at_s=now_s, tried_identity=identity, failure=failure, failure_reason=reason)


def _lives(known: KnownPolicy, now_s: int) -> bool:
    return known.policy is not None and _age_s(known, now_s) <= known.policy.max_age_s


def _age_s(known: KnownPolicy, now_s: int) -> int:
    return max(0, now_s - known.fetched_at_s)  # the clock may have been set back
