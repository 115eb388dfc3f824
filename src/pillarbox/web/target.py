"""Which URLs are asked: `https`, a host by its name, nothing secret in it."""

import string
import urllib.parse
from dataclasses import dataclass
from typing import Final

MAX_URL_OCTETS: Final = 2048
HTTPS_PORT: Final = 443
_HOST: Final = frozenset(string.ascii_lowercase + string.digits + "-_.")
MAX_LABEL_OCTETS: Final = 63
MAX_HOST_OCTETS: Final = 253


class UrlRefused(ValueError):
    """A URL that is not fetched; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    host: str
    """In lower case, without a final dot; also the name in the server's certificate."""
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """What the Host field has (RFC 9110 §7.2)."""
        return self.host if self.port == HTTPS_PORT else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 9110 §4.3.1)."""
        return f"https://{self.authority}"


def target_of(url: str) -> Target:
    """Take a URL apart. Raises `UrlRefused`."""
    if len(url) > MAX_URL_OCTETS:
        raise UrlRefused("the URL is too long")
    if not all("!" <= character <= "~" for character in url):
        raise UrlRefused("the URL has blanks or letters that are not ASCII")
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UrlRefused("the URL is malformed") from None
    if parts.scheme != "https":
        raise UrlRefused("the URL is not https")
    if "@" in parts.netloc:
        raise UrlRefused("the URL has a user name")
    host = host.lower().removesuffix(".")
    if not _is_host(host):
        raise UrlRefused("the URL has no host name")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, HTTPS_PORT if port is None else port, path)


def redirected(url: str, location: str) -> str:
    """The URL to which a Location field leads (RFC 9110 §10.2.2); `target_of` is still to judge it."""
    try:
        return urllib.parse.urljoin(url, location)
    except ValueError:
        return ""


def _is_host(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= MAX_HOST_OCTETS
        and set(host) <= _HOST
        and all(0 < len(label) <= MAX_LABEL_OCTETS for label in labels)
        and not labels[-1].isdigit()  # an address
    )
