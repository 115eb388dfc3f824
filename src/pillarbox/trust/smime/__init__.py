"""Signatures of messages by S/MIME (RFC 8551, RFC 8550): whether they hold, and whose they are.

    kinds.py         which messages have one, by their Content-Type
    ber.py           the elements of BER, which CMS is written in
    signed_data.py   what a SignedData of CMS says (RFC 5652 §5)
    signatures.py    whether the signature of one signer holds
    certificates.py  whether the signer's certificate is good, and for which addresses
    verification.py  a message and its verdict

Whether certificates were revoked is not asked. Nothing decrypts.
"""
