"""DKIM and ARC of changed messages, by us and by dkimpy and mailauth.

Messages of the public corpora are signed by us, and then changed: octets, lines, tags of the signature, the record of
the key. All have to say the same, or the reason has to be one of those below: `OF_DKIMPY`, `OF_MAILAUTH`.
`PILLARBOX_CHANGED_MESSAGES` says how many are compared. dkimpy and mailauth are no dependencies:
`pip install dkimpy dnspython pynacl authres`, and `npm install mailauth` with `NODE_PATH`.
"""

import contextlib
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pillarbox.dns import Answer, Kind
from pillarbox.mail.header import Header
from pillarbox.mail.mbox import with_crlf
from pillarbox.mail.seven_bit import in_final_form
from pillarbox.trust import arc
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.body_hash import body_digest
from tests.interop.mailauth import Mailauth, mailauth
from tests.kit.asking import Answers
from tests.kit.corpora import needs_corpora, single_messages
from tests.kit.signed_mail import NOW_S, crafted, ed25519_key, rsa_key, verified, zone

pytestmark = [pytest.mark.interop, needs_corpora]

CHANGED = int(os.environ.get("PILLARBOX_CHANGED_MESSAGES", "400"))
MAX_OCTETS = 20_000
KEYS = (rsa_key(), ed25519_key())
FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed", None)
NAMES = (
    "from:to:subject:date",
    "From : Subject",
    "from:from:subject:subject:to",
    "from:received:content-type:x",
)


def is_plain(octets: bytes) -> bool:
    """All take the same for its header: fields with names of ASCII, and an empty line."""
    header, _ = Header.parse(octets)
    names = [field.raw.partition(b":")[0] for field in header.fields if field.name]
    plain = len(names) == len(header.fields) and all(name.isascii() and b" " not in name for name in names)
    return plain and bool(header.separator) and in_final_form(octets)


def messages() -> list[bytes]:
    """Those that are well-formed and short, as they would be transmitted."""
    found = []
    for _name, octets in single_messages():
        text = with_crlf(octets)
        header, _ = Header.parse(text)
        if is_plain(text) and len(header.all("from")) == 1 and len(text) < MAX_OCTETS:
            found.append(text)
    return found


Change = Callable[[random.Random, bytes], bytes]


def at_random(put: bytes, skipped: int = 0) -> Change:
    def change(chance: random.Random, octets: bytes) -> bytes:
        at = chance.randrange(len(octets) + 1)
        return octets[:at] + put + octets[at + skipped :]

    return change


def at_line_end(put: bytes) -> Change:
    def change(chance: random.Random, octets: bytes) -> bytes:
        at = max(0, octets.find(b"\r\n", chance.randrange(len(octets))))
        return octets[:at] + put + octets[at:]

    return change


def in_signature(pattern: bytes, put: bytes) -> Change:
    """In the topmost field, which is the signature."""

    def change(_chance: random.Random, octets: bytes) -> bytes:
        end = octets.index(b"\r\n")
        return re.sub(pattern, put, octets[:end], count=1) + octets[end:]

    return change


CHANGES: dict[str, Change] = {
    "octet put in": at_random(b" "),
    "octet left out": at_random(b"", 1),
    "octet changed": at_random(b"x", 1),
    "white space at a line end": at_line_end(b" \t"),
    "line folded": at_line_end(b"\r\n "),
    "empty line at the end": lambda _chance, octets: octets + b"\r\n",
    "white space at the end": lambda _chance, octets: octets + b" \t\r\n",
    "no line end at the end": lambda _chance, octets: octets.removesuffix(b"\r\n"),
    "field on top": lambda _chance, octets: b"X-Spam: no\r\n" + octets,
    "second From": lambda _chance, octets: b"From: x@evil.example\r\n" + octets,
    "name in upper case": lambda _chance, octets: octets.replace(b"\r\nSubject:", b"\r\nSUBJECT:", 1),
    "blanks become one": lambda _chance, octets: octets.replace(b"  ", b" ", 1),
    "tag twice": in_signature(rb"; s=", b"; s=x; s="),
    "tag without a value": in_signature(rb"; s=", b"; zz=; s="),
    "unknown tag": in_signature(rb"; s=", b"; zz=1; s="),
    "white space round a tag": in_signature(rb"; s=", b" ;\t s = "),
    "semicolon at the end": in_signature(rb"\Z", b";"),
    "upper-case algorithm": in_signature(rb"a=\w+", lambda found: found[0].replace(b"rsa", b"RSA")),  # type: ignore[arg-type]
    "upper-case domain": in_signature(rb"d=example", b"d=EXAMPLE"),
    "other version": in_signature(rb"v=1", b"v=2"),
    "no version": in_signature(rb"v=1; ", b""),
    "fields of h= in another order": in_signature(rb"from:to", b"to:from"),
    "From not signed": in_signature(rb"(?i)h=from:", b"h="),
    "long since expired": in_signature(rb"; s=", b"; t=1000; x=2000; s="),
}  # fmt: skip

