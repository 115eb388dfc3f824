"""For what domain passkeys are made, and on which pages they are used (Web Authentication §4, relying party id).

Both come from the configuration alone: a request can't say where it was made. A passkey is of use only for the domain
that it was made for, so that all are useless when that changes.
"""

import ipaddress
from enum import Enum
from typing import Final

from msgspec import Struct

from pillarbox.config.schema import Config

LOCALHOST: Final = "localhost"
_PORTS: Final = {"https": "443", "http": "80"}


class NoPasskeys(Enum):
    """Why there are no passkeys on a page, or at all."""

    NO_WEB = "this server has no pages"
    ADDRESS = "the server is reached by an IP address, for which there are no passkeys"
    NO_TLS = "the page was not loaded with https"
    NOT_IN_DOMAIN = "the server's address is not in the domain that passkeys are made for"
    OTHER_PAGE = "passkeys are used at another address of this server"


class RelyingParty(Struct, frozen=True):
    """Who asks for passkeys."""

    id: str
    """The domain that they are made for."""
    origins: tuple[str, ...]
    """The origins whose pages may use them: scheme, host, and the port where it is not the scheme's. The first is the
    usual one."""


def relying_party(config: Config) -> RelyingParty | NoPasskeys:
    """Who asks for passkeys, by the configuration; or why nobody can."""
    if not config.web_url:
        return NoPasskeys.NO_WEB
    host = _host(config.web_url)
    if _is_address(host):
        return NoPasskeys.ADDRESS
    domain = config.http.passkey_domain or host
    if not is_within(host, domain):
        return NoPasskeys.NOT_IN_DOMAIN
    pages = (config.web_url, *_by_host_name(config), *config.more_origins)
    # Browsers have passkeys on pages of https, and on those of the machine itself
    usable = (origin(page) for page in pages if _is_secure(page) and is_within(_host(page), domain))
    origins = tuple(dict.fromkeys(usable))
    return RelyingParty(domain, origins) if origins else NoPasskeys.NO_TLS


def why_not(party: RelyingParty | NoPasskeys, page: str) -> NoPasskeys | None:
    """Why a page of this origin can't use passkeys; None where it can."""
    if isinstance(party, NoPasskeys):
        return party
    if origin(page) in party.origins:
        return None
    if _is_address(_host(page)):
        return NoPasskeys.ADDRESS
    return NoPasskeys.OTHER_PAGE if _is_secure(page) else NoPasskeys.NO_TLS


def is_within(host: str, domain: str) -> bool:
    """Whether a host is this domain, or one below it. One label alone is no domain for the hosts below it."""
    return host == domain or ("." in domain and host.endswith(f".{domain}"))


def origin(url: str) -> str:
    """The origin of a URL without a path, as browsers write it (RFC 6454 §6.1)."""
    scheme, _, authority = url.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return f"{scheme}://{authority.removesuffix(usual)}"


def _by_host_name(config: Config) -> tuple[str, ...]:
    """The pages that are reached by the host name, beside those at `http.url`."""
    ports = (endpoint.rpartition(":")[2] for endpoint in config.listen.https)
    return tuple(f"https://{config.hostname}:{port}" for port in ports)


def _host(url: str) -> str:
    authority = url.lower().partition("://")[2]
    if authority.startswith("["):
        return authority.partition("]")[0] + "]"
    return authority.partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_secure(url: str) -> bool:
    return url.startswith("https://") or _host(url) == LOCALHOST
