"""Host and domain names in the configuration, and URLs with them."""

from urllib.parse import urlsplit

from pillarbox.config.schema import ConfigWrong
from pillarbox.mail.address import InvalidAddress, domain_key


def host_name(text: str, option: str) -> str:
    """A full domain name as A-labels in lower case. Raises `ConfigWrong`, which names the option."""
    try:
        name = domain_key(text.removesuffix("."))
    except InvalidAddress as invalid:
        raise ConfigWrong(f"'{option}': '{text}' is not a domain name: {invalid}") from None
    if "." not in name or name.startswith("["):
        raise ConfigWrong(f"'{option}': '{text}' must be a full domain name such as mail.example.org")
    return name


def web_url(text: str, option: str) -> str:
    """Scheme, host and perhaps a port, without a final slash; empty stays empty. Raises `ConfigWrong`."""
    if not text:
        return ""
    wrong = ConfigWrong(
        f"'{option}': '{text}' must be a URL such as https://mail.example.org, without a path"
    )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    rest = (parts.username, parts.password, parts.query, parts.fragment)
    if parts.scheme not in ("https", "http") or parts.path not in ("", "/") or any(rest) or not host:
        raise wrong
    return f"{parts.scheme}://{host_name(host, option)}" + ("" if port is None else f":{port}")