RECORDS: dict[str, Callable[[bytes], list[bytes]]] = {
    "as it is": lambda text: [text],
    "in upper case": lambda text: [text.replace(b"k=rsa", b"k=RSA")],
    "no version": lambda text: [text.removeprefix(b"v=DKIM1; ")],
    "blanks in p=": lambda text: [text[:-20] + b" " + text[-20:]],
    "version not first": lambda text: [text.removeprefix(b"v=DKIM1; ") + b"; v=DKIM1"],
    "other version": lambda text: [text.replace(b"DKIM1", b"DKIM2")],
    "no k=": lambda text: [re.sub(rb"k=\w+; ", b"", text)],
    "revoked": lambda text: [re.sub(rb"p=.*", b"p=", text)],
    "not for mail": lambda text: [text + b"; s=tlsrpt"],
    "for mail and others": lambda text: [text + b"; s=tlsrpt:email"],
    "for sha1": lambda text: [text + b"; h=sha1"],
    "flags": lambda text: [text + b"; t=y:s"],
    "tag twice": lambda text: [text + b"; n=a; n=b"],
    "something else beside it": lambda text: [b"v=spf1 -all", text],
    "two of them": lambda text: [text, text + b"; n=x"],
    "none": lambda _text: [],
}


class Case:
    """A changed message and the DNS for it."""

    def __init__(self, chance: random.Random, texts: list[bytes]) -> None:
        key, octets = chance.choice(KEYS), chance.choice(texts)
        tags: dict[str, str | None] = {"c": chance.choice(FORMS), "h": chance.choice(NAMES)}
        if chance.random() < 0.1:
            tags["l"] = str(chance.choice([0, 5, 10_000_000]))
        octets = crafted(octets, key, tags)
        changes = [chance.choice(list(CHANGES)) for _ in range(chance.choice([0, 1, 1, 2]))]
        for name in changes:
            with contextlib.suppress(ValueError):  # there is no line left
                octets = CHANGES[name](chance, octets)
        self.octets = octets
        self.record = chance.choice(list(RECORDS)) if chance.random() < 0.2 else "as it is"
        ((where, (text,)),) = zone(key).items()
        self.answers = Answers({where: RECORDS[self.record](text)})
        self.what = f"{tags}, {changes}, record {self.record}"

    @property
    def comparable(self) -> bool:
        """All take it for a message with one signature."""
        header, _ = Header.parse(self.octets)
        return is_plain(self.octets) and len(header.all("dkim-signature")) == 1 and "from" in header


Said = tuple[bool, str]
"""Whether another lets a signature pass, and what it says of it."""

OF_BOTH: dict[str, str] = {
    # It passes there
    r"only .* \(l=\)": "a part of the body is not signed: we let no such message pass, see RFC 6376 §8.2",
    r"l= is larger": "§3.5: l= MUST NOT be larger than the body",
    r"several key records": "they take the first one, which may be another one next time (§3.6.2.2)",
    r"not for sha256": "they do not read h= of the key, which §6.1.2 has them do",
    r"not the first tag": "§3.6.1: v= MUST be the first tag",
}
OF_DKIMPY = OF_BOTH | {
    # It fails there
    r"pass .* something else beside it": "it takes the first of several records",
    r"pass .* for mail and others": "it takes s= for one word, where §3.6.1 has a list",
    r"pass .* in upper case": "it wants k= in lower case",
    r"pass .* body hash": "it does not strip white space from a last line that has no end (§3.4.4)",
}
OF_MAILAUTH = OF_BOTH | {
    # It passes there
    r"From fields": "a From that is not signed beside the one that is (§8.15)",
    r"not for mail": "it does not read s= of the key, which §6.1.2 has it do",
    r"occurs twice": "§3.2: a list with a tag twice is invalid",
    r"is not base64": "it skips what is not base64 in a value (§3.2, base64string)",
    r"no RSA key": "it takes the type of the key from the signature, without k= it is rsa (§3.6.1)",
    # It fails there
    r"pass .* something else beside it": "it takes the first of several records",
}


def compare(them: Callable[[Case], Said], known: dict[str, str]) -> None:
    chance, texts = random.Random(6376), messages()
    assert len(texts) > 100
    agreed, differed, unknown = Counter[str](), Counter[str](), list[Any]()
    while agreed.total() + differed.total() < CHANGED:
        case = Case(chance, texts)
        if not case.comparable:
            continue
        (ours,) = verified(case.octets, case.answers.zone)
        (passed, text), we_pass = them(case), ours.result is Result.PASS
        if passed is we_pass:
            agreed["pass" if passed else "not"] += 1
            continue
        ours_text = f"{ours.result} {ours.reason}, record {case.record}: {text}"
        reason = next((why for pattern, why in known.items() if re.search(pattern, ours_text)), "")
        differed[reason] += 1
        if not reason:
            unknown.append((ours_text, case.what, case.octets[:1000]))
    print(agreed, *differed.most_common(), sep="\n")
    assert not unknown, unknown[:3]
    assert min(agreed["pass"], agreed["not"]) > CHANGED // 10


@pytest.fixture(scope="module")
def other() -> Iterator[Mailauth]:
    with mailauth() as running:
        yield running


