"""Which messages are S/MIME's, by their Content-Type (RFC 9219 §4.1)."""

import pytest

from pillarbox.trust.smime.kinds import MAX_FIELD_OCTETS, Kind, is_smime, kind_of, may_be_smime


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (None, Kind.NONE),
        (b"text/plain", Kind.NONE),
        (b'text/plain; name="multipart/signed"', Kind.NONE),
        (b'multipart/mixed; protocol="application/pkcs7-signature"', Kind.NONE),
        (b'multipart/signed; protocol="application/pkcs7-signature"; boundary=x', Kind.DETACHED),
        (b'Multipart/Signed;\r\n PROTOCOL="Application/X-PKCS7-Signature"', Kind.DETACHED),
        (b"multipart/signed (x); boundary=x", Kind.DETACHED),
        (b'multipart/signed; protocol="application/pgp-signature"', Kind.UNKNOWN),
        (b"application/pkcs7-mime", Kind.OPAQUE),
        (b"application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m", Kind.OPAQUE),
        (b'application/pkcs7-mime; smime-type="Enveloped-Data"', Kind.UNKNOWN),
        (b"application/pkcs7-mime; smime-type=authEnveloped-data", Kind.UNKNOWN),
        (b"application/pkcs7-mime; smime-type=compressed-data", Kind.UNKNOWN),
        (b"application/pkcs7-mime; smime-type=certs-only", Kind.UNKNOWN),
        (b"application/pkcs7-signature", Kind.NONE),
        (b"multipart/signed; x=" + b"x" * MAX_FIELD_OCTETS, Kind.NONE),
    ],
)
def test_the_kind(written: bytes | None, kind: Kind) -> None:
    assert kind_of(written) is kind
    lines = b"" if written is None else b"Subject: x\r\nContent-Type: " + written + b"\r\n"
    assert is_smime(lines) is (kind is not Kind.NONE)
    assert may_be_smime(lines) or kind is Kind.NONE
