"""The MTA-STS policies of others are kept."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from pillarbox.queue import sts_policies
from pillarbox.queue.schema import SCHEMA
from pillarbox.trust.mta_sts import KnownPolicy, Mode, StsPolicy, policy_text, read_policy
from pillarbox.trust.mta_sts.policy import MAX_OCTETS, MAX_PATTERNS
from pillarbox.trust.tls_result import TlsResult
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW_S = 1_700_000_000
POLICY = StsPolicy(Mode.ENFORCE, ("mx.two.example", "*.backup.example"), 604_800)
KNOWN = KnownPolicy(POLICY, "1", NOW_S, NOW_S, "1")
FAILED = KnownPolicy(None, "", NOW_S, NOW_S, "2", TlsResult.STS_WEBPKI_INVALID, "certificate has expired")


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, SCHEMA) as transaction:
        yield transaction


@pytest.mark.parametrize("kept", [KNOWN, FAILED, replace(KNOWN, failure=TlsResult.STS_POLICY_FETCH_ERROR)])
def test_what_was_kept_is_known(tx: Transaction, kept: KnownPolicy) -> None:
    assert sts_policies.known(tx, "two.example") is None
    sts_policies.keep(tx, "two.example", FAILED, now_s=NOW_S)
    sts_policies.keep(tx, "two.example", kept, now_s=NOW_S)
    assert sts_policies.known(tx, "two.example") == kept
    assert sts_policies.known(tx, "three.example") is None


def test_the_largest_policy_is_known_again(tx: Transaction) -> None:
    """Though its text is longer as it is kept."""
    name = "x" * 60
    mx = "".join(f"mx:{number:04}.{name}.{name}\n" for number in range(MAX_PATTERNS))
    text = f"version:STSv1\nmode:enforce\nmax_age:86400\n{mx}x:".encode()
    policy = read_policy(text + b"x" * (MAX_OCTETS - len(text)))
    assert isinstance(policy, StsPolicy)
    assert len(policy_text(policy)) > MAX_OCTETS
    sts_policies.keep(tx, "two.example", replace(KNOWN, policy=policy), now_s=NOW_S)
    assert sts_policies.known(tx, "two.example") == replace(KNOWN, policy=policy)


def test_what_is_over_is_forgotten(tx: Transaction) -> None:
    sts_policies.keep(tx, "old.example", KNOWN, now_s=NOW_S)
    sts_policies.keep(tx, "failed.example", FAILED, now_s=NOW_S)
    later_s = NOW_S + POLICY.max_age_s
    sts_policies.keep(tx, "new.example", replace(KNOWN, fetched_at_s=later_s), now_s=later_s)
    assert sts_policies.known(tx, "old.example") == KNOWN
    assert sts_policies.known(tx, "failed.example") is None
    sts_policies.keep(tx, "new.example", replace(KNOWN, fetched_at_s=later_s), now_s=later_s + 1)
    assert sts_policies.known(tx, "old.example") is None
    assert sts_policies.known(tx, "new.example") is not None


@pytest.mark.parametrize(
    "damage", ["policy = x'ff'", "policy = 'nonsense'", "fetched_at_s = 'zz'", "identity = x'ff'"]
)
def test_a_damaged_row_counts_as_none(tx: Transaction, damage: str) -> None:
    sts_policies.keep(tx, "two.example", KNOWN, now_s=NOW_S)
    tx.execute(f"UPDATE mta_sts_policies SET {damage}")
    assert sts_policies.known(tx, "two.example") is None
