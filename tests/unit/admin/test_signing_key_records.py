"""Whether the DNS has the records of signing keys, and what is wrong with those that it has."""

import asyncio
from typing import Any

import pytest

from pillarbox.admin import dkim
from pillarbox.admin.checks import signing_keys
from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.admin.dkim import KeyRecord
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.directory.naming import NameRefused
from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome
from pillarbox.trust.dkim.keys import record_text, to_pem
from pillarbox.world.resolver import Resolver
from tests.kit.signed_mail import DOMAIN, ed25519_key, rsa_key

NAME = "rsa._domainkey.example.org"
RIGHT = record_text(rsa_key().key).encode()
OTHER = record_text(rsa_key(3072).key).encode()
ED25519 = record_text(ed25519_key().key).encode()
SET_IT = f"Set the record: {NAME}. IN TXT ("


class Says(Resolver):
    """The same of every name."""

    def __init__(self, *records: bytes, outcome: Outcome[Any] | None = None) -> None:
        self._outcome = outcome or Answer(records, 300)

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        assert (name, kind) == (NAME, Kind.TXT)
        return self._outcome


def key(state: KeyState = KeyState.ACTIVE) -> KeyRecord:
    return dkim.shown(DkimKey(DOMAIN, "rsa", "rsa-sha256", to_pem(rsa_key().key), state, 0, 0))


def checked(resolver: Resolver, *keys: KeyRecord) -> list[CheckResult]:
    async def collect() -> list[CheckResult]:
        return [one async for one in signing_keys.check(resolver, DOMAIN, keys)]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    "record",
    [
        RIGHT,
        RIGHT.removeprefix(b"v=DKIM1; k=rsa; "),
        RIGHT + b"; s=email:tlsrpt; t=s; n=a note",
        RIGHT[:50] + b" " + RIGHT[50:],
    ],
)
def test_a_record_may_be_written_in_another_way(record: bytes) -> None:
    assert [one.level for one in checked(Says(record), key())] == [Level.OK]
    assert asyncio.run(signing_keys.lacking(Says(record), [key()])) == []


WRONG = [
    ((), f"there is no record at {NAME}"),
    ((OTHER,), f"{NAME} has the record of another key"),
    ((ED25519,), f"{NAME} has a record of which verifiers say: key is of type ed25519, not for rsa-sha256"),
    ((b"v=DKIM1; k=rsa; p=",), f"{NAME} has a record of which verifiers say: key is revoked"),
    ((RIGHT + b"; s=tlsrpt",), f"{NAME} has a record of which verifiers say: key is not for mail"),
    ((RIGHT + b"; h=sha1",), f"{NAME} has a record of which verifiers say: key is not for sha256"),
    ((RIGHT.replace(b"DKIM1", b"DKIM2"),), f"{NAME} is malformed: version 'DKIM2', or not the first tag"),
    ((RIGHT.replace(b"p=", b"p=!"),), f"{NAME} is malformed: p= is not base64"),
    ((RIGHT + b"; k=rsa",), f"{NAME} is malformed: tag 'k' occurs twice"),
    ((RIGHT.replace(b"; ", b" "),), f"{NAME} is malformed: version 'DKIM1 k=rsa p="),
    ((b"v=DKIM1; k=rsa",), f"{NAME} is malformed: no p= in it"),
    ((b"v=spf1 -all",), f"{NAME} is malformed: "),
]


@pytest.mark.parametrize(("records", "why"), WRONG)
def test_a_record_that_is_missing_or_wrong_is_a_problem_and_says_why(
    records: tuple[bytes, ...], why: str
) -> None:
    (one,) = checked(Says(*records), key())
    assert one.level is Level.PROBLEM
    assert one.found.startswith(f"others cannot use the key rsa (active): {why}")
    assert one.remedy.startswith(SET_IT)
    (lack,) = asyncio.run(signing_keys.lacking(Says(*records), [key()]))
    assert lack.reason.startswith(why)
    assert not lack.dns_failed


@pytest.mark.parametrize("outcome", [NxDomain(300), NoData(300)])
@pytest.mark.parametrize(
    ("state", "level", "remedy"),
    [
        (KeyState.ACTIVE, Level.PROBLEM, SET_IT),
        (KeyState.NEXT, Level.WARNING, SET_IT),
        (KeyState.RETIRED, Level.WARNING, "It should stay for two weeks"),
    ],
)
def test_what_a_missing_record_means_depends_on_the_key(
    outcome: Outcome[Any], state: KeyState, level: Level, remedy: str
) -> None:
    found = checked(Says(outcome=outcome), key(state))
    one = found[-1]
    assert one.level is level
    assert f"there is no record at {NAME}" in one.found
    assert one.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "records", [(RIGHT, OTHER), (OTHER, RIGHT), (RIGHT, b"v=spf1 -all"), (RIGHT, RIGHT + b"; n=x")]
)
def test_a_surplus_record_is_a_problem(records: tuple[bytes, ...]) -> None:
    (one,) = checked(Says(*records), key())
    assert one.level is Level.PROBLEM
    assert f"{NAME} has 2 records" in one.found
    assert "Remove all but this one" in one.remedy


def test_that_the_dns_fails_is_told_apart_from_a_record_that_is_missing() -> None:
    silent = Says(outcome=Failure("no answer"))
    (one,) = checked(silent, key())
    assert (one.level, one.remedy) == (Level.WARNING, "Try again.")
    assert one.found == f"{NAME} could not be looked up: no answer"
    lacks = asyncio.run(signing_keys.lacking(silent, [key(KeyState.NEXT)]))
    with pytest.raises(NameRefused, match=f"{NAME} could not be looked up: no answer. Try again, or --force"):
        signing_keys.refuse(lacks, DOMAIN)
    lacks = asyncio.run(signing_keys.lacking(Says(outcome=NxDomain(300)), [key(KeyState.NEXT)]))
    with pytest.raises(NameRefused, match=f"there is no record at {NAME}. Set their records first"):
        signing_keys.refuse(lacks, DOMAIN)
    signing_keys.refuse([], DOMAIN)


def test_a_domain_whose_keys_wait_for_their_records_is_told() -> None:
    found = checked(Says(RIGHT), key(KeyState.NEXT))
    assert [one.level for one in found] == [Level.PROBLEM, Level.OK]
    assert found[0].found == "the domain signs no mail yet"
    assert found[0].remedy.endswith(
        f"once the DNS has the records of its keys: pillarbox dkim records {DOMAIN}"
    )


@pytest.mark.parametrize("keys", [(), (key(KeyState.RETIRED),)])
def test_a_domain_without_a_key_that_signs_is_told(keys: tuple[KeyRecord, ...]) -> None:
    found = checked(Says(RIGHT), *keys)
    assert [one.level for one in found] == [Level.PROBLEM, *(Level.OK for _ in keys)]
    assert found[0].remedy == f"Make some: pillarbox dkim new {DOMAIN}"
