"""The same messages, signed and verified by us and by dkimpy.

It is no dependency, not even of development, since it has no wheel: `pip install dkimpy dnspython pynacl authres` runs
this test. `PILLARBOX_DKIM_MUTATIONS` says how many changed messages are compared.
"""

import os
import random
import time
from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from pillarbox.mail.header import Header
from pillarbox.mail.seven_bit import in_final_form
from pillarbox.trust.dkim import SigningKey
from pillarbox.trust.dkim.keys import to_pem
from pillarbox.trust.results import Result
from tests.kit.corpora import needs_corpora, single_messages
from tests.kit.signed_mail import (
    DOMAIN,
    MESSAGE,
    crafted,
    ed25519_key,
    rsa_key,
    signed,
    verified,
    zone,
)
from tests.unit.trust.arc.test_chain import outcome, sealed

dkim = pytest.importorskip("dkim", reason="dkimpy is not installed")
pytest.importorskip("nacl", reason="PyNaCl is not installed, which dkimpy needs for Ed25519")
pytest.importorskip("authres", reason="authres is not installed, which dkimpy needs for ARC")

KEYS = (rsa_key(), ed25519_key())
ZONE = zone(*KEYS)
TEXTS = {name: records[0] for (name, _), records in ZONE.items()}
MUTATIONS = int(os.environ.get("PILLARBOX_DKIM_MUTATIONS", "300"))
FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")


def found(name: bytes | str, timeout: int = 5) -> bytes | None:
    text = name.decode() if isinstance(name, bytes) else name
    return TEXTS.get(text.removesuffix("."))


def agrees(octets: bytes, place: int = 0) -> bool:
    """What dkimpy says of a signature."""
    try:
        return bool(dkim.DKIM(octets).verify(place, dnsfunc=found))
    except (dkim.DKIMException, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return False


def wellformed_messages() -> list[bytes]:
    """Messages of the corpora that both take for messages, with CRLF, as they would be transmitted."""
    messages = []
    for _name, octets in single_messages():
        text = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        header, _ = Header.parse(text)
        try:
            fields = dkim.DKIM(text).headers
        except (dkim.DKIMException, IndexError):
            continue
        if "From" in header and header.separator and len(fields) == len(header.fields):
            messages.append(text)
    return messages


def pem(key: SigningKey) -> bytes:
    if isinstance(key.key, RSAPrivateKey):
        return to_pem(key.key).encode()
    return b64encode(key.key.private_bytes_raw())


def signed_by_dkimpy(octets: bytes, key: SigningKey, forms: str, names: list[bytes] | None = None) -> bytes:
    header_form, body_form = (form.encode() for form in forms.split("/"))
    field = dkim.sign(
        octets,
        key.selector.encode(),
        key.domain.encode(),
        pem(key),
        canonicalize=(header_form, body_form),
        signature_algorithm=key.algorithm.encode(),
        include_headers=names,
    )
    return bytes(field) + octets


@needs_corpora
def test_what_we_sign_it_verifies() -> None:
    messages = wellformed_messages()
    assert len(messages) > 100
    wrong = [
        octets[:300] for octets in messages for place in (0, 1) if not agrees(signed(octets, *KEYS), place)
    ]
    assert wrong == []


@needs_corpora
@pytest.mark.parametrize("forms", FORMS)
def test_what_it_signs_we_verify(forms: str) -> None:
    wrong = []
    for place, octets in enumerate(wellformed_messages()):
        key = KEYS[place % 2]
        (outcome_, *_) = verified(signed_by_dkimpy(octets, key, forms), ZONE, received_s=int(time.time()))
        if outcome_.result is not Result.PASS:
            wrong.append((outcome_.reason, octets[:300]))
    assert wrong == []


CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda chance, octets: b"".join((octets[: (at := _at(chance, octets))], b" ", octets[at:])),
    lambda chance, octets: b"".join((octets[: (at := _at(chance, octets))], octets[at + 1 :])),
    lambda chance, octets: b"".join((octets[: (at := _at(chance, octets))], b"x", octets[at + 1 :])),
    lambda chance, octets: b"".join((octets[: (at := _line(chance, octets))], b" \t", octets[at:])),
    lambda chance, octets: b"".join((octets[: (at := _line(chance, octets))], b"\r\n ", octets[at:])),
    lambda chance, octets: octets + chance.choice([b"\r\n", b" ", b"\r\n\r\n", b"\t\r\n", b"x"]),
    lambda chance, octets: b"Received: x\r\n" + octets,
    lambda chance, octets: octets.replace(b"  ", b" ", 1),
)


def _at(chance: random.Random, octets: bytes) -> int:
    return chance.randrange(len(octets))


def _line(chance: random.Random, octets: bytes) -> int:
    """Before some line end."""
    return max(0, octets.find(b"\r\n", _at(chance, octets)))


def comparable(octets: bytes) -> bool:
    """Both take it for a message: dkimpy wants fields only in a header, and takes a bare LF for a line end."""
    header, _ = Header.parse(octets)
    try:
        fields = dkim.DKIM(octets).headers
    except (dkim.DKIMException, IndexError):
        return False
    return in_final_form(octets) and octets.endswith(b"\r\n") and len(fields) == len(header.fields)


def test_of_changed_messages_both_say_the_same() -> None:
    chance = random.Random(1)
    originals = [crafted(MESSAGE, key, {"c": forms}) for key in KEYS for forms in FORMS]
    different, compared, good = [], 0, 0
    while compared < MUTATIONS:
        octets = chance.choice(originals)
        for _ in range(chance.randint(1, 3)):
            octets = chance.choice(CHANGES)(chance, octets)
        ours = verified(octets, ZONE)
        if not comparable(octets) or len(ours) != 1 or ours[0].result is Result.POLICY:
            continue
        compared += 1
        good += ours[0].result is Result.PASS
        if (ours[0].result is Result.PASS) is not agrees(octets):
            different.append((ours[0].reason, octets))
    assert different == []
    assert 0 < good < compared


@needs_corpora
def test_chains_of_ours_it_verifies() -> None:
    rsa = rsa_key()
    for octets in wellformed_messages()[:100]:
        for times in (1, 2, 3):
            result, _, reason = dkim.arc_verify(sealed(octets, times, key=rsa), dnsfunc=found)
            assert (result, times) == (b"pass", times), (reason, octets[:300])


def test_chains_of_its_we_verify_and_continue() -> None:
    octets = b"Authentication-Results: mx.example; spf=pass\r\n" + MESSAGE
    for place in range(2):
        fields = dkim.arc_sign(octets, b"rsa", DOMAIN.encode(), pem(rsa_key()), b"mx.example")
        octets = b"Authentication-Results: mx.example; arc=pass\r\n" + b"".join(fields) + octets
        assert outcome(octets).result is Result.PASS, place
        octets = sealed(octets, key=rsa_key())
        assert outcome(octets).result is Result.PASS, place
        assert dkim.arc_verify(octets, dnsfunc=found)[0] == b"pass"
