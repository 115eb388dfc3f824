"""Whether the answer of an authenticator is right, by the library that knows their formats and signatures.

Its functions are for threads: the library is loaded with the first call. They get what was read with limits before.
"""

from typing import Any, Final

from pillarbox.config.relying_party import RelyingParty
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey, Use
from pillarbox.server.sign_in.passkey_responses import (
    BACKUP_ELIGIBLE,
    VERIFIED,
    Made,
    ResponseRefused,
    Shown,
    check_authenticator_data,
    written,
)

ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS: Final = (ES256, EDDSA, RS256)
"""What may sign, the preferred one first (RFC 9053 §2). Some devices of Windows know RSA alone."""
MIN_RSA_OCTETS: Final = 256
MAX_RSA_OCTETS: Final = 512
MAX_EXPONENT_OCTETS: Final = 4
MAX_REASON: Final = 160
"""Characters: the library repeats what it was given."""
_P256: Final = 1


def verified_new(made: Made, challenge: bytes, party: RelyingParty) -> NewPasskey:
    """The passkey that was made (Web Authentication §7.1). Raises `ResponseRefused`."""
    from webauthn import verify_registration_response
    from webauthn.helpers.structs import AuthenticatorAttestationResponse, RegistrationCredential

    attestation = _without_statement(made.attestation)
    try:
        found = verify_registration_response(
            credential=RegistrationCredential(
                written(made.credential),
                made.credential,
                AuthenticatorAttestationResponse(made.client_data, attestation),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            supported_pub_key_algs=_algorithms(),
        )
    except Exception as wrong:  # the library has no common class, and malformed parts raise others
        raise _refused(wrong) from None
    if found.credential_id != made.credential:
        raise ResponseRefused("the id is not that of the key")
    _check_key(found.credential_public_key)
    return NewPasskey(
        credential=made.credential,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        transports=made.transports,
        aaguid=bytes.fromhex(found.aaguid.replace("-", "")),
        domain=party.id,
        verified=found.user_verified,
        backup_eligible=found.credential_device_type == "multi_device",
        backed_up=found.credential_backed_up,
    )


def verified_use(
    shown: Shown,
    challenge: bytes,
    passkey: Passkey,
    party: RelyingParty,
    *,
    alone: bool,
    after_password: bool,
) -> Use:
    """That the passkey was used (Web Authentication §7.2). Raises `ResponseRefused`."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

    try:
        found = verify_authentication_response(
            credential=AuthenticationCredential(
                written(shown.credential),
                shown.credential,
                AuthenticatorAssertionResponse(
                    shown.client_data, shown.authenticator_data, shown.signature, shown.handle
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key,
            # `directory.sign_in.passkeys.record_use` looks at the counter, and refuses nobody for it
            credential_current_sign_count=0,
            require_user_verification=alone,
        )
    except Exception as wrong:  # as above
        raise _refused(wrong) from None
    # §7.2, step 19: it never changes
    if bool(shown.flags & BACKUP_ELIGIBLE) is not passkey.backup_eligible:
        raise ResponseRefused("the passkey says that it is of another kind than it was")
    return Use(
        id=passkey.id,
        account=passkey.account,
        sign_count=found.new_sign_count,
        verified=bool(shown.flags & VERIFIED),
        backed_up=found.credential_backed_up,
        after_password=after_password,
    )


def _refused(wrong: Exception) -> ResponseRefused:
    return ResponseRefused(f"{type(wrong).__name__}: {wrong}"[:MAX_REASON])


def _without_statement(attestation: bytes) -> bytes:
    """The attestation, but for who says that the authenticator is a good one: nobody is asked for that, and so no
    certificates of strangers are looked at."""
    import cbor2

    try:
        read: Any = cbor2.loads(attestation)
        data = read["authData"]
    except Exception as wrong:  # whatever a decoder raises
        raise ResponseRefused(f"CBOR: {type(wrong).__name__}") from None
    if not isinstance(data, bytes):
        raise ResponseRefused("the attestation has no authenticator data")
    check_authenticator_data(data, has_key=True)
    return cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})


def _algorithms() -> list[Any]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return [COSEAlgorithmIdentifier(algorithm) for algorithm in ALGORITHMS]


def _check_key(key: bytes) -> None:
    """See that signatures can be verified with this key, in a time that nobody notices."""
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
    from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedRSAPublicKey

    try:
        decoded = decode_credential_public_key(key)
        decoded_public_key_to_cryptography(decoded)
    except Exception as wrong:  # as above
        raise _refused(wrong) from None
    if isinstance(decoded, DecodedEC2PublicKey) and decoded.crv != _P256:
        raise ResponseRefused("a key of another curve than was asked for")
    if isinstance(decoded, DecodedRSAPublicKey) and not (
        MIN_RSA_OCTETS <= len(decoded.n) <= MAX_RSA_OCTETS and len(decoded.e) <= MAX_EXPONENT_OCTETS
    ):
        raise ResponseRefused("an RSA key of a size that is not used")
