"""What the command of OpenSSL signs is verified (S/MIME)."""

from pathlib import Path

import pytest

from pillarbox.trust.smime.certificates import Roots
from pillarbox.trust.smime.kinds import FAILED, VERIFIED
from pillarbox.trust.smime.verification import verify
from tests.kit.signed_by_smime import NOW_MS, authority, by_openssl, person, rsa_key

ROOT = authority()


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-nodetach",),
        ("-nodetach", "-stream"),
        ("-md", "sha512"),
        ("-keyid",),
        ("-noattr",),
        ("-noattr", "-nodetach"),
        ("-crlfeol",),
        ("-keyopt", "rsa_padding_mode:pss"),
        ("-nodetach", "-nosmimecap"),
    ],
)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_what_openssl_signs(tmp_path: Path, options: tuple[str, ...], kind: str) -> None:
    if kind == "ec" and "-keyopt" in options:
        pytest.skip("a way of RSA")
    ann = person(ROOT, key=rsa_key() if kind == "rsa" else None)
    message = by_openssl(tmp_path, ann, *options)
    found = verify(message, Roots([ROOT.der]), NOW_MS)
    assert found is not None
    assert (found[0].status, found[0].errors) == (VERIFIED, ())


def test_broken_algorithms_prove_nothing(tmp_path: Path) -> None:
    found = verify(by_openssl(tmp_path, person(ROOT), "-md", "sha1"), Roots([ROOT.der]), NOW_MS)
    assert found is not None
    assert found[0].status == FAILED
    assert "algorithm" in found[0].errors[0]


def test_certificates_that_are_left_out(tmp_path: Path) -> None:
    found = verify(by_openssl(tmp_path, person(ROOT), "-nocerts"), Roots([ROOT.der]), NOW_MS)
    assert found is not None
    assert "missing" in found[0].errors[0]
