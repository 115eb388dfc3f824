"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, server side (RFC 5802 §5, RFC 7677).

    C: client-first   n,,n=user,r=<client nonce>
    S: server-first   r=<both nonces>,s=<salt>,i=<rounds>
    C: client-final   c=<binding>,r=<both nonces>,p=<proof>
    S: server-final   v=<signature>

The password is never sent and the server does not store it. A login may have several passwords that share its salt;
the proof shows which was used. An unknown name gets the same messages with keys that match no password, and fails
where a wrong password fails. SMTP, IMAP and POP3 cannot carry data with their success, so server-final is a challenge
of its own with an empty response (RFC 4422 §5.2).

Written with `hashlib` alone: the available library does not support `tls-exporter`, makes its own nonce, and gets the
keys by a callback, where a pure machine must be able to wait for them.
"""

import hmac
from collections.abc import Callable

from pillarbox.protocol.sasl.exchange import (
    AuthenticationFailed,
    Challenge,
    Mechanism,
    NeedKeys,
    Reason,
    Success,
    keys_of,
    response_of,
)
from pillarbox.protocol.sasl.identity import prepared_identity
from pillarbox.protocol.sasl.scram_keys import KeyPair, ScramKeys, proof_holds, server_signature
from pillarbox.protocol.sasl.scram_message import (
    ClientFinal,
    ClientFirst,
    encode,
    parse_client_final,
    parse_client_first,
    server_first,
)

ChannelBinding = Callable[[str], bytes | None]
"""The connection's channel binding data by type (`tls-exporter`, ...), or `None` for an unsupported type."""


def scram(nonce: str, channel: ChannelBinding | None, *, plus: bool) -> Mechanism:
    """SCRAM, server side. `nonce` is fresh and printable; `channel` is given if -PLUS was offered."""
    first = parse_client_first(response_of((yield Challenge(b""))))
    binding = _binding_data(first, channel, plus=plus)
    # RFC 5802 §5.1: the server prepares the name, but hashes it as received (it stays in `first.bare`).
    login = prepared_identity(first.name.encode())
    authorization = prepared_identity(first.authorization.encode()) if first.authorization else ""
    keys = keys_of((yield NeedKeys(login)))
    both_nonces = first.nonce + nonce
    opening = server_first(both_nonces, keys.salt, keys.iterations)
    final = parse_client_final(response_of((yield Challenge(opening.encode()))))
    _check_binding(final, first.gs2_header.encode() + binding, both_nonces)
    signed = f"{first.bare},{opening},{final.unproven}".encode()
    pair = _proven(keys, signed, final.proof)
    closing = f"v={encode(server_signature(pair.server_key, signed))}"
    if response_of((yield Challenge(closing.encode()))):
        raise AuthenticationFailed(Reason.MALFORMED, "response after the end of SCRAM")
    return Success(login, authorization, pair.credential, pair.stored_key)


def _proven(keys: ScramKeys, signed: bytes, proof: bytes) -> KeyPair:
    why, name = "wrong proof", ""
    for pair in keys.pairs:
        if proof_holds(pair.stored_key, signed, proof):
            refusal = pair.refusal() if pair.refusal else ""
            if not refusal:
                return pair
            why, name = refusal, pair.name  # found, but as slow as if it were not
    raise AuthenticationFailed(Reason.CREDENTIALS, why, name)


def _binding_data(first: ClientFirst, channel: ChannelBinding | None, *, plus: bool) -> bytes:
    if first.flag == "p":
        data = channel(first.binding) if channel and plus else None
        if data is None:
            # RFC 5802 §6: "MUST fail authentication" for a binding type the server does not support.
            raise AuthenticationFailed(Reason.CHANNEL_BINDING, f"no channel binding {first.binding[:32]}")
        return data
    if plus:
        raise AuthenticationFailed(Reason.CHANNEL_BINDING, "-PLUS chosen without channel binding")
    if first.flag == "y" and channel:
        # RFC 5802 §6: the client did not see the -PLUS that was offered, so the list was tampered with.
        raise AuthenticationFailed(Reason.CHANNEL_BINDING, "the client did not see that -PLUS was offered")
    return b""


def _check_binding(final: ClientFinal, expected: bytes, nonce: str) -> None:
    # RFC 5802 §6: "The server MUST always validate the client's c= field."
    if not hmac.compare_digest(final.binding, expected):
        raise AuthenticationFailed(Reason.CHANNEL_BINDING, "channel binding does not match")
    if not hmac.compare_digest(final.nonce.encode(), nonce.encode()):
        raise AuthenticationFailed(Reason.MALFORMED, "nonce does not match")
