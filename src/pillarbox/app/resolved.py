"""What a provider needs in addition to its configuration: values that had to be looked up or translated.

`resolve` checks everything in the configuration that goes beyond the types of its fields, so that a mistake is
reported in terms of the file, and before anything is started.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pillarbox.admin import password_rules
from pillarbox.app.sockets import Endpoint
from pillarbox.config.names import host_name
from pillarbox.config.schema import Config, ConfigWrong
from pillarbox.config.sections.certificates import Certificate
from pillarbox.config.sections.relay import Relay
from pillarbox.config.services import SERVICES
from pillarbox.protocol.sasl.client import Credentials
from pillarbox.protocol.webpush import subject
from pillarbox.protocol.webpush.subject import SubjectRefused
from pillarbox.server.relay.host_finder import SMART_HOST, Encryption, Host, Routes
from pillarbox.world.resolver.servers import DNS_PORT, NameServer
from pillarbox.world.tls.server import CertificateFiles, CertificateUnusable

MAX_MARK_AUTHORITIES: Final = 100
"""Root certificates in the file of `authentication.bimi_roots`."""
MAX_MAIL_AUTHORITIES: Final = 1_000
"""Likewise, of `authentication.smime_roots`."""
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what the operator asks for with "*"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The checked configuration, and what had to be resolved for it."""

    config: Config
    endpoints: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    """Where to listen, by service."""
    certificates: tuple[CertificateFiles, ...] = ()
    """The first is used for clients that send no server name, or an unknown one."""
    routes: Routes = field(default_factory=dict)
    """Servers that take mail for a domain instead of its MX hosts; `SMART_HOST` for all others."""
    name_servers: tuple[NameServer, ...] = ()
    """Recursive name servers; empty: those of the machine."""


def resolve(config: Config) -> Resolved:
    """Resolve what the configuration names. Raises `ConfigWrong`."""
    _check_authorities("bimi_roots", config.authentication.bimi_roots, MAX_MARK_AUTHORITIES)
    _check_authorities("smime_roots", config.authentication.smime_roots, MAX_MAIL_AUTHORITIES)
    _check_networks(config.http.trusted_proxies, "http.trusted_proxies")
    _check_networks(config.push.allowed_networks, "push.allowed_networks")
    _check_push_subject(config.push.subject)
    _check_breached(config.passwords.breached)
    return Resolved(
        config,
        endpoints=_listen_endpoints(config),
        certificates=tuple(_certificates(config.certificates)),
        routes=_routes(config.relay),
        name_servers=tuple(_name_server(text) for text in config.resolver.servers),
    )


def with_own_certificate(resolved: Resolved, *, now_ms: int) -> Resolved:
    """The same, with a certificate made by Pillarbox where the configuration names none.

    It is made, and renewed, in the data directory, so call this as the user that serves. Raises OSError.
    """
    if resolved.certificates:
        return resolved
    from pillarbox.world.tls import authority

    config = resolved.config
    names = tuple(dict.fromkeys((config.hostname, config.domain)))
    made = authority.ensure(config.data_directory.tls, names, now_ms=now_ms)
    return replace(resolved, certificates=(made.server,))


# --- endpoints


def _listen_endpoints(config: Config) -> dict[str, tuple[Endpoint, ...]]:
    found: dict[str, tuple[Endpoint, ...]] = {}
    taken: dict[tuple[str, int], str] = {}
    for name in SERVICES:
        texts: tuple[str, ...] = getattr(config.listen, name)
        found[name] = tuple(end for text in texts for end in _endpoints(text, f"listen.{name}"))
        for one in found[name]:
            other = taken.setdefault((one.host, one.port), name)
            if other != name and one.port:
                raise ConfigWrong(
                    f"'listen.{name}': {one.host}:{one.port} is that of 'listen.{other}' already"
                )
    return found


def _endpoints(text: str, option: str) -> Iterable[Endpoint]:
    host, port = _host_and_port(text, option)
    if host == "*":
        return [Endpoint(address, port, optional=address == "::") for address in EVERYWHERE]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigWrong(
            f"'{option}': '{host}' is not an IP address. Write \"*:{port}\" for all addresses of this machine, "
            f'or one of them: "127.0.0.1:{port}", "[::1]:{port}"'
        ) from None
    return [Endpoint(host, port)]


def _host_and_port(text: str, option: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.strip().removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise ConfigWrong(f"'{option}': '{text}' is not of the form \"host:port\"")
    return host, int(port)


def _check_networks(given: Iterable[str], option: str) -> None:
    for text in given:
        try:
            ipaddress.ip_network(text)
        except ValueError as wrong:
            raise ConfigWrong(f"'{option}': {wrong}") from None


def _check_push_subject(given: str) -> None:
    """One that was not given is of a domain that was looked at; `pillarbox check` says if push services refuse it."""
    if not given:
        return
    try:
        subject.check(given)
    except SubjectRefused as refused:
        raise ConfigWrong(f"'push.subject': '{given}' {refused}") from None


# --- relay


def _routes(relay: Relay) -> dict[str, Host]:
    found = {
        host_name(domain, "relay.routes"): _host(target, "relay.routes")
        for domain, target in relay.routes.items()
    }
    if relay.smart_host:
        found[SMART_HOST] = _smart_host(relay)
    return found


def _host(text: str, option: str) -> Host:
    name, port = _host_and_port(text, option)
    if not port:
        raise ConfigWrong(f"'{option}': '{text}': there is no port 0")
    if not name.isascii():
        name = host_name(name, option)
    # RFC 8314 §3.3: port 465 has TLS from the first octet
    return Host(name, port, implicit_tls=port == SERVICES["submissions"].port, certain=True)


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


# --- resolver, certificates


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
    for certificate in given:
        names = frozenset(certificate.names)
        if len(given) > 1 and not names:  # a single certificate is used for every name
            from pillarbox.world.tls.certificate import read_facts

            try:
                names = frozenset(read_facts(certificate.chain).names)
            except CertificateUnusable as failure:
                raise ConfigWrong(f"'certificates': {failure}") from None
        yield CertificateFiles(certificate.chain, certificate.key, names)


def _check_breached(file: Path | None) -> None:
    """`admin.password_rules` reads it."""
    if file is None:
        return
    try:
        password_rules.check_file(file)
    except password_rules.FileUnusable as wrong:
        raise ConfigWrong(f"'passwords.breached': {file} {wrong}") from None
    except OSError as failure:
        raise ConfigWrong(f"'passwords.breached': can't read {file}: {failure.strerror}") from None


def _check_authorities(option: str, roots: Path | None, most: int) -> None:
    """`delivery.checks.authentication` and `server.jmap.emails.signed` read the files."""
    if roots is None:
        return
    from pillarbox.world.tls.certificate import read_chain

    try:
        found = len(read_chain(roots))
    except CertificateUnusable as failure:
        raise ConfigWrong(f"'authentication.{option}': {failure}") from None
    if found > most:
        raise ConfigWrong(f"'authentication.{option}': {roots} has {found} certificates, more than {most}")
