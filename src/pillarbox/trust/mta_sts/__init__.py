"""MTA-STS (RFC 8461): a domain says on the web which hosts take its mail, and that these have certificates.

    record.py    the TXT record, whose `id` says whether the policy has changed
    policy.py    the policy: its text, and the hosts that it allows
    life.py      how a policy is found, kept, renewed and lost

Public certificate authorities vouch for the policy and for the hosts. Who has seen a policy keeps it for its time,
whatever the DNS says meanwhile.
"""

from pillarbox.trust.mta_sts.life import KnownPolicy, current_policy, policy_url, usable_policy
from pillarbox.trust.mta_sts.policy import (
    InvalidPolicy,
    Mode,
    StsPolicy,
    policy_id,
    policy_text,
    read_policy,
)
from pillarbox.trust.mta_sts.record import read_record, record_text

__all__ = [
    "InvalidPolicy",
    "KnownPolicy",
    "Mode",
    "StsPolicy",
    "current_policy",
    "policy_id",
    "policy_text",
    "policy_url",
    "read_policy",
    "read_record",
    "record_text",
    "usable_policy",
]
