"""SPF of random records, by us and by the npm package mailauth: `WHY` has each reason for which it differs.

`PILLARBOX_RANDOM_RECORDS` says how many are compared.
"""

import os
from collections import Counter
from typing import Any

import pytest

from pillarbox.dns import Kind
from pillarbox.trust.results import Result
from pillarbox.trust.spf import SpfResult
from tests.interop.mailauth import mailauth
from tests.kit.asking import Answers
from tests.property.test_spf_against_pyspf import _IPS, HELO, SENDER, _ours, _Random

pytestmark = pytest.mark.interop

RECORDS = int(os.environ.get("PILLARBOX_RANDOM_RECORDS", "500"))


def why(ours: SpfResult, text: str, texts: str) -> str:
    """Why mailauth says something else; empty where it is not known."""
    if "invalid SPF record" in ours.reason:
        return "it reads a record up to the term that matches, §4.6 wants all of it to be valid"
    if "Invalid redirect" in text:
        return "it reads redirect= beside all, where §6.1 has it ignored"
    if "Invalid domain" in text:
        return "a name that the DNS cannot hold is an error there, and matches nothing for §4.8"
    if "invalid CIDR" in text and "::1.2.3.4/64" in texts:
        return "it takes ::1.2.3.4/64 for invalid"
    if "the DNS has nothing" in ours.reason:
        return "it asks for both kinds of addresses, and what has either is not void"
    if "/0" in ours.mechanism:
        return "it does not match a network of /0"
    if "%{p" in texts or "ptr" in texts:
        return "it takes another name of the client, or has none for %{p}"
    return ""


def test_the_results_are_those_of_mailauth() -> None:
    chance = _Random(7208)
    agreed, differed, unknown = Counter[str](), Counter[str](), list[Any]()
    with mailauth() as other:
        for _ in range(RECORDS):
            zone, ip = chance.zone(), chance.choice(_IPS)
            answers = Answers(zone)
            ours = _ours(answers, ip)
            theirs, text = other.ask(answers, op="spf", ip=ip, helo=HELO, mail_from=SENDER)
            if ours.result == theirs:
                agreed[theirs] += 1
                continue
            texts = " ".join(str(found) for (_name, kind), found in zone.items() if kind is Kind.TXT).lower()
            reason = why(ours, text, texts)
            differed[reason] += 1
            if not reason:
                unknown.append((ours, theirs, text, ip, zone))
    print(agreed, *differed.most_common(), sep="\n")
    assert not unknown, unknown[0]
    assert min(agreed[each] for each in (Result.PASS, Result.FAIL, Result.PERMERROR)) > RECORDS // 50
