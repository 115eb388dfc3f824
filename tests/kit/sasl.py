"""Both sides of a SASL exchange connected to each other, without a socket."""

from collections.abc import Mapping

from pillarbox.protocol.sasl.client import ClientExchange
from pillarbox.protocol.sasl.exchange import Challenge, CheckPassword, Exchange, Failure, NeedKeys, Success
from pillarbox.protocol.sasl.scram_keys import ScramKeys, server_keys

SALT = bytes(range(16))
ITERATIONS = 4096


def keys_of(password: str) -> ScramKeys:
    return ScramKeys(SALT, ITERATIONS, (server_keys(password, SALT, ITERATIONS),))


def converse(
    server: Exchange, client: ClientExchange, passwords: Mapping[str, str], *, initial: bool = True
) -> Success | Failure:
    """Run an exchange to its end against these accounts."""
    step = server.respond(client.initial if initial else None)
    for _step in range(10):
        match step:
            case Challenge(b"") if client.initial is not None and not initial:
                initial = True
                step = server.respond(client.initial)
            case Challenge(octets):
                step = server.respond(client.respond(octets))
            case CheckPassword():
                step = server.decide(granted=passwords.get(step.login) == step.password)
            case NeedKeys(login):
                step = server.supply(keys_of(passwords.get(login, "wrong password")))
            case Success() | Failure():
                return step
    raise AssertionError("the exchange does not end")
