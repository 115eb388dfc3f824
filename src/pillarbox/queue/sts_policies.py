"""The MTA-STS policies of other providers, by domain (RFC 8461 §3.3).

They outlive the process, since a sender that forgets a policy at each start can be deceived after each. A row that is
damaged counts as none, so its policy is fetched again.
"""

from typing import Final

from pillarbox.trust.mta_sts import KnownPolicy, StsPolicy, policy_text, read_policy
from pillarbox.trust.mta_sts.policy import MAX_OCTETS
from pillarbox.trust.tls_result import TlsResult
from pillarbox.world.database import Transaction

FORGOTTEN_AT_ONCE: Final = 100
"""Rows whose time is over that one `keep` deletes."""
MAX_REASON_CHARACTERS: Final = 500
MAX_TEXT_OCTETS: Final = 2 * MAX_OCTETS
"""Of a policy as it is kept: `policy_text` is longer than a text that does without CR and blanks."""


def known(tx: Transaction, domain: str) -> KnownPolicy | None:
    """What is known of a domain's policy."""
    found = tx.row(
        "SELECT policy, identity, fetched_at_s, tried_at_s, tried_identity, failure, failure_reason"
        " FROM mta_sts_policies WHERE domain = ?",
        (domain,),
    )
    return _read(found) if found else None


def keep(tx: Transaction, domain: str, now_known: KnownPolicy, *, now_s: int) -> None:
    """Keep what is known of a domain's policy, instead of what was; forget others whose time is over."""
    policy = now_known.policy
    tx.execute(
        "INSERT INTO mta_sts_policies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain) DO UPDATE SET"
        " policy = excluded.policy, identity = excluded.identity, fetched_at_s = excluded.fetched_at_s,"
        " tried_at_s = excluded.tried_at_s, tried_identity = excluded.tried_identity, failure = excluded.failure,"
        " failure_reason = excluded.failure_reason, expires_at_s = excluded.expires_at_s",
        (
            domain,
            policy_text(policy) if policy else None,
            now_known.identity,
            now_known.fetched_at_s,
            now_known.tried_at_s,
            now_known.tried_identity,
            now_known.failure.value if now_known.failure else None,
            now_known.failure_reason[:MAX_REASON_CHARACTERS],
            now_known.expires_at_s,
        ),
    )
    tx.execute(
        "DELETE FROM mta_sts_policies WHERE domain IN"
        " (SELECT domain FROM mta_sts_policies WHERE expires_at_s < ? LIMIT ?)",
        (now_s, FORGOTTEN_AT_ONCE),
    )


def _read(row: tuple[object, ...]) -> KnownPolicy | None:
    match row:
        case (
            str() | None as text,
            str(identity),
            int(fetched_at_s),
            int(tried_at_s),
            str(tried_identity),
            str() | None as failure,
            str(reason),
        ):
            policy = read_policy(text.encode(), max_octets=MAX_TEXT_OCTETS) if text else None
            if policy is not None and not isinstance(policy, StsPolicy):
                return None
            result = TlsResult(failure) if failure in tuple(TlsResult) else None
            return KnownPolicy(policy, identity, fetched_at_s, tried_at_s, tried_identity, result, reason)
    return None
