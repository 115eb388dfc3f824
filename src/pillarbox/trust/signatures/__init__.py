"""What DKIM (RFC 6376) and ARC (RFC 8617) have in common.

    rejected.py       a signature that is not good: the result and why
    tag_list.py       `a=rsa-sha256; d=example.org` (§3.2)
    signature.py      a signature field as a value (§3.5)
    signed_header.py  fields in canonical form, and those that `h=` names (§3.4.1, §3.4.2, §5.4.2)
    body_hash.py      the body in canonical form, hashed as it comes (§3.4.3, §3.4.4)
    key_record.py     public keys in the DNS (§3.6)
    arithmetic.py     RSA and Ed25519
    signed_names.py   what our own signatures cover (§5.4)
    writing.py        a signature field as octets
    signing_key.py    with what to sign

A message is a header, and a body that comes in pieces. Line ends are CRLF: a signature covers octets, and what a relay
would change on the way is put right before signing (§5.3).
"""
