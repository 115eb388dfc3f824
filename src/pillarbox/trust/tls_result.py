"""What went wrong with the TLS of a delivery, in the words of RFC 8460 §4.3, which reports and log lines share."""

from enum import StrEnum


class TlsResult(StrEnum):
    """Result types (RFC 8460 §4.3)."""

    __hash__ = str.__hash__

    STARTTLS_NOT_SUPPORTED = "starttls-not-supported"
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted"
    VALIDATION_FAILURE = "validation-failure"
    TLSA_INVALID = "tlsa-invalid"
    DNSSEC_INVALID = "dnssec-invalid"
    DANE_REQUIRED = "dane-required"
    STS_POLICY_FETCH_ERROR = "sts-policy-fetch-error"
    STS_POLICY_INVALID = "sts-policy-invalid"
    STS_WEBPKI_INVALID = "sts-webpki-invalid"


def of_handshake(text: str) -> TlsResult:
    """The result type of a handshake that failed, by what OpenSSL says of it."""
    said = text.lower()
    if "hostname mismatch" in said or "ip address mismatch" in said:
        return TlsResult.CERTIFICATE_HOST_MISMATCH
    if "certificate has expired" in said:
        return TlsResult.CERTIFICATE_EXPIRED
    if "certificate verify failed" in said:
        return TlsResult.CERTIFICATE_NOT_TRUSTED
    return TlsResult.VALIDATION_FAILURE
