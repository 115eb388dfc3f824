"""The client side of SASL, for logging in to other servers and for testing the server side.

`choose` picks the strongest mechanism that both sides support; `ClientExchange.initial` is the initial response,
`respond` answers each challenge. SCRAM also authenticates the server: a success that the server reports while
`server_proven` is false must not be trusted.
"""

import hmac
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Literal

from pillarbox.protocol.sasl.exchange import AuthenticationFailed, Reason
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query
from pillarbox.protocol.sasl.scram_keys import client_keys, client_proof, server_signature
from pillarbox.protocol.sasl.scram_message import (
    ServerFirst,
    encode,
    escape,
    parse_server_final,
    parse_server_first,
)

MIN_ITERATIONS = 4096
"""RFC 7677 §3: with fewer iterations an eavesdropper can guess the password cheaply."""
MAX_ITERATIONS = 100_000
"""More iterations would be an attack on the client's time: these are some 30 ms, in which nobody else is served."""

ClientMechanism = Generator[bytes, bytes, None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client authenticates with. `authorization`: the identity to act as, if another."""

    login: str
    password: str = field(repr=False)
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An OAuth 2.0 access token, and what OAUTHBEARER tells besides: whom it is for, and the server (RFC 7628 §3.1)."""

    login: str
    token: str = field(repr=False)
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Binding:
    """The channel binding that a client uses: its type and this connection's data."""

    kind: str
    data: bytes


class ClientExchange:
    """One authentication, client side."""

    __slots__ = ("_mechanism", "_pending", "finished", "initial", "name", "server_proven")

    def __init__(self, name: str, mechanism: ClientMechanism, *, client_first: bool, proves: bool) -> None:
        self.name = name
        self._mechanism = mechanism
        self.finished = False
        self.server_proven = not proves
        first = next(mechanism)
        self.initial: bytes | None = first if client_first else None
        self._pending = None if client_first else first

    def respond(self, challenge: bytes) -> bytes:
        """Answer a challenge. Raises `AuthenticationFailed` if the server broke the mechanism or is not proven."""
        if self._pending is not None:
            answer, self._pending = self._pending, None
            return answer
        try:
            return self._mechanism.send(challenge)
        except StopIteration:
            if self.finished:
                raise AuthenticationFailed(Reason.MALFORMED, "a challenge after the end") from None
            self.finished = self.server_proven = True
            return b""


def choose(
    offered: Iterable[str],
    credentials: Credentials,
    *,
    nonce: str,
    binding: Binding | None,
    plain_allowed: bool,
) -> ClientExchange | None:
    """Begin with the strongest mechanism offered, or `None` if none may be used.

    `plain_allowed`: the connection has TLS to a verified server, so a password may be sent on it.
    """
    names = {name.upper() for name in offered}
    if binding and "SCRAM-SHA-256-PLUS" in names:
        return _scram("SCRAM-SHA-256-PLUS", credentials, nonce, "p", binding)
    if "SCRAM-SHA-256" in names:
        # RFC 5802 §6: "y": we support channel binding, but saw no offer; so the server detects a removed offer.
        return _scram("SCRAM-SHA-256", credentials, nonce, "y" if binding else "n", None)
    if plain_allowed and "PLAIN" in names:
        return ClientExchange("PLAIN", _plain(credentials), client_first=True, proves=False)
    if plain_allowed and "LOGIN" in names and not credentials.authorization:
        return ClientExchange("LOGIN", _login(credentials), client_first=False, proves=False)
    return None


def choose_bearer(offered: Iterable[str], bearer: BearerToken) -> ClientExchange | None:
    """Begin with OAUTHBEARER (RFC 7628) or its forerunner XOAUTH2, or `None` if neither is offered.

    Only for a connection with TLS to a verified server: whoever has the token may use it. Raises
    `AuthenticationFailed` where the login or the token can't be sent.
    """
    names = {name.upper() for name in offered}
    if any(ord(character) < 0x20 for character in bearer.login + bearer.token):
        raise AuthenticationFailed(Reason.MALFORMED, "a control character in the login or the token")
    if "OAUTHBEARER" in names:
        initial = (
            f"n,a={escape(bearer.login)},\x01host={bearer.host}\x01port={bearer.port}\x01"
            f"auth=Bearer {bearer.token}\x01\x01"
        )
        # RFC 7628 §3.2.3: the answer to a message about an error
        return ClientExchange("OAUTHBEARER", _bearer(initial, b"\x01"), client_first=True, proves=False)
    if "XOAUTH2" in names:
        initial = f"user={bearer.login}\x01auth=Bearer {bearer.token}\x01\x01"
        return ClientExchange("XOAUTH2", _bearer(initial, b""), client_first=True, proves=False)
    return None


def _bearer(initial: str, after_error: bytes) -> ClientMechanism:
    yield initial.encode()
    yield after_error


def _plain(credentials: Credentials) -> ClientMechanism:
    parts = (credentials.authorization, credentials.login, credentials.password)
    if any("\0" in part for part in parts):
        raise AuthenticationFailed(Reason.MALFORMED, "NUL in credentials")
    yield "\0".join(parts).encode()


def _login(credentials: Credentials) -> ClientMechanism:
    yield credentials.login.encode()
    yield credentials.password.encode()


def _scram(
    name: str, credentials: Credentials, nonce: str, flag: Literal["n", "y", "p"], binding: Binding | None
) -> ClientExchange:
    cbind_flag = f"p={binding.kind}" if binding else flag
    authzid = f"a={escape(credentials.authorization)}" if credentials.authorization else ""
    gs2_header = f"{cbind_flag},{authzid},"
    bound = gs2_header.encode() + (binding.data if binding else b"")
    mechanism = _scram_messages(credentials, nonce, gs2_header, bound)
    return ClientExchange(name, mechanism, client_first=True, proves=True)


def _scram_messages(credentials: Credentials, nonce: str, gs2_header: str, bound: bytes) -> ClientMechanism:
    bare = f"n={escape(_prepared(credentials.login))},r={nonce}"
    server = parse_server_first((yield (gs2_header + bare).encode()))
    _check_server_first(server, nonce)
    keys = client_keys(_prepared(credentials.password), server.salt, server.iterations)
    unproven = f"c={encode(bound)},r={server.nonce}"
    signed = f"{bare},{server.text},{unproven}".encode()
    signature = parse_server_final((yield f"{unproven},p={encode(client_proof(keys, signed))}".encode()))
    if not hmac.compare_digest(signature, server_signature(keys.server_key, signed)):
        raise AuthenticationFailed(Reason.CREDENTIALS, "the server does not know the password")


def _check_server_first(server: ServerFirst, nonce: str) -> None:
    # RFC 5802 §5.1: the client MUST verify that its nonce begins the server's.
    if not server.nonce.startswith(nonce) or len(server.nonce) == len(nonce):
        raise AuthenticationFailed(Reason.MALFORMED, "server nonce does not begin with the client nonce")
    if not MIN_ITERATIONS <= server.iterations <= MAX_ITERATIONS:
        raise AuthenticationFailed(Reason.MALFORMED, f"server asks for {server.iterations} iterations")


def _prepared(text: str) -> str:
    try:
        prepared = prepare_query(text)
    except PreparationFailed as failed:
        raise AuthenticationFailed(Reason.CREDENTIALS, str(failed)) from None
    if not prepared:
        raise AuthenticationFailed(Reason.CREDENTIALS, "empty name or password")
    return prepared
