"""Signs a message (RFC 6376 §5, RFC 8463 §6).

Always relaxed/relaxed, over the whole body (never `l=`), with what `signatures.signed_names` names. The body is hashed
once, however many keys sign. The message has to be in its final form (`mail.seven_bit.in_final_form`).
"""

from collections.abc import Sequence

from pillarbox.mail.header import Header
from pillarbox.trust.signatures.signed_header import Canonicalization, SignedHeader
from pillarbox.trust.signatures.signed_names import names_to_sign
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.trust.signatures.writing import FoldedField, base64


def sign(
    header: Header,
    body_digest: bytes,
    keys: Sequence[SigningKey],
    *,
    signed_s: int,
    expires_s: int | None = None,
) -> bytes:
    """The DKIM-Signature fields to put on top of a message, one for each key, in their order.

    `body_digest` is that of the relaxed form (`signatures.body_hash`), `signed_s` and `expires_s` are UNIX seconds; a
    queue keeps mail for days, so an expiry should be a week away at least. Raises `Unsignable`.
    """
    seen = SignedHeader(header)
    names = names_to_sign(seen)
    covered = seen.covered(names, Canonicalization.RELAXED)
    fields = list[bytes]()
    for key in keys:
        field = FoldedField(b"DKIM-Signature")
        for tag in ("v=1", f"a={key.algorithm}", "c=relaxed/relaxed", f"d={key.domain}", f"s={key.selector}"):
            field.tag(tag)
        field.tag(f"t={signed_s}")
        if expires_s is not None:
            field.tag(f"x={expires_s}")
        field.names(names)
        field.tag(f"bh={base64(body_digest)}")
        fields.append(field.signed(key, covered))
    return b"".join(fields)