def test_mailauth_says_the_same_of_signatures(other: Mailauth) -> None:
    def them(case: Case) -> Said:
        result, text = other.ask(case.answers, op="dkim", message=case.octets, time=NOW_S)
        return result == "pass", text

    compare(them, OF_MAILAUTH)


def text_of(answers: Answers) -> Callable[..., bytes | None]:
    """The DNS as dkimpy asks it."""

    def found(name: Any, timeout: int = 5) -> bytes | None:
        text = name.decode() if isinstance(name, bytes) else name
        outcome = answers.lookup(text, Kind.TXT)
        return outcome.records[0] if isinstance(outcome, Answer) else None

    return found


def test_dkimpy_says_the_same_of_signatures(caplog: pytest.LogCaptureFixture) -> None:
    dkim = pytest.importorskip("dkim", reason="dkimpy is not installed")
    caplog.set_level("CRITICAL", "dkimpy")

    def them(case: Case) -> Said:
        try:
            return bool(dkim.DKIM(case.octets).verify(0, dnsfunc=text_of(case.answers))), ""
        except Exception as failure:  # of which it has many
            return False, str(failure)

    compare(them, OF_DKIMPY)


CHAIN_CHANGES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "nothing": lambda _chance, octets: octets,
    "octet changed": at_random(b"x", 1),
    "octet put in": at_random(b" "),
    "octet left out": at_random(b"", 1),
    "line folded": at_line_end(b"\r\n "),
    "instance": lambda _chance, octets: re.sub(rb"\bi=1\b", b"i=3", octets, count=1),
    "cv": lambda _chance, octets: octets.replace(b"cv=pass", b"cv=none", 1),
    "cv of the first": lambda _chance, octets: octets.replace(b"cv=none", b"cv=pass", 1),
    "cv=fail": lambda _chance, octets: re.sub(rb"cv=\w+", b"cv=fail", octets, count=1),
    "selector": lambda _chance, octets: re.sub(rb"; s=rsa", b"; s=other", octets, count=1),
    "set lost": lambda _chance, octets: re.sub(rb"(?s)\AARC-Seal:.*?\r\n(?=ARC)", b"", octets),
    "field on top": lambda _chance, octets: b"Received: x\r\n" + octets,
    "more at the end": lambda _chance, octets: octets + b"more\r\n",
    "name in lower case": lambda _chance, octets: octets.replace(b"ARC-Seal", b"arc-seal", 1),
    "upper-case pass": lambda _chance, octets: octets.replace(b"cv=pass", b"cv=PASS", 1),
}


def sealed(octets: bytes, times: int) -> bytes:
    for place in range(times):
        header, start = Header.parse(octets)
        verdict = Result.PASS if place else Result.NONE
        digest = body_digest(octets[start:])
        octets = (
            arc.seal(header, digest, KEYS[0], verdict=verdict, results="mx.example; spf=pass", sealed_s=NOW_S)
            + octets
        )
    return octets


def compare_chains(them: Callable[[bytes, Answers], str], known: dict[str, str]) -> None:
    chance, texts, answers = random.Random(8617), messages(), Answers(zone(*KEYS))
    agreed, differed, unknown = Counter[str](), Counter[str](), list[Any]()
    while agreed.total() + differed.total() < CHANGED:
        octets = sealed(chance.choice(texts), chance.choice([1, 1, 2, 3]))
        change = chance.choice(list(CHAIN_CHANGES))
        octets = CHAIN_CHANGES[change](chance, octets)
        if not is_plain(octets):
            continue
        header, start = Header.parse(octets)
        ours, theirs = answers.to(arc.verify(header, [octets[start:]])), them(octets, answers)
        if ours.result.value == theirs:
            agreed[theirs] += 1
            continue
        text = f"{ours.result} {ours.reason}, {change}: {theirs}"
        reason = next((why for pattern, why in known.items() if re.search(pattern, text)), "")
        differed[reason] += 1
        if not reason:
            unknown.append((text, octets[:2000]))
    print(agreed, *differed.most_common(), sep="\n")
    assert not unknown, unknown[:3]
    assert min(agreed["pass"], agreed["fail"]) > CHANGED // 10


def test_mailauth_says_the_same_of_chains(other: Mailauth) -> None:
    def them(octets: bytes, answers: Answers) -> str:
        return other.ask(answers, op="arc", message=octets, time=NOW_S)[0]

    compare_chains(them, {})


def test_dkimpy_says_the_same_of_chains(caplog: pytest.LogCaptureFixture) -> None:
    dkim = pytest.importorskip("dkim", reason="dkimpy is not installed")
    pytest.importorskip("authres", reason="authres is not installed, which dkimpy needs for ARC")
    caplog.set_level("CRITICAL", "dkimpy")

    def them(octets: bytes, answers: Answers) -> str:
        # It fails with an IndexError where no blank follows the colon, which relaxed takes for the same
        octets = octets.replace(b"\r\nARC-Message-Signature:i=", b"\r\nARC-Message-Signature: i=")
        try:
            found, _, _ = dkim.arc_verify(octets, dnsfunc=text_of(answers))
        except Exception:
            return "fail"
        return found.decode() if found else "fail"

    compare_chains(them, {})
