"""From the configuration file to what the parts of Pillarbox are given: `Settings`, and where to listen."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path

from pillarbox.app.services import Endpoint
from pillarbox.app.settings import Settings
from pillarbox.config.schema import Certificate, Config, ConfigWrong, Relay
from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.protocol.sasl.client import Credentials
from pillarbox.server.relay.host_finder import SMART_HOST, Encryption, Host
from pillarbox.world.resolver.system import DNS_PORT, NameServer
from pillarbox.world.tls.server import CertificateFiles, CertificateUnusable

SUBMISSIONS_PORT = 465
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what the operator asks for by "*"


def settings(config: Config) -> Settings:
    """What a worker is given. Raises `ConfigWrong` for a name, address or certificate that can't be used."""
    return Settings(
        hostname=_name(config.hostname, "hostname"),
        data=config.data,
        certificates=tuple(_certificates(config.certificates)),
        primary_domain=_name(config.domain, "domain"),
        workers=config.workers,
        plain_passwords=config.plain_passwords,
        message_octets=config.limits.message_octets,
        recipients=config.limits.recipients,
        connections=config.limits.connections,
        connections_per_address=config.limits.connections_per_address,
        routes=_routes(config),
        relay_port=config.relay.port,
        name_servers=tuple(_name_server(text) for text in config.resolver.servers),
        name_servers_trusted=config.resolver.trusted,
    )


def certified(config: Config, given: Settings, *, now_ms: int) -> Settings:
    """The settings with a certificate of our own making where the configuration names none.

    Made (and renewed) in the data directory, so it is called as the user that serves. Raises OSError.
    """
    if given.certificates:
        return given
    from pillarbox.world.tls import authority

    names = dict.fromkeys((given.hostname, given.primary_domain))
    return replace(
        given, certificates=(authority.ensure(own_certificates(config), tuple(names), now_ms=now_ms).server,)
    )


def own_certificates(config: Config) -> Path:
    """The folder of the certificate that Pillarbox makes itself."""
    return config.data / "tls"


def endpoints(config: Config) -> Mapping[str, tuple[Endpoint, ...]]:
    """Where each service listens. Raises `ConfigWrong`."""
    found: dict[str, tuple[Endpoint, ...]] = {}
    for one in fields(config.listen):
        texts: tuple[str, ...] = getattr(config.listen, one.name)
        found[one.name] = tuple(end for text in texts for end in _endpoints(text, f"listen.{one.name}"))
    return found


def _endpoints(text: str, option: str) -> Iterable[Endpoint]:
    host, port = _host_and_port(text, option)
    if host == "*":
        return [Endpoint(address, port, optional=address == "::") for address in EVERYWHERE]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigWrong(
            f"'{option}': '{host}' is not an address of this machine. Write \"*:{port}\" for all of them, "
            f'or an address: "127.0.0.1:{port}", "[::1]:{port}"'
        ) from None
    return [Endpoint(host, port)]


def _host_and_port(text: str, option: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.strip().removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise ConfigWrong(f"'{option}': '{text}' is not of the form \"host:port\"")
    return host, int(port)


def _name(text: str, option: str) -> str:
    try:
        name = domain_key(text.removesuffix("."))
    except InvalidAddress as invalid:
        raise ConfigWrong(f"'{option}': '{text}' is not a domain name: {invalid}") from None
    if "." not in name or name.startswith("["):
        raise ConfigWrong(f"'{option}': '{text}' must be a full domain name such as mail.example.org")
    return name


def _routes(config: Config) -> dict[str, Host]:
    found = {
        _name(domain, "relay.routes"): _host(target, "relay.routes")
        for domain, target in config.relay.routes.items()
    }
    if config.relay.smart_host:
        found[SMART_HOST] = _smart_host(config.relay)
    return found


def _host(text: str, option: str) -> Host:
    name, port = _host_and_port(text, option)
    # RFC 8314 §3.3: port 465 speaks TLS from the first octet
    return Host(name, port, implicit_tls=port == SUBMISSIONS_PORT, certain=True)


def _smart_host(relay: Relay) -> Host:
    host = _host(relay.smart_host, "relay.smart_host")
    if not relay.smart_host_login:
        return host
    if relay.smart_host_password_file is None:
        raise ConfigWrong("'relay.smart_host_login' needs 'relay.smart_host_password_file'")
    try:
        password = relay.smart_host_password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise ConfigWrong(f"'relay.smart_host_password_file': {failure}") from None
    return replace(
        host,
        encryption=Encryption.VERIFIED,
        credentials=Credentials(relay.smart_host_login, password),
    )


def _name_server(text: str) -> NameServer:
    """`192.0.2.1`, `2001:db8::1`, `192.0.2.1:5353` or `[2001:db8::1]:5353`."""
    host, colon, _ = text.rpartition(":")
    address, number = text, DNS_PORT
    if colon and ("]" in host or ":" not in host):
        address, number = _host_and_port(text, "resolver.servers")
    try:
        return NameServer(str(ipaddress.ip_address(address)), number)
    except ValueError:
        raise ConfigWrong(f"'resolver.servers': '{text}' is not an IP address") from None


def _certificates(given: tuple[Certificate, ...]) -> Iterable[CertificateFiles]:
    for one in given:
        names = frozenset(one.names)
        if len(given) > 1 and not names:  # a lone one is shown for every name
            from pillarbox.world.tls.certificate import read_facts

            try:
                names = frozenset(read_facts(one.chain).names)
            except CertificateUnusable as failure:
                raise ConfigWrong(f"'certificates': {failure}") from None
        yield CertificateFiles(one.chain, one.key, names)
