"""Signatures of a message that had to be changed after it was signed: for a server without 8BITMIME or SMTPUTF8.

Only our own mail is signed again: what an account submitted, whose From was found to be the account's own, and what
this host makes itself. Mail of others that is handed on may have the same null reverse-path, and any From that its
sender likes; but it has passed a server, ours at least, and has the Received field to show for it.

Signatures of others are left as they are. They are broken, which counts like none (RFC 6376 §6.1); the other option,
to refuse to convert, would return mail that arrives today.
"""

from collections.abc import Sequence

from pillarbox.delivery.signing import keys_of_host, signing_keys
from pillarbox.mail.header import Header
from pillarbox.mail.prepending import prepend
from pillarbox.queue.schedule import QueuedMessage
from pillarbox.trust import dkim
from pillarbox.trust.dkim import field
from pillarbox.trust.dmarc.authors import authors
from pillarbox.trust.signatures.body_hash import body_digest
from pillarbox.trust.signatures.signed_names import Unsignable
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.database import Transaction


def signed_anew(
    tx: Transaction, message: QueuedMessage, octets: bytes, hostname: str, *, now_ms: int
) -> bytes:
    """The octets that `message` was converted to, with valid signatures in place of those that we made before.

    The same object where they are not ours to sign, or without keys. A read; large ones are for a thread.
    """
    header, body_start = Header.parse(octets)
    keys = _keys(tx, message, header, hostname)
    if not keys:
        return octets
    try:
        digest = body_digest(octets[body_start:])
        kept = _without_signatures(header, {key.domain for key in keys})
        signatures = dkim.sign(kept, digest, keys, signed_s=now_ms // 1000)
    except Unsignable:
        return octets
    return prepend(signatures, kept.octets + octets[body_start:])


def _keys(tx: Transaction, message: QueuedMessage, header: Header, hostname: str) -> Sequence[SigningKey]:
    if message.account is not None:
        domains = authors(header).domains
        return next(filter(None, (signing_keys(tx, domain) for domain in domains)), ())
    if message.reverse_path is None and "received" not in header:
        return keys_of_host(tx, hostname)
    return ()


def _without_signatures(header: Header, domains: set[str]) -> Header:
    """The header without what these domains have signed before."""
    kept = [each.raw for each in header.fields if not _is_by(each.raw, each.key, domains)]
    return Header(b"".join((*kept, header.separator)), header.separator)


def _is_by(raw: bytes, key: str, domains: set[str]) -> bool:
    return key == "dkim-signature" and field.parse(raw.removesuffix(b"\n")).domain in domains
