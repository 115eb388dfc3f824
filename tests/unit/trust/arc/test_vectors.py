"""The common test vectors of ARC: chains to verify, and what others sealed."""

import re
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.trust import arc
from pillarbox.trust.dkim import SigningKey
from pillarbox.trust.dkim.keys import from_pem
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import tag_list
from pillarbox.trust.signatures.body_hash import body_digest
from tests.kit.asking import Answers
from tests.kit.paths import VECTORS

FOLDER = VECTORS / "arc"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no test vectors at {FOLDER}")


def cases(file: str) -> list[Any]:
    if not FOLDER.is_dir():
        return []
    return [
        pytest.param(scenario, case, id=name)
        for scenario in yaml.safe_load_all((FOLDER / file).read_text())
        for name, case in scenario["tests"].items()
    ]


def octets_of(case: dict[str, str]) -> bytes:
    return case["message"].replace("\n", "\r\n").encode()


def answers(scenario: dict[str, Any]) -> Answers:
    records = (scenario.get("txt-records") or {}).items()
    return Answers({(name, Kind.TXT): (text.replace("\n", "").encode(),) for name, text in records})


def outcome(scenario: dict[str, Any], octets: bytes) -> arc.ChainOutcome:
    header, body_start = Header.parse(octets)
    return answers(scenario).to(arc.verify(header, [octets[body_start:]]))


@pytest.mark.rfc("8617 §5.2", "MUST")
@pytest.mark.parametrize(("scenario", "case"), cases("arc-draft-validation-tests.yml"))
def test_validation(scenario: dict[str, Any], case: dict[str, str]) -> None:
    # Three chains that say themselves that they failed have no result there: RFC 8617 §5.2 (2), (3) is clear
    assert outcome(scenario, octets_of(case)).result == (case["cv"] or "fail").lower()


@pytest.mark.rfc("8617 §5.1", "MUST")
@pytest.mark.parametrize(("scenario", "case"), cases("arc-draft-sign-tests.yml"))
def test_sealing(scenario: dict[str, Any], case: dict[str, Any]) -> None:
    octets = octets_of(case)
    theirs = case["AS"].strip(), case["AMS"].strip(), case["AAR"].strip()
    header, body_start = Header.parse(octets)
    before = outcome(scenario, octets)
    failed = before.result is Result.FAIL or "cv=fail" in theirs[0]
    key = from_pem(scenario["privatekey"])
    assert isinstance(key, RSAPrivateKey)
    ours = arc.seal(
        header,
        body_digest(octets[body_start:]),
        SigningKey(scenario["domain"], scenario["sel"], key),
        verdict=Result.FAIL if failed else before.result,
        results=re.sub(r"^i=\d+; ", "", theirs[2]),
        sealed_s=int(case["t"]),
    )
    if not theirs[0]:
        assert ours == b""
        return
    seal, message_signature, results = (
        field.partition(b":")[2] for field in re.split(rb"\r\n(?![ \t])", ours)[:3]
    )
    assert tags(seal, "b") == tags(theirs[0].encode(), "b")
    # Other fields are signed than there
    assert tags(message_signature, "b", "h") == tags(theirs[1].encode(), "b", "h")
    assert results.split() == theirs[2].encode().split()
    verdict = Result.FAIL if failed else Result.PASS
    assert outcome(scenario, ours + octets).result is verdict
    # Of theirs the message signature; what their seal covers depends on how the fields were folded
    names = ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results")
    fields = [
        f"{name}: {field}\n".replace("\n", "\r\n ").rstrip(" ")
        for name, field in zip(names, theirs, strict=True)
    ]
    assert outcome(scenario, "".join(fields).encode() + octets).reason in (
        f"seal {len(before.sealers) + 1}: signature did not verify",
        "newest seal says cv=fail",
    )


def tags(field: bytes, *without: str) -> dict[str, str]:
    found = tag_list.parse(field)
    return {tag: value for tag, value in found.items() if tag not in without}
